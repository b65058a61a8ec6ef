// Complex renderer: one loop over elements, functions of complex_ops.h.
#include "render_complex.h"

#include <cmath>
#include <cstdio>

#include "render_highway.h"
#include "rustorch/error.h"

namespace rustorch::exprgen {

using namespace expr;  // NOLINT

namespace {

std::string literal(double v) {
  if (std::isnan(v)) return "__builtin_nan(\"\")";
  if (std::isinf(v)) return v < 0 ? "-__builtin_inf()" : "__builtin_inf()";
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", v);
  return text;
}

class ComplexWriter {
 public:
  ComplexWriter(const Program& p, ComputeType type)
      : p_(p), type_(type), t_(elaborate_lowered(p, type, primitive_only)) {}

  std::string run() {
    const char* part = type_ == ComputeType::c64 ? "float" : "double";
    std::string out =
        cat("void ", kernel_function_name(p_, type_),
            "(void* const* outs, const void* const* ins, int64_t n, const ScalarParam* params) {\n",
            "  using T = ", part, ";\n  using C = cx::Cx<T>;\n  (void)ins;\n  (void)params;\n");
    std::vector<NodeId> order = reachable(t_.graph, t_.roots);
    std::vector<char> invariant(t_.graph.size(), 0);
    std::string before, inside;
    for (NodeId id : order) {
      const Node& n = t_.graph[id];
      bool inv = n.fn != kInput;
      for (int k = 0; k < n.nargs; ++k) inv = inv && invariant[n.args[k]];
      invariant[id] = inv;
      if (n.fn == kInput)
        out +=
            cat("  const auto i", n.payload, " = static_cast<const ", memory_type(p_.inputs[n.payload].kind),
                "*>(ins[", n.payload, "]);  // ", p_.inputs[n.payload].name, "\n");
      (inv ? before : inside) +=
          cat(inv ? "  " : "    ", "const ", value_type(n.type), " v", id, " = ", value(id), ";\n");
    }
    for (size_t k = 0; k < p_.outputs.size(); ++k)
      out += cat("  const auto o", k, " = static_cast<", memory_type(p_.outputs[k].kind), "*>(outs[", k,
                 "]);\n");
    out += before + "  for (int64_t i = 0; i < n; ++i) {\n" + inside;
    for (size_t k = 0; k < p_.outputs.size(); ++k) out += cat("    o", k, "[i] = v", t_.roots[k], ";\n");
    return out + "  }\n}\n";
  }

 private:
  static const char* value_type(ValueType t) {
    return t == ValueType::Bool ? "bool" : t == ValueType::Complex ? "C" : "T";
  }
  static const char* memory_type(OperandKind k) {
    return k == OperandKind::B   ? "uint8_t"
           : k == OperandKind::I ? "int64_t"
           : k == OperandKind::R ? "T"
                                 : "C";
  }

  std::string value(NodeId id) const {
    const Node& n = t_.graph[id];
    switch (n.fn) {
      case kConst: {
        const Constant& c = t_.graph.constant_of(id);
        if (n.type == ValueType::Bool) return c.i ? "true" : "false";
        std::string re = cat("static_cast<T>(", literal(c.re), ")");
        return n.type == ValueType::Complex ? cat("{", re, ", static_cast<T>(", literal(c.im), ")}") : re;
      }
      case kParam: {
        std::string p = cat("params[", n.payload, "]");
        switch (p_.params[n.payload].kind) {
          case OperandKind::B:
            return p + ".i != 0";
          case OperandKind::I:
            return cat("static_cast<T>(", p, ".i)");
          case OperandKind::T:
            return cat("{static_cast<T>(", p, ".c[0]), static_cast<T>(", p, ".c[1])}");
          default:
            return cat("static_cast<T>(", p, ".f)");
        }
      }
      case kInput: {
        OperandKind k = p_.inputs[n.payload].kind;
        std::string at = cat("i", n.payload, "[i]");
        return k == OperandKind::B   ? at + " != 0"
               : k == OperandKind::I ? cat("static_cast<T>(", at, ")")
                                     : at;
      }
      case kToReal:
        return cat("static_cast<T>(v", n.args[0], ")");
      case kToComplex:
        return cat("{v", n.args[0], ", 0}");
      default: {
        std::string text = cat("cx::op_", function_info(n.fn).name, "(");
        for (int k = 0; k < n.nargs; ++k) text += cat(k ? ", v" : "v", n.args[k]);
        return text + ")";
      }
    }
  }

  const Program& p_;
  ComputeType type_;
  TypedProgram t_;
};

}  // namespace

std::string render_complex(const Program& program, ComputeType type) {
  return ComplexWriter(program, type).run();
}

}  // namespace rustorch::exprgen
