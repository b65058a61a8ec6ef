// Tensor dialect. Values that depend on tensors become tensors; values of constants and parameters only are
// computed as numbers. Bool tensors enter arithmetic by promotion, numbers by PyTorch's rules for numbers.
#include "render_tensor.h"

#include <cmath>
#include <cstdio>
#include <cstring>

#include "rustorch/error.h"

namespace rustorch::exprgen {

using namespace expr;  // NOLINT

namespace {

bool is(const FunctionInfo& f, const char* name) { return std::strcmp(f.name, name) == 0; }

bool has_tensor_op(FunctionId fn, ValueType domain) {
  const FunctionInfo& f = function_info(fn);
  if (is(f, "clamp") || is(f, "clamp_min") || is(f, "clamp_max")) return false;  // their ops take other types
  return f.tensor_name != nullptr || primitive_only(fn, domain);
}

std::string number(double v) {
  if (std::isnan(v)) return "std::numeric_limits<double>::quiet_NaN()";
  if (std::isinf(v)) return cat(v < 0 ? "-" : "", "std::numeric_limits<double>::infinity()");
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", v);
  std::string s = text;
  return s.find_first_of(".e") == std::string::npos ? s + ".0" : s;
}

class TensorWriter {
 public:
  explicit TensorWriter(const Program& p)
      : p_(p),
        type_(p.wants(ComputeType::c64) || p.wants(ComputeType::c128) ? ComputeType::c128 : ComputeType::f64),
        t_(elaborate_lowered(p, type_, has_tensor_op)) {}

  std::string body() {
    std::string out;
    order_ = reachable(t_.graph, t_.roots);
    is_tensor_.assign(t_.graph.size(), 0);
    text_.assign(t_.graph.size(), "");
    if (p_.tensor_list) out += unpack("Tensor", "ins", p_.inputs) + unpack("Scalar", "params", p_.params);
    for (const auto* list : {&p_.inputs, &p_.params})
      for (const Operand& o : *list) out += cat("  (void)", o.name, ";\n");
    for (NodeId id : order_) {
      const Node& n = t_.graph[id];
      is_tensor_[id] = n.fn == kInput;
      for (int k = 0; k < n.nargs; ++k) is_tensor_[id] = is_tensor_[id] || is_tensor_[n.args[k]];
      if (n.fn == kConst) {
        text_[id] = constant(id, n);
      } else if (n.fn == kInput) {
        const std::string& name = p_.inputs[n.payload].name;
        text_[id] = name;
        if (!p_.tensor_list && name != "g") {
          text_[id] = cat("in_", name);
          out += cat("  const Tensor in_", name, " = widened(", name, ", g);\n");
        }
      } else if (n.fn == kParam) {
        text_[id] = parameter(n);
      } else if (n.fn >= kToBool && n.fn <= kToComplex) {
        text_[id] = text_[n.args[0]];
      } else {
        std::string value = is_tensor_[id] ? tensor_call(n) : number_call(n);
        text_[id] = cat("t", id);
        out += cat("  const auto t", id, " = ", value, ";\n");
      }
    }
    if (!p_.tensor_list) return out + cat("  return ", as_tensor(t_.roots[0]), ";\n");
    std::string results;
    for (NodeId root : t_.roots) results += cat(results.empty() ? "" : ", ", as_tensor(root));
    return out + cat("  return {", results, "};\n");
  }

 private:
  static std::string unpack(const char* type, const char* list, const std::vector<Operand>& operands) {
    std::string out = operands.empty() ? cat("  (void)", list, ";\n") : "";
    for (size_t k = 0; k < operands.size(); ++k)
      out += cat("  const ", type, "& ", operands[k].name, " = ", list, "[", k, "];\n");
    return out;
  }
  std::string constant(NodeId id, const Node& n) const {
    const Constant& c = t_.graph.constant_of(id);
    if (n.type == ValueType::Bool) return c.i ? "true" : "false";
    if (c.im != 0) return cat("std::complex<double>(", number(c.re), ", ", number(c.im), ")");
    return number(c.re);
  }
  std::string parameter(const Node& n) const {
    const Operand& o = p_.params[n.payload];
    if (o.kind == OperandKind::B) return o.name + ".to_bool()";
    return o.name + (n.type == ValueType::Complex ? ".to_complex()" : ".to_double()");
  }
  // A number as Scalar; a parameter alone is passed on as it came, so that integers stay integers.
  std::string as_scalar(NodeId id) const {
    const Node* n = &t_.graph[id];
    while (n->fn == kToComplex) n = &t_.graph[n->args[0]];
    if (n->fn == kParam) return p_.params[n->payload].name;
    return cat("to_scalar(", text_[id], ")");
  }
  std::string as_tensor(NodeId id) const {
    return is_tensor_[id] ? text_[id] : cat("wrapped_number(", as_scalar(id), ")");
  }
  std::string operand(NodeId id) const { return is_tensor_[id] ? text_[id] : as_scalar(id); }

  std::string tensor_call(const Node& n) const {
    const FunctionInfo& f = function_info(n.fn);
    if (n.nargs == 2 &&
        (n.fn == kAdd || n.fn == kSub || n.fn == kMul || n.fn == kDiv || (n.fn >= kEq && n.fn <= kGe)))
      return arithmetic(n, f);
    if (n.fn == kWhere && !is_tensor_[n.args[0]])
      return cat(text_[n.args[0]], " ? ", as_tensor(n.args[1]), " : ", as_tensor(n.args[2]));
    RT_CHECK(n.fn != kWhere || is_tensor_[n.args[1]] || is_tensor_[n.args[2]], Value, "rt_exprgen",
             "a choice between two numbers would have the default dtype, write g*a : g*b; kernel ", p_.name);
    if (is(f, "pow") && is_tensor_[n.args[0]])
      return cat("pow(", text_[n.args[0]], ", ", operand(n.args[1]), ")");
    if (is(f, "trigamma")) return cat("polygamma(1, ", text_[n.args[0]], ")");
    if (is(f, "polygamma") && !is_tensor_[n.args[0]])
      return cat("polygamma(static_cast<int64_t>(", text_[n.args[0]], "), ", text_[n.args[1]], ")");
    RT_CHECK(f.tensor_name != nullptr, Value, "rt_exprgen", "no tensor op for ", f.name, "; kernel ",
             p_.name);
    std::string out = cat(f.tensor_name, "(");
    for (int k = 0; k < n.nargs; ++k) out += cat(k ? ", " : "", as_tensor(n.args[k]));
    return out + ")";
  }

  std::string arithmetic(const Node& n, const FunctionInfo& f) const {
    NodeId a = n.args[0], b = n.args[1];
    if (is_tensor_[a]) return cat(f.tensor_name, "(", text_[a], ", ", operand(b), ")");
    // A number on the left: commute, or use the reverse operation.
    switch (n.fn) {
      case kSub:
        return cat("add(neg(", text_[b], "), ", as_scalar(a), ")");
      case kDiv:
        return t_.graph.is_number(a, 1) || one_behind_cast(a)
                   ? cat("reciprocal(", text_[b], ")")
                   : cat("mul(reciprocal(", text_[b], "), ", as_scalar(a), ")");
      case kLt:
        return cat("gt(", text_[b], ", ", as_scalar(a), ")");
      case kLe:
        return cat("ge(", text_[b], ", ", as_scalar(a), ")");
      case kGt:
        return cat("lt(", text_[b], ", ", as_scalar(a), ")");
      case kGe:
        return cat("le(", text_[b], ", ", as_scalar(a), ")");
      default:
        return cat(f.tensor_name, "(", text_[b], ", ", as_scalar(a), ")");
    }
  }
  bool one_behind_cast(NodeId a) const {
    const Node& n = t_.graph[a];
    return n.fn == kToComplex && t_.graph.is_number(n.args[0], 1);
  }

  // Arithmetic on numbers, with the C++ operators and <cmath>/<complex>.
  std::string number_call(const Node& n) const {
    static constexpr const char* kOps[] = {"+",  "-", "*",  "/",  "",   "==", "!=", "<",
                                           "<=", ">", ">=", "&&", "||", "",   "!="};
    const FunctionInfo& f = function_info(n.fn);
    std::string a = text_[n.args[0]], b = n.nargs > 1 ? text_[n.args[1]] : "";
    if (n.fn == kNeg) return cat("-", a);
    if (n.fn == kNot) return cat("!", a);
    if (n.fn == kWhere) return cat(a, " ? ", b, " : ", text_[n.args[2]]);
    if (n.fn >= kAdd && n.fn <= kXor) return cat("(", a, " ", kOps[n.fn - kAdd], " ", b, ")");
    for (const char* name :
         {"exp",   "log",  "sqrt",  "abs",  "sin",  "cos",   "tan",   "sinh",  "cosh", "tanh", "pow", "conj",
          "floor", "ceil", "trunc", "exp2", "log2", "log10", "log1p", "expm1", "real", "imag", "erf"})
      if (is(f, name)) return cat("std::", name, "(", a, n.nargs > 1 ? ", " : "", b, ")");
    raise(ErrorKind::Value, "rt_exprgen", cat("no number form for ", f.name, "; kernel ", p_.name));
  }

  const Program& p_;
  ComputeType type_;
  TypedProgram t_;
  std::vector<NodeId> order_;
  std::vector<char> is_tensor_;
  std::vector<std::string> text_;
};

std::string signature(const Program& p) {
  if (p.tensor_list)
    return cat("std::vector<Tensor> ", p.name, "_tensor(const Tensor* ins, const Scalar* params)");
  RT_CHECK(p.outputs.size() == 1, Value, "rt_exprgen", "tensor yes is for one output; kernel ", p.name);
  std::string s = cat("Tensor ", p.name, "_tensor(");
  bool first = true;
  for (const Operand& o : p.inputs) {
    s += cat(first ? "" : ", ", "const Tensor& ", o.name);
    first = false;
  }
  for (const Operand& o : p.params) {
    s += cat(first ? "" : ", ", "const Scalar& ", o.name);
    first = false;
  }
  return s + ")";
}

}  // namespace

std::string render_tensor_declaration(const Program& program) {
  return program.tensor ? signature(program) + ";\n" : "";
}

std::string render_tensor_function(const Program& program) {
  return program.tensor ? cat(signature(program), " {\n", TensorWriter(program).body(), "}\n\n") : "";
}

}  // namespace rustorch::exprgen
