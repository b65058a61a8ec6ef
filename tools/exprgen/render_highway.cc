// Highway renderer: straight-line vector code around one loop whose last round works on padded buffers, so
// that every element goes through the same instructions.
#include "render_highway.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "rustorch/error.h"

namespace rustorch::exprgen {

using namespace expr;  // NOLINT: the whole file speaks the language of expr

namespace {

const char* element_type(ComputeType t) {
  switch (t) {
    case ComputeType::f32:
      return "float";
    case ComputeType::f64:
      return "double";
    case ComputeType::i32:
      return "int32_t";
    default:
      return "int64_t";
  }
}

std::string number_literal(double v, ComputeType type) {
  if (std::isnan(v)) return type == ComputeType::f32 ? "__builtin_nanf(\"\")" : "__builtin_nan(\"\")";
  const char* suffix = type == ComputeType::f32 ? "f" : "";
  if (std::isinf(v))
    return cat(v < 0 ? "-" : "", type == ComputeType::f32 ? "__builtin_inff()" : "__builtin_inf()");
  if (type == ComputeType::f32) v = static_cast<float>(v);
  char text[64];
  std::snprintf(text, sizeof text, type == ComputeType::f32 ? "%.9g" : "%.17g", v);
  std::string s = text;
  if (s == "inf" || s == "-inf") return number_literal(v, type);
  if (s.find_first_of(".e") == std::string::npos) s += ".0";
  return s + suffix;
}

std::string integer_literal(int64_t v, ComputeType type) {
  if (type == ComputeType::i32) v = static_cast<int32_t>(static_cast<uint64_t>(v));
  char text[64];
  if (v == INT64_MIN) return "INT64_MIN";
  if (v == INT32_MIN && type == ComputeType::i32) return "INT32_MIN";
  std::snprintf(text, sizeof text, type == ComputeType::i32 ? "%" PRId64 : "INT64_C(%" PRId64 ")", v);
  return text;
}

// Spelling of a function with a direct Highway operation; "" sends it to op_NAME / simd_NAME.
struct Spelling {
  const char* name;
  const char* real;
  const char* integer;
};
constexpr Spelling kSpellings[] = {
    {"add", "hn::Add(%, %)", "hn::Add(%, %)"},
    {"sub", "hn::Sub(%, %)", "hn::Sub(%, %)"},
    {"mul", "hn::Mul(%, %)", "op_mul(d, %, %)"},
    {"div", "hn::Div(%, %)", nullptr},
    {"neg", "hn::Neg(%)", "hn::Neg(%)"},
    {"eq", "hn::Eq(%, %)", "hn::Eq(%, %)"},
    {"ne", "hn::Not(hn::Eq(%, %))", "hn::Ne(%, %)"},  // Ne is an ordered compare: false for nan
    {"lt", "hn::Lt(%, %)", "hn::Lt(%, %)"},
    {"le", "hn::Le(%, %)", "hn::Not(hn::Gt(%, %))"},
    {"gt", "hn::Gt(%, %)", "hn::Gt(%, %)"},
    {"ge", "hn::Ge(%, %)", "hn::Not(hn::Lt(%, %))"},
    {"logical_and", "hn::And(%, %)", "hn::And(%, %)"},
    {"logical_or", "hn::Or(%, %)", "hn::Or(%, %)"},
    {"logical_not", "hn::Not(%)", "hn::Not(%)"},
    {"logical_xor", "hn::Xor(%, %)", "hn::Xor(%, %)"},
    {"bitwise_and", nullptr, "hn::And(%, %)"},
    {"bitwise_or", nullptr, "hn::Or(%, %)"},
    {"bitwise_xor", nullptr, "hn::Xor(%, %)"},
    {"bitwise_not", nullptr, "hn::Not(%)"},
    {"where", "hn::IfThenElse(%, %, %)", "hn::IfThenElse(%, %, %)"},
    {"abs", "hn::Abs(%)", "hn::Abs(%)"},
    {"sign", "op_sign(d, %)", "op_sign(d, %)"},
    {"floor", "hn::Floor(%)", nullptr},
    {"ceil", "hn::Ceil(%)", nullptr},
    {"round", "hn::Round(%)", nullptr},
    {"trunc", "hn::Trunc(%)", nullptr},
    {"copysign", "hn::CopySign(%, %)", nullptr},
    {"sqrt", "hn::Sqrt(%)", nullptr},
    {"max", "op_max(d, %, %)", "op_max(d, %, %)"},
    {"min", "op_min(d, %, %)", "op_min(d, %, %)"},
    {"signbit", "op_signbit(d, %)", nullptr},
    {"exp", "op_exp(d, %)", nullptr},
    {"tanh", "op_tanh(d, %)", nullptr},
    {"sigmoid", "op_sigmoid(d, %)", nullptr},
    {"erf", "op_erf(d, %)", nullptr},
};

class HighwayWriter {
 public:
  HighwayWriter(const Program& program, ComputeType type)
      : p_(program), type_(type), t_(elaborate_lowered(program, type, primitive_only)) {}

  std::string run() {
    order_ = reachable(t_.graph, t_.roots);
    invariant_.assign(t_.graph.size(), 0);
    for (NodeId id : order_) {
      const Node& n = t_.graph[id];
      bool inv = n.fn != kInput;
      for (int k = 0; k < n.nargs; ++k) inv = inv && invariant_[n.args[k]];
      invariant_[id] = inv;
      if (n.fn == kInput) used_inputs_.push_back(n.payload);
    }
    std::sort(used_inputs_.begin(), used_inputs_.end());
    header();
    for (NodeId id : order_)
      if (invariant_[id]) statement(id, "  ");
    loop();
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  const char* memory_type(OperandKind k) const {
    if (k == OperandKind::B) return "uint8_t";
    return k == OperandKind::I ? "int64_t" : element_type(type_);
  }
  int unroll() const {
    int cost = 0;
    for (NodeId id : order_) cost += invariant_[id] ? 0 : function_info(t_.graph[id].fn).cost;
    return cost <= 3 ? 4 : cost <= 12 ? 2 : 1;
  }

  void header() {
    out_ += cat("void ", kernel_function_name(p_, type_),
                "(void* const* outs, const void* const* ins, int64_t n, const ScalarParam* params, uint32_t "
                "how) {\n");
    out_ += "  (void)ins;\n  (void)params;\n  (void)how;\n";
    out_ += cat("  const hn::ScalableTag<", element_type(type_), "> d;\n");
    out_ += cat("  const size_t N = hn::Lanes(d), block = N * ", unroll(), ";\n");
    for (uint32_t k : used_inputs_) {
      const char* m = memory_type(p_.inputs[k].kind);
      out_ +=
          cat("  auto i", k, " = static_cast<const ", m, "*>(ins[", k, "]);  // ", p_.inputs[k].name, "\n");
      out_ += cat("  const size_t m", k, " = how >> ", k, " & 1 ? 0 : ~size_t{0};\n");
      out_ += cat("  HWY_ALIGN ", m, " bi", k, "[hn::MaxLanes(d) * ", unroll(), "];\n");
    }
    for (size_t k = 0; k < p_.outputs.size(); ++k) {
      const char* m = memory_type(p_.outputs[k].kind);
      out_ += cat("  auto o", k, " = static_cast<", m, "*>(outs[", k, "]);\n");
      out_ += cat("  HWY_ALIGN ", m, " bo", k, "[hn::MaxLanes(d) * ", unroll(), "];\n  ", m, "* to", k,
                  " = nullptr;\n");
    }
  }

  void loop() {
    if (streams()) out_ += "  const bool flush = (how & kStreamed) != 0;\n  bool stream = flush;\n";
    out_ += "  size_t left = static_cast<size_t>(n), i = 0;\n  while (left != 0) {\n";
    out_ += "    const bool tail = left < block;\n    if (HWY_UNLIKELY(tail)) {\n";
    for (uint32_t k : used_inputs_)
      out_ += cat("      i", k, " = tail_in(d, bi", k, ", i", k, " + (i & m", k, "), left, block);\n");
    for (size_t k = 0; k < p_.outputs.size(); ++k)
      out_ += cat("      to", k, " = o", k, " + i;\n      o", k, " = bo", k, ";\n");
    out_ += streams() ? "      i = 0;\n      stream = false;\n    }\n" : "      i = 0;\n    }\n";
    if (unroll() > 1) {
      unrolled();
    } else {
      body("    ", "");
      for (size_t k = 0; k < p_.outputs.size(); ++k) store(k, "    ", cat("v", t_.roots[k]), " + i");
    }
    out_ += "    if (HWY_UNLIKELY(tail)) {\n";
    for (size_t k = 0; k < p_.outputs.size(); ++k)
      out_ += cat("      tail_out(d, bo", k, ", to", k, ", left);\n");
    const char* flush = streams() ? "if (flush) hwy::FlushStream();\n" : "";
    out_ +=
        cat(streams() ? "      " : "", flush,
            "      return;\n    }\n    i += block;\n    left -= block;\n  }\n", streams() ? "  " : "", flush);
  }

  // All loads of a round come before its stores: on some processors a load waits for older stores to memory
  // that is far away, a short row that is read again and again too (16 MB plus a row of 4 KB: 1.25 ms, so
  // 0.83 ms).
  void unrolled() {
    const std::string each =
        cat("#pragma GCC unroll ", unroll(), "\n    for (size_t u = 0; u < ", unroll(), "; ++u)");
    for (size_t k = 0; k < p_.outputs.size(); ++k)
      out_ += cat("    hn::", p_.outputs[k].kind == OperandKind::B ? "Mask" : "Vec", "<decltype(d)> r", k,
                  "[", unroll(), "];\n");
    out_ += each + " {\n";
    body("      ", " + u * N");
    for (size_t k = 0; k < p_.outputs.size(); ++k) out_ += cat("      r", k, "[u] = v", t_.roots[k], ";\n");
    out_ += "    }\n";
    if (streams()) {
      out_ += "    if (HWY_UNLIKELY(stream)) {\n" + each + " {\n";
      for (size_t k = 0; k < p_.outputs.size(); ++k)
        out_ += cat("      hn::Stream(r", k, "[u], d, o", k, " + i + u * N);\n");
      out_ += "    }\n    } else\n";
    }
    out_ += each + " {\n";
    for (size_t k = 0; k < p_.outputs.size(); ++k) store(k, "      ", cat("r", k, "[u]"), " + i + u * N");
    out_ += "    }\n";
  }

  // Short formulas of large tensors wait for memory: they can write around the caches.
  bool streams() const {
    return unroll() > 1 && std::none_of(p_.outputs.begin(), p_.outputs.end(),
                                        [](const auto& o) { return o.kind == OperandKind::B; });
  }

  void store(size_t k, const char* indent, const std::string& value, const char* offset) {
    const char* function = p_.outputs[k].kind == OperandKind::B ? "store_bools(d, " : "hn::StoreU(";
    const char* between = p_.outputs[k].kind == OperandKind::B ? ", o" : ", d, o";
    out_ += cat(indent, function, value, between, k, offset, ");\n");
  }

  // `rest`: what is added to the round's place.
  void body(const char* indent, const char* rest) {
    rest_ = rest;
    for (NodeId id : order_)
      if (!invariant_[id]) statement(id, indent);
  }

  void statement(NodeId id, const char* indent) {
    out_ += cat(indent, "const auto v", id, " = ", value(id), ";\n");
  }

  std::string value(NodeId id) {
    const Node& n = t_.graph[id];
    const char* e = element_type(type_);
    switch (n.fn) {
      case kConst: {
        const Constant& c = t_.graph.constant_of(id);
        if (n.type == ValueType::Bool) return cat("set_mask(d, ", c.i ? "true" : "false", ")");
        if (n.type == ValueType::Int) return cat("hn::Set(d, ", integer_literal(c.i, type_), ")");
        return cat("hn::Set(d, ", number_literal(c.re, type_), ")");
      }
      case kParam: {
        OperandKind k = p_.params[n.payload].kind;
        if (k == OperandKind::B) return cat("set_mask(d, params[", n.payload, "].i != 0)");
        bool from_int = k == OperandKind::I || (k == OperandKind::T && is_integer(type_));
        return cat("hn::Set(d, static_cast<", e, ">(params[", n.payload, from_int ? "].i))" : "].f))");
      }
      case kInput: {
        OperandKind k = p_.inputs[n.payload].kind;
        const char* f = k == OperandKind::B ? "load_bools" : k == OperandKind::I ? "load_ints" : "hn::LoadU";
        return cat(f, "(d, i", n.payload, " + (i & m", n.payload, ")", rest_, ")");
      }
      case kToInt:
      case kToReal:
        return cat("mask_to_number(d, v", n.args[0], ")");
      default:
        return call(id, n);
    }
  }

  std::string call(NodeId id, const Node& n) {
    const FunctionInfo& f = function_info(n.fn);
    if (n.fn == kWhere && n.type == ValueType::Bool)
      return cat("select_mask(v", n.args[0], ", v", n.args[1], ", v", n.args[2], ")");
    (void)id;
    for (const Spelling& s : kSpellings) {
      if (std::strcmp(s.name, f.name) != 0) continue;
      const char* pattern = is_integer(type_) ? s.integer : s.real;
      if (pattern == nullptr) break;
      std::string text;
      int k = 0;
      for (const char* c = pattern; *c; ++c) {
        if (*c == '%')
          text += cat("v", n.args[k++]);
        else
          text += *c;
      }
      return text;
    }
    std::string text = cat("simd_", f.name, "(");
    for (int k = 0; k < n.nargs; ++k) text += cat(k ? ", v" : "v", n.args[k]);
    return text + ")";
  }

  const Program& p_;
  ComputeType type_;
  TypedProgram t_;
  std::vector<NodeId> order_;
  std::vector<char> invariant_;
  std::vector<uint32_t> used_inputs_;
  const char* rest_ = "";
  std::string out_;
};

}  // namespace

std::string kernel_function_name(const Program& program, ComputeType type) {
  return cat("kern_", program.name, "_", compute_type_name(type));
}

std::string render_highway(const Program& program, ComputeType type) {
  return HighwayWriter(program, type).run();
}

int kernel_cost(const Program& program) {
  int best = 0;
  for (int t = 0; t < kNumComputeTypes; ++t) {
    if (!program.wants(static_cast<ComputeType>(t))) continue;
    TypedProgram e = elaborate_lowered(program, static_cast<ComputeType>(t), primitive_only);
    int cost = 0;
    for (NodeId id : reachable(e.graph, e.roots)) cost += function_info(e.graph[id].fn).cost;
    best = std::max(best, cost);
  }
  return std::min(best, 255);
}

}  // namespace rustorch::exprgen
