// Scalar renderer: one loop over elements, functions of complex_ops.h and host_math.h.
#include "render_scalar.h"

#include <cinttypes>
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

// The whole formula of a float kernel is computed in double and rounded once.
const char* compute_name(ComputeType t) {
  switch (t) {
    case ComputeType::c64:
      return "float";
    case ComputeType::i32:
      return "int32_t";
    case ComputeType::i64:
      return "int64_t";
    default:
      return "double";
  }
}
const char* memory_name(ComputeType t) { return t == ComputeType::f32 ? "float" : compute_name(t); }

std::string integer_literal(int64_t v) {
  if (v == INT64_MIN) return "static_cast<T>(INT64_MIN)";
  char text[64];
  std::snprintf(text, sizeof text, "static_cast<T>(INT64_C(%" PRId64 "))", v);
  return text;
}

class ScalarWriter {
 public:
  ScalarWriter(const Program& p, ComputeType type)
      : p_(p), type_(type), t_(elaborate_lowered(p, type, primitive_only)) {}

  std::string run() {
    std::string out = cat("void ", kernel_function_name(p_, type_),
                          "(void* const* outs, const void* const* ins, int64_t n, const ScalarParam* params, "
                          "uint32_t how) {\n",
                          "  using T [[maybe_unused]] = ", compute_name(type_),
                          ";\n  using M [[maybe_unused]] = ", memory_name(type_), ";\n");
    out += is_complex(type_) ? "  using C [[maybe_unused]] = cx::Cx<T>;\n" : "";
    out += "  (void)ins;\n  (void)params;\n  (void)how;\n";
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
                "*>(ins[", n.payload, "]);  // ", p_.inputs[n.payload].name, "\n  const int64_t m", n.payload,
                " = how >> ", n.payload, " & 1 ? 0 : -1;\n");
      (inv ? before : inside) +=
          cat(inv ? "  " : "    ", "const ", value_type(n.type), " v", id, " = ", value(id), ";\n");
    }
    for (size_t k = 0; k < p_.outputs.size(); ++k)
      out += cat("  const auto o", k, " = static_cast<", memory_type(p_.outputs[k].kind), "*>(outs[", k,
                 "]);\n");
    out += before + "  for (int64_t i = 0; i < n; ++i) {\n" + inside;
    for (size_t k = 0; k < p_.outputs.size(); ++k)
      out += single(p_.outputs[k].kind) ? cat("    o", k, "[i] = static_cast<M>(v", t_.roots[k], ");\n")
                                        : cat("    o", k, "[i] = v", t_.roots[k], ";\n");
    return out + "  }\n}\n";
  }

 private:
  static const char* value_type(ValueType t) {
    return t == ValueType::Bool ? "bool" : t == ValueType::Complex ? "C" : "T";
  }
  const char* memory_type(OperandKind k) const {
    return k == OperandKind::B                         ? "uint8_t"
           : k == OperandKind::I                       ? "int64_t"
           : k == OperandKind::R || !is_complex(type_) ? "M"
                                                       : "C";
  }
  // Elements of float kernels are converted when they are read and written.
  bool single(OperandKind k) const {
    return type_ == ComputeType::f32 && k != OperandKind::B && k != OperandKind::I;
  }

  std::string value(NodeId id) const {
    const Node& n = t_.graph[id];
    switch (n.fn) {
      case kConst: {
        const Constant& c = t_.graph.constant_of(id);
        if (n.type == ValueType::Bool) return c.i ? "true" : "false";
        if (n.type == ValueType::Int) return integer_literal(c.i);
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
            if (is_integer(type_)) return cat("static_cast<T>(", p, ".i)");
            if (!is_complex(type_)) return cat("static_cast<T>(", p, ".f)");
            return cat("{static_cast<T>(", p, ".c[0]), static_cast<T>(", p, ".c[1])}");
          default:
            return cat("static_cast<T>(", p, ".f)");
        }
      }
      case kInput: {
        OperandKind k = p_.inputs[n.payload].kind;
        std::string at = cat("i", n.payload, "[i & m", n.payload, "]");
        return k == OperandKind::B                ? at + " != 0"
               : k == OperandKind::I || single(k) ? cat("static_cast<T>(", at, ")")
                                                  : at;
      }
      case kToInt:
      case kToReal:
        return cat("static_cast<T>(v", n.args[0], ")");
      case kToComplex:
        return cat("{v", n.args[0], ", 0}");
      default: {
        const FunctionInfo& f = function_info(n.fn);
        std::string text =
            f.scalar ? cat("static_cast<T>(host_math::", f.name, "(") : cat("cx::op_", f.name, "(");
        for (int k = 0; k < n.nargs; ++k) text += cat(k ? ", v" : "v", n.args[k]);
        return text + (f.scalar ? "))" : ")");
      }
    }
  }

  const Program& p_;
  ComputeType type_;
  TypedProgram t_;
};

}  // namespace

std::string render_scalar(const Program& program, ComputeType type) {
  return ScalarWriter(program, type).run();
}

bool is_scalar_kernel(const Program& program, ComputeType type) {
  if (!program.wants(type)) return false;
  if (is_complex(type)) return true;
  const TypedProgram t = elaborate_lowered(program, type, primitive_only);
  for (NodeId id : reachable(t.graph, t.roots))
    if (function_info(t.graph[id].fn).scalar) return true;
  return false;
}

}  // namespace rustorch::exprgen
