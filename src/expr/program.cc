// Parsing of kernel requests and their elaboration.
#include "expr/program.h"

#include <algorithm>

#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t' || s.front() == '\r')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

std::string_view next_word(std::string_view& s) {
  s = trim(s);
  size_t n = s.find_first_of(" \t");
  std::string_view w = s.substr(0, n);
  s = n == std::string_view::npos ? std::string_view() : trim(s.substr(n));
  return w;
}

class RequestParser {
 public:
  explicit RequestParser(std::string_view block) : text_(block) {}

  Program run() {
    while (!text_.empty()) {
      size_t n = text_.find('\n');
      std::string_view line = text_.substr(0, n);
      text_ = n == std::string_view::npos ? std::string_view() : text_.substr(n + 1);
      line = trim(line.substr(0, line.find('#')));
      if (line.empty()) continue;
      p_.source.append(line);
      p_.source.push_back('\n');
      try {
        statement(line);
      } catch (const RusTorchError& e) {
        throw e.with_context(cat("in kernel ", p_.name, ", line: ", line));
      }
    }
    check(!p_.name.empty(), "a request starts with: kernel NAME");
    check(!p_.outputs.empty() && have_formula_, "every out needs an expr");
    check(p_.types != 0, "types are missing");
    return std::move(p_);
  }

 private:
  void check(bool ok, std::string_view what) const {
    RT_CHECK(ok, Value, "expr", what, "; kernel ", p_.name);
  }

  void statement(std::string_view line) {
    std::string_view rest = line;
    std::string_view key = next_word(rest);
    if (key == "kernel") {
      check(p_.name.empty() && !rest.empty(), "one kernel with one name a block");
      p_.name = std::string(rest);
    } else if (key == "in") {
      operands(rest, p_.inputs, "TRBI");
    } else if (key == "param") {
      operands(rest, p_.params, "TFIB");
    } else if (key == "out") {
      check(p_.outputs.empty() || have_formula_, "every out needs an expr");
      Output o;
      o.kind = kind(rest, "TRB");
      p_.outputs.push_back(std::move(o));
      have_formula_ = false;
    } else if (key == "types") {
      while (!rest.empty())
        p_.types |= static_cast<uint8_t>(1u << static_cast<int>(compute_type(next_word(rest))));
    } else if (key == "expr") {
      check(!p_.outputs.empty() && !have_formula_, "expr follows an out");
      p_.outputs.back().formula = parse(rest);
      have_formula_ = true;
    } else if (key.substr(0, 5) == "expr.") {
      check(!p_.outputs.empty(), "expr follows an out");
      p_.outputs.back().overrides.emplace_back(compute_type(key.substr(5)), parse(rest));
    } else if (key == "tensor") {
      p_.tensor_list = rest == "list";
      p_.tensor = rest == "yes" || p_.tensor_list;
    } else if (key == "check_zero") {
      p_.check_zero = std::string(rest);
    } else {
      check(false, cat("unknown keyword; got ", key));
    }
  }

  ComputeType compute_type(std::string_view w) const {
    for (int t = 0; t < kNumComputeTypes; ++t)
      if (w == compute_type_name(static_cast<ComputeType>(t))) return static_cast<ComputeType>(t);
    check(false, cat("unknown compute type; got ", w));
    return ComputeType::f32;
  }

  OperandKind kind(std::string_view w, std::string_view allowed) const {
    check(w.size() == 1 && allowed.find(w[0]) != std::string_view::npos, cat("operand kind; got ", w));
    return w[0] == 'T'   ? OperandKind::T
           : w[0] == 'R' ? OperandKind::R
           : w[0] == 'B' ? OperandKind::B
           : w[0] == 'I' ? OperandKind::I
                         : OperandKind::F;
  }

  void operands(std::string_view rest, std::vector<Operand>& out, std::string_view allowed) {
    while (!rest.empty()) {
      std::string_view w = next_word(rest);
      size_t colon = w.find(':');
      check(colon != std::string_view::npos, "operands are written name:KIND");
      Operand o;
      o.name = std::string(w.substr(0, colon));
      o.kind = kind(w.substr(colon + 1), allowed);
      for (const auto* list : {&p_.inputs, &p_.params})
        for (const Operand& other : *list) check(other.name != o.name, cat("two operands called ", o.name));
      out.push_back(std::move(o));
    }
    check(p_.inputs.size() <= 16 && p_.params.size() <= 16, "at most 16 operands");
  }

  std::string_view text_;
  Program p_;
  bool have_formula_ = false;
};

NodeId output_value(Graph& g, NodeId id, OperandKind kind, ComputeType type) {
  ValueType want = kind == OperandKind::B ? ValueType::Bool : operand_type(kind, type);
  return g.coerce(id, want);
}

}  // namespace

char operand_kind_letter(OperandKind k) { return "TRBIF"[static_cast<int>(k)]; }

const Ast& Output::formula_for(ComputeType t) const {
  for (const auto& o : overrides)
    if (o.first == t) return o.second;
  return formula;
}

Program parse_request(std::string_view block) { return RequestParser(block).run(); }

std::vector<Program> parse_requests(std::string_view text) {
  std::vector<Program> out;
  size_t start = std::string_view::npos, pos = 0;
  auto finish = [&](size_t end) {
    if (start == std::string_view::npos) return;
    Program p = parse_request(text.substr(start, end - start));
    for (const Program& q : out) RT_CHECK(q.name != p.name, Value, "expr", "two kernels called ", p.name);
    out.push_back(std::move(p));
  };
  while (pos < text.size()) {
    size_t eol = std::min(text.find('\n', pos), text.size());
    std::string_view line = trim(text.substr(pos, eol - pos));
    if (line.substr(0, 7) == "kernel " || line.substr(0, 7) == "kernel\t") {
      finish(pos);
      start = pos;
    }
    pos = eol + 1;
  }
  finish(text.size());
  return out;
}

ValueType operand_type(OperandKind kind, ComputeType type) {
  if (kind == OperandKind::B) return ValueType::Bool;
  if (is_integer(type)) return ValueType::Int;
  return kind == OperandKind::T && is_complex(type) ? ValueType::Complex : ValueType::Real;
}

TypedProgram elaborate(const Program& program, ComputeType type) {
  TypedProgram t(type);
  Graph::Scope scope;
  for (size_t k = 0; k < program.inputs.size(); ++k)
    scope.emplace_back(program.inputs[k].name, t.graph.leaf(kInput, static_cast<uint32_t>(k),
                                                            operand_type(program.inputs[k].kind, type)));
  for (size_t k = 0; k < program.params.size(); ++k)
    scope.emplace_back(program.params[k].name, t.graph.leaf(kParam, static_cast<uint32_t>(k),
                                                            operand_type(program.params[k].kind, type)));
  for (const Output& o : program.outputs) {
    try {
      NodeId root = t.graph.evaluate(o.formula_for(type), scope);
      t.roots.push_back(output_value(t.graph, root, o.kind, type));
    } catch (const RusTorchError& e) {
      throw e.with_context(cat("in kernel ", program.name, " for ", compute_type_name(type)));
    }
  }
  return t;
}

TypedProgram elaborate_lowered(const Program& program, ComputeType type, HasBody has_body) {
  TypedProgram t = elaborate(program, type), out(type);
  out.roots = lower(t.graph, t.roots, out.graph, has_body);
  return out;
}

}  // namespace rustorch::expr
