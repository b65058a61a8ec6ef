// Scalar functions and preludes in a GPU dialect.
#include <cctype>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "expr/dialect.h"
#include "expr/prelude.h"
#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

// Key of a prelude function: domain letter, colon, name.
std::string key_of(ValueType domain, std::string_view function) {
  return cat(domain == ValueType::Complex ? "c:" : domain == ValueType::Int ? "i:" : "r:", function);
}
ValueType domain_of_key(const std::string& key) {
  return key[0] == 'c' ? ValueType::Complex : key[0] == 'i' ? ValueType::Int : ValueType::Real;
}

// What one (dialect, compute type) pair calls things.
class Speller {
 public:
  Speller(const Dialect& d, ComputeType type) : d_(d), type_(type), real_(real_part_type(type)) {
    RT_CHECK(dialect_supports(d, type), NotImplemented, "render", d.name, " has no type ",
             compute_type_name(type));
  }
  const Dialect& dialect() const { return d_; }
  ComputeType compute() const { return type_; }
  const char* type_name(ValueType t) const {
    switch (t) {
      case ValueType::Bool:
        return d_.bool_type;
      case ValueType::Real:
        return d_.types[static_cast<int>(real_)];
      default:
        return d_.types[static_cast<int>(type_)];
    }
  }
  const char* unsigned_name() const { return type_ == ComputeType::i64 ? d_.unsigned_64 : d_.unsigned_32; }
  std::string make_complex() const {
    RT_CHECK(d_.make_complex != nullptr, NotImplemented, "render", d_.name, " has no complex numbers");
    std::string out;
    for (const char* c = d_.make_complex; *c; ++c)
      out += *c == '%' ? std::string(type_name(ValueType::Complex)) : std::string(1, *c);
    return out;
  }
  std::string number(double v) const { return dialect_number(d_, v, real_); }
  std::string integer(int64_t v) const {
    char text[40];
    std::snprintf(text, sizeof text, "%" PRId64, v);
    if (type_ == ComputeType::i32) {
      if (v == INT32_MIN) return d_.wgsl ? "(-2147483647 - 1)" : "(-2147483647 - 1)";
      return v < 0 ? cat("(", text, ")") : std::string(text);
    }
    if (v == INT64_MIN) return cat("(", integer(INT64_MIN + 1), " - 1)");
    return v < 0 ? cat("(", text, "L)") : cat(text, "L");
  }
  // Name of a prelude function.
  std::string prelude_name(ValueType domain, std::string_view function) const {
    ComputeType t = domain == ValueType::Real ? real_ : type_;
    return cat("rt_", function, "_", compute_type_name(t));
  }
  /// Spelling of a call; a prelude function is noted in `used`.
  std::string callee(ValueType domain, std::string_view function, std::set<std::string>& used) const {
    if (domain == ValueType::Real) {
      const char* b = builtin_name(d_, function);
      if (*b) return b;
    }
    RT_CHECK(!body(function, domain).empty(), NotImplemented, "render", d_.name, " has no function ",
             function);
    used.insert(key_of(domain, function));
    return prelude_name(domain, function);
  }

  /// Text of a prelude function, or of a table as one; empty when there is none.
  std::string body(std::string_view function, ValueType domain) const {
    const std::string text = prelude_body(d_, function, domain);
    return !text.empty() || d_.wgsl || domain != ValueType::Real ? text : table_body(function, real_);
  }

  /// Expands the placeholders of a prelude body (see prelude.cc).
  std::string expand(const std::string& s, ValueType domain, std::set<std::string>& used) const {
    std::string out;
    for (size_t i = 0; i < s.size();) {
      if (s[i] == '$') {
        i = placeholder(s, i, domain, out);
      } else if (s[i] == '%' && i + 1 < s.size() &&
                 (s[i + 1] == '%' || std::isalpha(static_cast<unsigned char>(s[i + 1])))) {
        const bool complex = s[i + 1] == '%';
        size_t b = i + (complex ? 2 : 1), e = b;
        while (e < s.size() && (std::isalnum(static_cast<unsigned char>(s[e])) || s[e] == '_')) ++e;
        ValueType dom = complex                    ? ValueType::Complex
                        : domain == ValueType::Int ? ValueType::Int
                                                   : ValueType::Real;
        out += callee(dom, std::string_view(s).substr(b, e - b), used);
        i = e;
      } else if (std::isdigit(static_cast<unsigned char>(s[i])) && !in_name(s, i)) {
        i = literal(s, i, out);
      } else {
        out += s[i++];
      }
    }
    return out;
  }

 private:
  static bool in_name(const std::string& s, size_t i) {
    return i > 0 &&
           (std::isalnum(static_cast<unsigned char>(s[i - 1])) || s[i - 1] == '_' || s[i - 1] == '.');
  }
  size_t literal(const std::string& s, size_t i, std::string& out) const {
    size_t e = i;
    bool floating = false;
    while (e < s.size() &&
           (std::isalnum(static_cast<unsigned char>(s[e])) || s[e] == '.' ||
            ((s[e] == '-' || s[e] == '+') && s[e - 1] == 'e' && s.compare(i, 2, "0x") != 0))) {
      floating = floating || s[e] == '.';
      ++e;
    }
    out.append(s, i, e - i);
    if (floating && real_ == ComputeType::f32 && !d_.wgsl) out += d_.float_suffix;
    return e;
  }
  size_t placeholder(const std::string& s, size_t i, ValueType domain, std::string& out) const {
    auto starts = [&](const char* w) { return s.compare(i + 1, std::strlen(w), w) == 0; };
    if (starts("INF") || starts("NAN")) {
      out += number(starts("INF") ? static_cast<double>(INFINITY) : static_cast<double>(NAN));
      return i + 4;
    }
    if (starts("EPS")) {
      out += number(real_ == ComputeType::f32 ? 1.1920929e-7 : 2.220446049250313e-16);
      return i + 4;
    }
    if (starts("C2")) {
      out += type_name(ValueType::Complex);
      return i + 3;
    }
    if (starts("C(")) {
      out += make_complex();
      return i + 2;
    }
    out += starts("U") ? unsigned_name()
                       : type_name(domain == ValueType::Int ? ValueType::Int : ValueType::Real);
    return i + 2;
  }

  const Dialect& d_;
  ComputeType type_, real_;
};

bool has_body(FunctionId fn, ValueType domain) { return primitive_only(fn, domain); }

class FunctionWriter {
 public:
  FunctionWriter(const Program& p, const Dialect& d, ComputeType type)
      : p_(p), s_(d, type), t_(elaborate_lowered(p, type, has_body)) {}

  std::set<std::string> used;

  std::string body(NodeId root) {
    std::string out;
    const bool wgsl = s_.dialect().wgsl;
    std::vector<std::string> text(t_.graph.size());
    for (NodeId id : reachable(t_.graph, {root})) {
      const Node& n = t_.graph[id];
      std::string v = value(id, n, text);
      if (n.nargs == 0) {
        text[id] = v;
        continue;
      }
      text[id] = cat("v", id);
      out += wgsl ? cat("  let v", id, " = ", v, ";\n")
                  : cat("  const ", s_.type_name(n.type), " v", id, " = ", v, ";\n");
    }
    return out + cat("  return ", text[root], ";\n");
  }
  NodeId root(size_t k) const { return t_.roots[k]; }
  ValueType type_of(NodeId id) const { return t_.graph[id].type; }

  std::string signature(std::string_view name, size_t output) const {
    const Dialect& d = s_.dialect();
    std::string args;
    for (const auto* list : {&p_.inputs, &p_.params})
      for (const Operand& o : *list) {
        const char* t = argument_type(o.kind);
        args += args.empty() ? "" : ", ";
        args += d.wgsl ? cat("a_", o.name, ": ", t) : cat(t, " a_", o.name);
      }
    const char* r = s_.type_name(type_of(root(output)));
    return d.wgsl ? cat("fn ", name, "(", args, ") -> ", r)
                  : cat(d.qualifier, " ", r, " ", name, "(", args, ")");
  }

 private:
  const char* argument_type(OperandKind k) const {
    if (k == OperandKind::B) return s_.dialect().bool_type;
    if (k == OperandKind::I) return s_.dialect().int64_type;
    if (k == OperandKind::F && is_integer(s_.compute())) return s_.type_name(ValueType::Int);
    return s_.type_name(operand_type(k == OperandKind::F ? OperandKind::R : k, s_.compute()));
  }
  std::string convert(ValueType to, const std::string& v) const {
    return s_.dialect().wgsl ? cat(s_.type_name(to), "(", v, ")") : cat("(", s_.type_name(to), ")", v);
  }

  std::string value(NodeId id, const Node& n, const std::vector<std::string>& text) {
    switch (n.fn) {
      case kConst:
        return constant(id, n);
      case kInput:
      case kParam: {
        const Operand& o = n.fn == kInput ? p_.inputs[n.payload] : p_.params[n.payload];
        std::string v = cat("a_", o.name);
        return o.kind == OperandKind::I && s_.compute() != ComputeType::i64 ? convert(n.type, v) : v;
      }
      case kToInt:
      case kToReal:
        if (s_.dialect().wgsl)
          return cat("select(", n.fn == kToInt ? "0, 1, " : "0.0f, 1.0f, ", text[n.args[0]], ")");
        return convert(n.type, text[n.args[0]]);
      case kToComplex:
        return cat(s_.make_complex(), "(", text[n.args[0]], ", ", s_.number(0), ")");
      default:
        return call(n, text);
    }
  }
  std::string constant(NodeId id, const Node& n) const {
    const Constant& c = t_.graph.constant_of(id);
    if (n.type == ValueType::Bool) return c.i ? "true" : "false";
    if (n.type == ValueType::Int) return s_.integer(c.i);
    if (n.type == ValueType::Complex)
      return cat(s_.make_complex(), "(", s_.number(c.re), ", ", s_.number(c.im), ")");
    return s_.number(c.re);
  }

  std::string call(const Node& n, const std::vector<std::string>& text) {
    static constexpr const char* kOps[] = {
        "+", "-", "*", "/", "", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "", "!=", "&", "|", "^"};
    const FunctionInfo& f = function_info(n.fn);
    ValueType dom = t_.graph.domain(n);
    std::string a = text[n.args[0]], b = n.nargs > 1 ? text[n.args[1]] : "";
    if (n.fn == kWhere)
      return s_.dialect().wgsl ? cat("select(", text[n.args[2]], ", ", b, ", ", a, ")")
                               : cat("(", a, " ? ", b, " : ", text[n.args[2]], ")");
    if (dom == ValueType::Complex || std::strcmp(f.name, "complex") == 0) return complex_call(n, f, a, b);
    if (n.fn == kNot) return cat("!", a);
    if (n.fn == kBitNot) return cat("~", a);
    const bool wrapping = dom == ValueType::Int && !s_.dialect().wgsl;
    if (n.fn == kNeg) return wrapping ? convert_wrapped("0", "-", a) : cat("-", a);
    if (wrapping && n.fn >= kAdd && n.fn <= kMul) return convert_wrapped(a, kOps[n.fn - kAdd], b);
    if (n.fn >= kAdd && n.fn <= kBitXor) return cat(a, " ", kOps[n.fn - kAdd], " ", b);
    std::string out = s_.callee(dom == ValueType::Int ? ValueType::Int : ValueType::Real, f.name, used);
    if (f.rule == TypeRule::Test && !s_.dialect().wgsl) return cat(out, "(", a, ") != 0");
    return cat(out, "(", a, n.nargs > 1 ? ", " : "", b, n.nargs > 2 ? ", " + text[n.args[2]] : "", ")");
  }
  std::string convert_wrapped(const std::string& a, const char* op, const std::string& b) const {
    const char* u = s_.unsigned_name();
    return cat("(", s_.type_name(ValueType::Int), ")((", u, ")", a, " ", op, " (", u, ")", b, ")");
  }
  std::string complex_call(const Node& n, const FunctionInfo& f, const std::string& a, const std::string& b) {
    const std::string make = s_.make_complex();
    switch (n.fn) {
      case kAdd:
        return cat(make, "(", a, ".x + ", b, ".x, ", a, ".y + ", b, ".y)");
      case kSub:
        return cat(make, "(", a, ".x - ", b, ".x, ", a, ".y - ", b, ".y)");
      case kNeg:
        return cat(make, "(-", a, ".x, -", a, ".y)");
      case kEq:
        return cat(a, ".x == ", b, ".x && ", a, ".y == ", b, ".y");
      case kNe:
        return cat(a, ".x != ", b, ".x || ", a, ".y != ", b, ".y");
      default:
        break;
    }
    if (!std::strcmp(f.name, "real")) return a + ".x";
    if (!std::strcmp(f.name, "imag")) return a + ".y";
    if (!std::strcmp(f.name, "complex")) return cat(make, "(", a, ", ", b, ")");
    if (!std::strcmp(f.name, "abs"))
      return cat(s_.callee(ValueType::Real, "hypot", used), "(", a, ".x, ", a, ".y)");
    return cat(s_.callee(ValueType::Complex, f.name, used), "(", a, n.nargs > 1 ? ", " : "", b, ")");
  }

  const Program& p_;
  Speller s_;
  TypedProgram t_;
};

// Emits a prelude function after those it calls.
class PreludeWriter {
 public:
  PreludeWriter(const Dialect& d, ComputeType type) : s_(d, type) {}
  std::string out;

  void add(const std::string& key) {
    if (!done_.insert(key).second) return;
    const ValueType domain = domain_of_key(key);
    const std::string name = key.substr(2);
    std::set<std::string> calls;
    std::string body = s_.expand(s_.body(name, domain), domain, calls);
    for (const std::string& c : calls) add(c);
    int id = find_function(name);
    const int arity = id < 0 ? helper_arity(name) : function_info(static_cast<FunctionId>(id)).arity;
    const bool test = id >= 0 && function_info(static_cast<FunctionId>(id)).rule == TypeRule::Test;
    const char* type = s_.type_name(domain);
    const char* letters = domain == ValueType::Complex ? "ab" : "xyz";
    std::string args;
    for (int k = 0; k < arity; ++k)
      args += s_.dialect().wgsl ? cat(k ? ", " : "", std::string(1, letters[k]), ": ", type)
                                : cat(k ? ", " : "", type, " ", std::string(1, letters[k]));
    const char* result = test ? s_.dialect().bool_type : type;
    if (s_.dialect().wgsl)
      out += cat("fn ", s_.prelude_name(domain, name), "(", args, ") -> ", result, " {\n  ", body, "\n}\n");
    else  // guarded, so that preludes of several compute types can stand in one source
      out += cat("#ifndef RT_HAVE_", s_.prelude_name(domain, name), "\n#define RT_HAVE_",
                 s_.prelude_name(domain, name), "\n", s_.dialect().qualifier, " ", result, " ",
                 s_.prelude_name(domain, name), "(", args, ") {\n  ", body, "\n}\n#endif\n");
  }

 private:
  Speller s_;
  std::set<std::string> done_;
};

}  // namespace

std::string render_scalar_function(const Program& program, const Dialect& dialect, ComputeType type,
                                   std::string_view name, size_t output) {
  RT_CHECK(output < program.outputs.size(), Index, "render", "output out of range; got ", output);
  FunctionWriter w(program, dialect, type);
  return cat(w.signature(name, output), " {\n", w.body(w.root(output)), "}\n");
}

std::set<std::string> used_functions(const Program& program, const Dialect& dialect, ComputeType type) {
  FunctionWriter w(program, dialect, type);
  for (size_t k = 0; k < program.outputs.size(); ++k) w.body(w.root(k));
  return w.used;
}

std::string dialect_prelude(const Dialect& dialect, ComputeType type, const std::set<std::string>& used) {
  PreludeWriter w(dialect, type);
  for (const std::string& key : used) w.add(key);
  std::string head;
  if (type == ComputeType::f64 || type == ComputeType::c128) head = dialect.header_f64;
  // Keeps the compiler from evaluating the bits as a (forbidden) constant infinity or nan.
  if (dialect.wgsl)
    head =
        "var<private> rt_zero: u32 = 0u;\nfn rt_bits(b: u32) -> f32 {\n  return bitcast<f32>(b + "
        "rt_zero);\n}\n";
  return head + w.out;
}

}  // namespace rustorch::expr
