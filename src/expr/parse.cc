// Recursive-descent parser of the scalar expression language (C precedence, bounded depth).
#include <cmath>
#include <cstdlib>

#include "expr/ast.h"
#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

constexpr int kMaxDepth = 200;
constexpr size_t kMaxNodes = 20000;

struct BinaryOp {
  const char* token;
  const char* function;
  int precedence;
};
// Longer tokens first, so that "<<" is not read as "<".
constexpr BinaryOp kBinary[] = {
    {"||", "logical_or", 1}, {"&&", "logical_and", 2}, {"==", "eq", 6},        {"!=", "ne", 6},
    {"<=", "le", 7},         {">=", "ge", 7},          {"<<", "shl", 8},       {">>", "shr", 8},
    {"<", "lt", 7},          {">", "gt", 7},           {"|", "bitwise_or", 3}, {"^", "bitwise_xor", 4},
    {"&", "bitwise_and", 5}, {"+", "add", 9},          {"-", "sub", 9},        {"*", "mul", 10},
    {"/", "div", 10},
};

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Ast run() {
    for (;;) {
      skip_space();
      size_t start = pos_;
      std::string name;
      if (pos_ < text_.size() && is_name_start(text_[pos_])) name = read_name();
      skip_space();
      if (!name.empty() && peek() == '=' && peek(1) != '=') {
        ++pos_;
        uint32_t value = expression(0);
        expect(';');
        ast_.lets.emplace_back(std::move(name), value);
        continue;
      }
      pos_ = start;
      ast_.root = expression(0);
      skip_space();
      if (peek() == ';') ++pos_;
      skip_space();
      if (pos_ != text_.size()) fail("unexpected text");
      return std::move(ast_);
    }
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    size_t from = pos_ > 20 ? pos_ - 20 : 0;
    raise(ErrorKind::Value, "expr",
          cat(what, " at column ", static_cast<int>(pos_ + 1), "; got ... ", text_.substr(from, pos_ - from),
              " <here> ", text_.substr(pos_ < text_.size() ? pos_ : text_.size(), 20)));
  }
  char peek(size_t k = 0) const { return pos_ + k < text_.size() ? text_[pos_ + k] : '\0'; }
  void skip_space() {
    while (pos_ < text_.size() && (text_[pos_] == ' ' || text_[pos_] == '\t' || text_[pos_] == '\n')) ++pos_;
  }
  void expect(char c) {
    skip_space();
    if (peek() != c) fail(cat("expected '", c, "'"));
    ++pos_;
  }
  std::string read_name() {
    size_t b = pos_;
    while (is_name_start(peek()) || is_digit(peek())) ++pos_;
    return std::string(text_.substr(b, pos_ - b));
  }

  uint32_t push(AstNode n) {
    if (ast_.nodes.size() >= kMaxNodes) fail("formula too long");
    ast_.nodes.push_back(std::move(n));
    return static_cast<uint32_t>(ast_.nodes.size() - 1);
  }
  uint32_t call(std::string name, std::vector<uint32_t> args) {
    AstNode n;
    n.kind = AstNode::kCall;
    n.name = std::move(name);
    n.args = std::move(args);
    return push(std::move(n));
  }
  uint32_t number(double v, bool integral, int64_t iv) {
    AstNode n;
    n.value = v;
    n.integral = integral;
    n.ivalue = iv;
    return push(std::move(n));
  }

  const BinaryOp* binary_here(int min_precedence) const {
    for (const BinaryOp& op : kBinary) {
      std::string_view t(op.token);
      if (text_.substr(pos_, t.size()) != t) continue;
      return op.precedence >= min_precedence ? &op : nullptr;
    }
    return nullptr;
  }

  uint32_t expression(int min_precedence) {
    if (++depth_ > kMaxDepth) fail("formula nested too deeply");
    uint32_t left = unary();
    for (;;) {
      skip_space();
      if (const BinaryOp* op = binary_here(min_precedence > 1 ? min_precedence : 1)) {
        pos_ += std::string_view(op->token).size();
        uint32_t right = expression(op->precedence + 1);
        left = call(op->function, {left, right});
        continue;
      }
      if (min_precedence == 0 && peek() == '?') {
        ++pos_;
        uint32_t a = expression(0);
        expect(':');
        uint32_t b = expression(0);
        left = call("where", {left, a, b});
        continue;
      }
      --depth_;
      return left;
    }
  }

  uint32_t unary() {
    skip_space();
    char c = peek();
    if (c == '-' || c == '!' || c == '~' || c == '+') {
      if (++depth_ > kMaxDepth) fail("formula nested too deeply");
      ++pos_;
      uint32_t a = unary();
      --depth_;
      if (c == '+') return a;
      if (c == '-') {
        const AstNode& n = ast_.nodes[a];
        if (n.kind == AstNode::kNumber && a + 1 == ast_.nodes.size() && !(n.integral && n.ivalue == 0)) {
          ast_.nodes[a].value = -n.value;
          ast_.nodes[a].ivalue = -n.ivalue;
          return a;
        }
        return call("neg", {a});
      }
      return call(c == '!' ? "logical_not" : "bitwise_not", {a});
    }
    return primary();
  }

  uint32_t primary() {
    skip_space();
    char c = peek();
    if (c == '(') {
      ++pos_;
      uint32_t a = expression(0);
      expect(')');
      return a;
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number_literal();
    if (!is_name_start(c)) fail("expected a value");
    std::string name = read_name();
    skip_space();
    if (peek() == '(') return call_arguments(std::move(name));
    if (name == "true" || name == "false") {
      AstNode n;
      n.kind = AstNode::kBool;
      n.ivalue = name == "true";
      return push(std::move(n));
    }
    AstNode n;
    n.kind = AstNode::kName;
    n.name = std::move(name);
    return push(std::move(n));
  }

  uint32_t call_arguments(std::string name) {
    ++pos_;
    std::vector<uint32_t> args;
    skip_space();
    if (peek() == ')') fail("a function needs arguments");
    for (;;) {
      args.push_back(expression(0));
      skip_space();
      if (peek() == ',') {
        ++pos_;
        continue;
      }
      expect(')');
      return call(std::move(name), std::move(args));
    }
  }

  uint32_t number_literal() {
    size_t b = pos_;
    bool integral = true;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
      pos_ += 2;
      while (std::isxdigit(static_cast<unsigned char>(peek())) || peek() == '.' || peek() == 'p' ||
             ((peek() == '-' || peek() == '+') && text_[pos_ - 1] == 'p'))
        ++pos_;
    } else {
      while (is_digit(peek()) || peek() == '.') ++pos_;
      if (peek() == 'e' || peek() == 'E') {
        ++pos_;
        if (peek() == '-' || peek() == '+') ++pos_;
        while (is_digit(peek())) ++pos_;
      }
    }
    std::string s(text_.substr(b, pos_ - b));
    char* end = nullptr;
    double v = std::strtod(s.c_str(), &end);
    if (end != s.c_str() + s.size()) fail("bad number");
    integral = s.find_first_of(".pP") == std::string::npos &&
               (s.find_first_of("eE") == std::string::npos || s.compare(0, 2, "0x") == 0);
    int64_t iv = 0;
    if (integral) {
      iv = std::strtoll(s.c_str(), nullptr, 0);
    } else if (std::floor(v) == v && std::fabs(v) < 9007199254740992.0) {
      iv = static_cast<int64_t>(v);
      integral = true;
    }
    return number(v, integral, iv);
  }

  std::string_view text_;
  size_t pos_ = 0;
  int depth_ = 0;
  Ast ast_;
};

}  // namespace

Ast parse(std::string_view text) { return Parser(text).run(); }

}  // namespace rustorch::expr
