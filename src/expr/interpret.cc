// The reference interpreter: every other rendering is tested against it.
#include "expr/host_math.h"
#include "expr/program.h"
#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

bool truth(const Value& v) { return v.i != 0; }

Value evaluate_call(const Graph& g, const Node& n, const Value* a) {
  const FunctionInfo& f = function_info(n.fn);
  ValueType dom = g.domain(n);
  if (n.fn == kWhere) return truth(a[0]) ? a[1] : a[2];
  if (f.rule == TypeRule::Logic)
    return Value::boolean(f.real(static_cast<double>(a[0].i), static_cast<double>(a[1].i), 0) != 0);
  const bool to_bool = n.type == ValueType::Bool;
  if (dom == ValueType::Int) {
    RT_CHECK(f.integer != nullptr, Internal, "expr", f.name, " has no integer body");
    int64_t v = f.integer(a[0].i, a[1].i, a[2].i);
    if (to_bool) return Value::boolean(v != 0);
    if (g.compute() == ComputeType::i32) v = static_cast<int32_t>(static_cast<uint64_t>(v));
    return Value::integer(v);
  }
  if (dom == ValueType::Real) {
    static const FunctionId make_complex = static_cast<FunctionId>(find_function("complex"));
    if (n.fn == make_complex) return Value::complex({a[0].r, a[1].r});
    RT_CHECK(f.real != nullptr, Internal, "expr", f.name, " has no real body");
    double v = f.real(a[0].r, a[1].r, a[2].r);
    return to_bool ? Value::boolean(v != 0) : Value::real(v);
  }
  RT_CHECK(f.complex != nullptr, Internal, "expr", f.name, " has no complex body");
  std::complex<double> v = f.complex(a[0].c, a[1].c, a[2].c);
  if (to_bool) return Value::boolean(v.real() != 0);
  return n.type == ValueType::Real ? Value::real(v.real()) : Value::complex(v);
}

Value evaluate_node(const Graph& g, NodeId id, const std::vector<Value>& values,
                    const std::vector<Value>& inputs, const std::vector<Value>& params) {
  const Node& n = g[id];
  Value a[3];
  for (int k = 0; k < n.nargs; ++k) a[k] = values[n.args[k]];
  switch (n.fn) {
    case kConst: {
      const Constant& c = g.constant_of(id);
      return {c.re, c.i, {c.re, c.im}};
    }
    case kInput:
      return inputs[n.payload];
    case kParam:
      return params[n.payload];
    case kToInt:
      return Value::integer(a[0].i);
    case kToReal:
      return Value::real(static_cast<double>(a[0].i));
    case kToComplex:
      return Value::complex(a[0].r);
    default:
      return evaluate_call(g, n, a);
  }
}

bool has_host_body(FunctionId fn, ValueType domain) { return primitive_only(fn, domain); }

// i32 arithmetic wraps at 32 bits, so shifts by 32..63 differ from the 64-bit table rows.
Value wrap_shift(const Graph& g, const Node& n, const Value* values_x, Value v) {
  if (g.compute() != ComputeType::i32 || (n.fn != kShl && n.fn != kShr)) return v;
  int64_t x = values_x[0].i, y = values_x[1].i;
  if (y >= 0 && y <= 31) return v;
  return Value::integer(n.fn == kShl || x >= 0 ? 0 : -1);
}

}  // namespace

std::vector<Value> interpret(const TypedProgram& program, const std::vector<Value>& inputs,
                             const std::vector<Value>& params) {
  Graph g(program.graph.compute());
  std::vector<NodeId> roots = lower(program.graph, program.roots, g, has_host_body);
  std::vector<Value> values(g.size());
  for (NodeId id : reachable(g, roots)) {
    values[id] = evaluate_node(g, id, values, inputs, params);
    const Node& n = g[id];
    if (n.nargs == 2) {
      Value a[2] = {values[n.args[0]], values[n.args[1]]};
      values[id] = wrap_shift(g, n, a, values[id]);
    }
  }
  std::vector<Value> out;
  for (NodeId r : roots) out.push_back(values[r]);
  return out;
}

}  // namespace rustorch::expr
