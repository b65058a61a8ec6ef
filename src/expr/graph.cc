// Construction, type rules and simplification of typed graphs.
#include "expr/graph.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

struct NamedConstant {
  const char* name;
  double value;
};
constexpr NamedConstant kConstants[] = {
    {"inf", std::numeric_limits<double>::infinity()},
    {"nan", std::numeric_limits<double>::quiet_NaN()},
    {"M_PI", 3.14159265358979323846},
    {"M_PI_2", 1.57079632679489661923},
    {"M_PI_4", 0.785398163397448309616},
    {"M_1_PI", 0.318309886183790671538},
    {"M_2_PI", 0.636619772367581343076},
    {"M_2_SQRTPI", 1.12837916709551257390},
    {"M_SQRT2", 1.41421356237309504880},
    {"M_SQRT1_2", 0.707106781186547524401},
    {"M_E", 2.71828182845904523536},
    {"M_LN2", 0.693147180559945309417},
    {"M_LN10", 2.30258509299404568402},
    {"M_LOG2E", 1.44269504088896340736},
    {"M_LOG10E", 0.434294481903251827651},
};

uint64_t mix(uint64_t h, uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
  h *= 0xff51afd7ed558ccdULL;
  return h ^ (h >> 32);
}
uint64_t bits(double v) {
  uint64_t u;
  std::memcpy(&u, &v, 8);
  return u;
}
uint64_t hash_constant(const Constant& c) {
  return mix(mix(bits(c.re), bits(c.im)), static_cast<uint64_t>(c.i));
}
bool same(const Constant& a, const Constant& b) {
  return bits(a.re) == bits(b.re) && bits(a.im) == bits(b.im) && a.i == b.i;
}
const char* type_name(ValueType t) {
  constexpr const char* kNames[] = {"bool", "int", "real", "complex"};
  return kNames[static_cast<int>(t)];
}
const char* definition(const FunctionInfo& f, ValueType domain) {
  return domain == ValueType::Complex ? f.complex_def : domain == ValueType::Int ? f.int_def : f.real_def;
}

}  // namespace

NodeId Graph::intern(Node n) {
  uint64_t h = mix(n.fn, static_cast<uint64_t>(n.type));
  for (int i = 0; i < n.nargs; ++i) h = mix(h, n.args[i]);
  h = mix(h, n.payload);
  auto range = index_.equal_range(h);
  for (auto it = range.first; it != range.second; ++it) {
    const Node& m = nodes_[it->second];
    if (m.fn == n.fn && m.type == n.type && m.payload == n.payload && std::equal(n.args, n.args + 3, m.args))
      return it->second;
  }
  RT_CHECK(nodes_.size() < 100000, Value, "expr", "formula too long after expansion");
  nodes_.push_back(n);
  NodeId id = static_cast<NodeId>(nodes_.size() - 1);
  index_.emplace(h, id);
  return id;
}

NodeId Graph::leaf(FunctionId kind, uint32_t index, ValueType type) {
  Node n;
  n.fn = kind;
  n.type = type;
  n.payload = index;
  return intern(n);
}

NodeId Graph::constant(ValueType type, const Constant& c) {
  size_t k = 0;
  while (k < constants_.size() && !same(constants_[k], c)) ++k;
  if (k == constants_.size()) constants_.push_back(c);
  return leaf(kConst, static_cast<uint32_t>(k), type);
}

NodeId Graph::number(double v) {
  Constant c;
  // Fractions, infinities and nans may be compared with integers (see compare_fraction); coerce refuses the
  // rest.
  if (is_integer(compute_) && std::floor(v) == v && std::fabs(v) < 9.3e18) {
    c.i = static_cast<int64_t>(v);
    return constant(ValueType::Int, c);
  }
  c.re = v;
  return constant(ValueType::Real, c);
}

NodeId Graph::integer(int64_t v) {
  if (!is_integer(compute_)) return number(static_cast<double>(v));
  Constant c;
  c.i = v;
  return constant(ValueType::Int, c);
}

NodeId Graph::boolean(bool v) {
  Constant c;
  c.i = v;
  return constant(ValueType::Bool, c);
}

bool Graph::is_number(NodeId id, double v) const {
  const Node& n = nodes_[id];
  if (n.fn != kConst || n.type == ValueType::Bool) return false;
  const Constant& c = constants_[n.payload];
  if (n.type == ValueType::Int) return static_cast<double>(c.i) == v;
  return c.re == v && c.im == 0 && std::signbit(c.re) == std::signbit(v) && !std::signbit(c.im);
}

NodeId Graph::coerce(NodeId id, ValueType type) {
  const Node n = nodes_[id];
  if (n.type == type) return id;
  if (n.fn == kConst) {
    Constant c = constants_[n.payload], r;
    bool truth = n.type == ValueType::Bool || n.type == ValueType::Int ? c.i != 0 : (c.re != 0 || c.im != 0);
    double value = n.type == ValueType::Bool || n.type == ValueType::Int ? static_cast<double>(c.i) : c.re;
    if (type == ValueType::Bool) return boolean(truth);
    if (type == ValueType::Int) {
      RT_CHECK(n.type == ValueType::Bool, Value, "expr",
               "a fraction in a formula computed with integers; got ", value,
               "; hint: restrict the kernel's types or give an override");
      r.i = c.i;
    } else {
      RT_CHECK(c.im == 0 || type == ValueType::Complex, Value, "expr",
               "a complex constant where a real is needed");
      r.re = value;
      r.im = c.im;
    }
    return constant(type, r);
  }
  Node m;
  m.type = type;
  m.nargs = 1;
  m.args[0] = id;
  switch (type) {
    case ValueType::Bool: {
      NodeId zero = n.type == ValueType::Int ? integer(0) : number(0);
      return call(kNe, {id, zero});
    }
    case ValueType::Int:
      m.fn = kToInt;
      break;
    case ValueType::Real:
      m.fn = kToReal;
      break;
    case ValueType::Complex:
      m.fn = kToComplex;
      m.args[0] = coerce(id, ValueType::Real);
      break;
  }
  RT_CHECK(n.type == ValueType::Bool || (type == ValueType::Complex && n.type == ValueType::Real), Value,
           "expr", "cannot use a ", type_name(n.type), " value as ", type_name(type),
           "; hint: take real(), imag() or abs() first");
  return intern(m);
}

ValueType Graph::unify(FunctionId fn, std::vector<NodeId>& args, size_t from) {
  ValueType t = is_integer(compute_) ? ValueType::Int : ValueType::Real;
  bool all_bool = fn == kWhere;
  for (size_t i = from; i < args.size(); ++i) {
    if (!(is_integer(compute_) && nodes_[args[i]].type == ValueType::Real))
      t = std::max(t, nodes_[args[i]].type);
    all_bool = all_bool && nodes_[args[i]].type == ValueType::Bool;
  }
  if (all_bool) t = ValueType::Bool;
  // Arithmetic of constants alone, such as -inf or 1/3, is real even where everything else is an integer.
  if (is_integer(compute_) && t == ValueType::Int) {
    bool all_constant = true, any_real = false;
    for (size_t i = from; i < args.size(); ++i) {
      all_constant = all_constant && is_constant(args[i]);
      any_real = any_real || nodes_[args[i]].type == ValueType::Real;
    }
    if (all_constant && any_real) t = ValueType::Real;
  }
  for (size_t i = from; i < args.size(); ++i) args[i] = coerce(args[i], t);
  return t;
}

// An integer compared with a constant that is none: decided, or turned into a comparison with its floor.
NodeId Graph::compare_fraction(FunctionId fn, const std::vector<NodeId>& args) {
  if (!is_integer(compute_)) return kNone;
  for (int k = 0; k < 2; ++k) {
    const NodeId c = args[k], x = args[1 - k];
    if (!is_constant(c) || nodes_[c].type != ValueType::Real) continue;
    const double v = constant_of(c).re;
    if (fn == kEq || fn == kNe || std::isnan(v)) return boolean(fn == kNe);
    // x < v, with the sides exchanged when the constant stands on the left.
    const bool less = (fn == kLt || fn == kLe) == (k == 1);
    if (std::fabs(v) >= 9.3e18) return boolean(less == (v > 0));
    return call(less ? kLe : kGt, {x, integer(static_cast<int64_t>(std::floor(v)))});
  }
  return kNone;
}

NodeId Graph::call(std::string_view name, const std::vector<NodeId>& args) {
  int id = find_function(name);
  RT_CHECK(id >= 0, Value, "expr", "unknown function; got ", name);
  return call(static_cast<FunctionId>(id), args);
}

NodeId Graph::call(FunctionId fn, const std::vector<NodeId>& given) {
  const FunctionInfo& f = function_info(fn);
  std::vector<NodeId> args = given;
  RT_CHECK(args.size() == f.arity, Value, "expr", f.name, " takes ", static_cast<int>(f.arity),
           " arguments; got ", static_cast<int>(args.size()));
  ValueType dom = ValueType::Bool, type = ValueType::Bool;
  switch (f.rule) {
    case TypeRule::Arith:
    case TypeRule::Float:
      type = dom = unify(fn, args, 0);
      break;
    case TypeRule::ToReal:
      dom = unify(fn, args, 0);
      type = dom == ValueType::Complex ? ValueType::Real : dom;
      break;
    case TypeRule::Compare:
      // Two Bools compare as Bools through exclusive or, so that masks stay masks.
      if ((fn == kEq || fn == kNe) && nodes_[args[0]].type == ValueType::Bool &&
          nodes_[args[1]].type == ValueType::Bool) {
        NodeId x = call(kXor, args);
        return fn == kNe ? x : call(kNot, {x});
      }
      if (NodeId r = compare_fraction(fn, args); r != kNone) return r;
      dom = unify(fn, args, 0);
      break;
    case TypeRule::Test:
      dom = unify(fn, args, 0);
      break;
    case TypeRule::Logic:
      for (NodeId& a : args) a = coerce(a, ValueType::Bool);
      break;
    case TypeRule::Bits: {
      bool all_bool = true;
      for (NodeId a : args) all_bool = all_bool && nodes_[a].type == ValueType::Bool;
      if (all_bool && fn <= kBitNot) {
        constexpr FunctionId kLogical[] = {kAnd, kOr, kXor, kNot};
        return call(kLogical[fn - kBitAnd], args);
      }
      type = dom = unify(fn, args, 0);
      break;
    }
    case TypeRule::Where:
      args[0] = coerce(args[0], ValueType::Bool);
      type = dom = unify(fn, args, 1);
      break;
    case TypeRule::Cast:
      RT_CHECK(fn > kParam && is_complex(compute_), Value, "expr", f.name, " needs a complex compute type");
      for (NodeId& a : args) a = coerce(a, ValueType::Real);
      type = dom = ValueType::Complex;
      break;
  }
  if (dom != ValueType::Bool || f.rule != TypeRule::Logic) {
    const char* def = definition(f, dom);
    RT_CHECK(def == nullptr || def[0] != 0, Value, "expr", f.name, " is not defined for ", type_name(dom),
             " arguments");
    // "x" marks identities (floor of an integer, conj of a real).
    if (def != nullptr && def[0] == 'x' && def[1] == 0) return args[0];
    if (f.rule == TypeRule::Test && def != nullptr &&
        (std::strcmp(def, "false") == 0 || std::strcmp(def, "true") == 0))
      return boolean(def[0] == 't');
  }
  NodeId r = fold(fn, type, args);
  if (r == kNone) r = simplify(fn, type, args);
  if (r != kNone) return r;
  Node n;
  n.fn = fn;
  n.type = type;
  n.nargs = static_cast<uint8_t>(args.size());
  std::copy(args.begin(), args.end(), n.args);
  return intern(n);
}

NodeId Graph::fold(FunctionId fn, ValueType type, const std::vector<NodeId>& args) {
  for (NodeId a : args)
    if (!is_constant(a)) return kNone;
  const FunctionInfo& f = function_info(fn);
  ValueType dom = args.empty() ? type : nodes_[args.back()].type;
  Constant c[3], r;
  for (size_t i = 0; i < args.size(); ++i) c[i] = constant_of(args[i]);
  if (fn == kWhere) return c[0].i ? args[1] : args[2];
  if (f.rule == TypeRule::Logic)
    return boolean(f.real(static_cast<double>(c[0].i), static_cast<double>(c[1].i), 0) != 0);
  if (dom == ValueType::Int && f.integer != nullptr) {
    r.i = f.integer(c[0].i, c[1].i, c[2].i);
    if (compute_ == ComputeType::i32) r.i = static_cast<int32_t>(static_cast<uint64_t>(r.i));
    return type == ValueType::Bool ? boolean(r.i != 0) : constant(type, r);
  }
  if (dom == ValueType::Real && f.real != nullptr) {
    double v = f.real(c[0].re, c[1].re, c[2].re);
    if (type == ValueType::Bool) return boolean(v != 0);
    r.re = v;
    return constant(type, r);
  }
  if (dom == ValueType::Complex && f.complex != nullptr && type == ValueType::Complex) {
    std::complex<double> v = f.complex({c[0].re, c[0].im}, {c[1].re, c[1].im}, {c[2].re, c[2].im});
    r.re = v.real();
    r.im = v.imag();
    return constant(type, r);
  }
  return kNone;
}

// g * where(c, 1, 0) becomes where(c, g, 0): this is how PyTorch masks gradients, and it is cheaper. It is
// the one rule that is not exact (g = nan or inf with c false); user formulas that want the product write g *
// c.
NodeId Graph::simplify_product(NodeId a, NodeId b, ValueType type) {
  const Node n = nodes_[b];
  if (n.fn != kWhere) return kNone;
  bool one_zero = is_number(n.args[1], 1) && is_number(n.args[2], 0);
  bool zero_one = is_number(n.args[1], 0) && is_number(n.args[2], 1);
  if (!one_zero && !zero_one) return kNone;
  NodeId zero = coerce(number(0), type);
  return one_zero ? where(n.args[0], a, zero) : where(n.args[0], zero, a);
}

NodeId Graph::simplify(FunctionId fn, ValueType type, const std::vector<NodeId>& a) {
  const bool is_int = type == ValueType::Int;
  auto arg_fn = [&](int i) { return nodes_[a[i]].fn; };
  switch (fn) {
    case kAdd:
      if (is_number(a[1], -0.0) || (is_int && is_number(a[1], 0))) return a[0];
      if (is_number(a[0], -0.0) || (is_int && is_number(a[0], 0))) return a[1];
      if (arg_fn(1) == kNeg) return call(kSub, {a[0], nodes_[a[1]].args[0]});
      break;
    case kSub:
      if (is_number(a[1], 0)) return a[0];
      if (is_number(a[0], -0.0)) return call(kNeg, {a[1]});
      if (arg_fn(1) == kNeg) return call(kAdd, {a[0], nodes_[a[1]].args[0]});
      if (is_int && a[0] == a[1]) return integer(0);
      break;
    case kMul: {
      for (int i = 0; i < 2; ++i) {
        NodeId k = a[i], o = a[1 - i];
        if (is_number(k, 1)) return o;
        if (is_number(k, -1)) return call(kNeg, {o});
        if (is_int && is_number(k, 0)) return k;
      }
      NodeId r = simplify_product(a[0], a[1], type);
      if (r == kNone) r = simplify_product(a[1], a[0], type);
      if (r != kNone) return r;
      // Constants come first and signs move out, so that equal products are shared.
      if (is_constant(a[1]) && !is_constant(a[0])) return call(kMul, {a[1], a[0]});
      // Products of constants are formed once (this may move the result by one rounding).
      if (is_constant(a[0]) && arg_fn(1) == kMul && is_constant(nodes_[a[1]].args[0])) {
        const NodeId c = call(kMul, {a[0], nodes_[a[1]].args[0]});
        if (is_constant(c) && is_safe_factor(c)) return call(kMul, {c, nodes_[a[1]].args[1]});
      }
      if (is_constant(a[0]) && arg_fn(1) == kNeg)
        return call(kMul, {call(kNeg, {a[0]}), nodes_[a[1]].args[0]});
      break;
    }
    case kDiv:
      if (is_number(a[1], 1)) return a[0];
      if (is_number(a[1], -1)) return call(kNeg, {a[0]});
      break;
    case kNeg:
      if (arg_fn(0) == kNeg) return nodes_[a[0]].args[0];
      if (arg_fn(0) == kMul && is_constant(nodes_[a[0]].args[0])) {
        const Node m = nodes_[a[0]];
        return call(kMul, {call(kNeg, {m.args[0]}), m.args[1]});
      }
      break;
    case kAnd:
    case kOr: {
      const bool neutral = fn == kAnd;
      for (int i = 0; i < 2; ++i)
        if (is_constant(a[i])) return (constant_of(a[i]).i != 0) == neutral ? a[1 - i] : a[i];
      if (a[0] == a[1]) return a[0];
      break;
    }
    case kXor:
      for (int i = 0; i < 2; ++i)
        if (is_constant(a[i])) return constant_of(a[i]).i ? call(kNot, {a[1 - i]}) : a[1 - i];
      break;
    case kNot:
      if (arg_fn(0) == kNot) return nodes_[a[0]].args[0];
      break;
    case kWhere:
      if (is_constant(a[0])) return constant_of(a[0]).i ? a[1] : a[2];
      if (a[1] == a[2]) return a[1];
      if (arg_fn(0) == kNot) return where(nodes_[a[0]].args[0], a[2], a[1]);
      if (type == ValueType::Bool && is_constant(a[1]) && is_constant(a[2]))
        return constant_of(a[1]).i ? a[0] : call(kNot, {a[0]});
      break;
    default: {
      static const FunctionId pow_id = static_cast<FunctionId>(find_function("pow"));
      if (fn != pow_id || !is_constant(a[1])) break;
      if (is_number(a[1], 1)) return a[0];
      if (is_number(a[1], 0)) return coerce(integer(1), type);
      if (is_number(a[1], 2)) return call(kMul, {a[0], a[0]});
      if (!is_int && is_number(a[1], -1)) return call(kDiv, {coerce(number(1), type), a[0]});
      break;
    }
  }
  return kNone;
}

// Whether a product of constants is far from overflow and underflow, so that forming it early is harmless.
bool Graph::is_safe_factor(NodeId id) const {
  if (nodes_[id].type == ValueType::Int) return true;
  const double size = std::fabs(constant_of(id).re) + std::fabs(constant_of(id).im);
  return size > 1e-30 && size < 1e30;
}

ValueType Graph::domain(const Node& n) const {
  if (n.nargs == 0) return n.type;
  return nodes_[n.args[n.nargs - 1]].type;
}

NodeId Graph::evaluate(const Ast& ast, Scope scope) {
  std::vector<NodeId> memo(ast.nodes.size(), kNone);
  // Trees are at most a few hundred levels deep (parser limit), so plain recursion is safe.
  struct Walker {
    Graph& g;
    const Ast& ast;
    Scope& scope;
    std::vector<NodeId>& memo;
    NodeId walk(uint32_t i) {
      if (memo[i] == kNone) memo[i] = make(ast.nodes[i]);
      return memo[i];
    }
    NodeId lookup(const std::string& name) {
      for (size_t k = scope.size(); k-- > 0;)
        if (scope[k].first == name) return scope[k].second;
      for (const NamedConstant& k : kConstants)
        if (name == k.name) return g.number(k.value);
      if (name.compare(0, 2, "T_") == 0) return g.type_limit(name);
      raise(ErrorKind::Value, "expr", cat("unknown name; got ", name));
    }
    NodeId make(const AstNode& n) {
      if (n.kind == AstNode::kNumber) return n.integral ? g.integer(n.ivalue) : g.number(n.value);
      if (n.kind == AstNode::kBool) return g.boolean(n.ivalue != 0);
      if (n.kind == AstNode::kName) return lookup(n.name);
      if (n.name == "d") {
        RT_CHECK(n.args.size() == 2 && ast.nodes[n.args[1]].kind == AstNode::kName, Value, "expr",
                 "d takes a formula and a variable's name");
        NodeId root = walk(n.args[0]), variable = walk(n.args[1]);
        RT_CHECK(g[variable].fn == kInput || g[variable].fn == kParam, Value, "expr",
                 "d differentiates with respect to operands; got ", ast.nodes[n.args[1]].name);
        NodeId r = differentiate(g, root, variable);
        return r == kNone ? g.coerce(g.integer(0), g[root].type) : r;
      }
      std::vector<NodeId> args;
      for (uint32_t a : n.args) args.push_back(walk(a));
      return g.call(n.name, args);
    }
  };
  Walker w{*this, ast, scope, memo};
  for (const auto& let : ast.lets) {
    NodeId v = w.walk(let.second);
    scope.emplace_back(let.first, v);
  }
  return w.walk(ast.root);
}

NodeId Graph::type_limit(const std::string& name) {
  const bool single = is_single(compute_);
  if (is_integer(compute_)) {
    const bool narrow = compute_ == ComputeType::i32;
    if (name == "T_MAX") return integer(narrow ? INT32_MAX : INT64_MAX);
    if (name == "T_LOWEST") return integer(narrow ? INT32_MIN : INT64_MIN);
  } else {
    using F = std::numeric_limits<float>;
    using D = std::numeric_limits<double>;
    if (name == "T_MAX") return number(single ? F::max() : D::max());
    if (name == "T_LOWEST") return number(single ? F::lowest() : D::lowest());
    if (name == "T_EPS") return number(single ? F::epsilon() : D::epsilon());
    if (name == "T_TINY") return number(single ? F::min() : D::min());
  }
  raise(ErrorKind::Value, "expr", cat("unknown name; got ", name));
}

std::vector<NodeId> reachable(const Graph& graph, const std::vector<NodeId>& roots) {
  std::vector<char> used(graph.size(), 0);
  for (NodeId r : roots) used[r] = 1;
  for (size_t i = graph.size(); i-- > 0;)
    if (used[i])
      for (int k = 0; k < graph[static_cast<NodeId>(i)].nargs; ++k)
        used[graph[static_cast<NodeId>(i)].args[k]] = 1;
  std::vector<NodeId> order;
  for (size_t i = 0; i < graph.size(); ++i)
    if (used[i]) order.push_back(static_cast<NodeId>(i));
  return order;
}

uint64_t structural_hash(const Graph& graph, const std::vector<NodeId>& roots) {
  std::vector<uint64_t> h(graph.size(), 0);
  for (NodeId id : reachable(graph, roots)) {
    const Node& n = graph[id];
    uint64_t v = mix(n.fn, static_cast<uint64_t>(n.type));
    v = mix(v, n.fn == kConst ? hash_constant(graph.constant_of(id)) : n.payload);
    for (int k = 0; k < n.nargs; ++k) v = mix(v, h[n.args[k]]);
    h[id] = v;
  }
  uint64_t all = mix(static_cast<uint64_t>(graph.compute()), roots.size());
  for (NodeId r : roots) all = mix(all, h[r]);
  return all;
}

bool primitive_only(FunctionId fn, ValueType domain) {
  return definition(function_info(fn), domain) == nullptr;
}

std::vector<NodeId> lower(const Graph& from, const std::vector<NodeId>& roots, Graph& to, HasBody has_body) {
  std::vector<NodeId> map(from.size(), kNone);
  // Definitions may use functions that need expanding themselves: repeat until nothing changes.
  struct Expander {
    Graph& to;
    HasBody has_body;
    std::unordered_map<NodeId, NodeId> done;
    NodeId expand(NodeId id, int depth) {
      auto it = done.find(id);
      if (it != done.end()) return it->second;
      RT_CHECK(depth < 100, Internal, "expr", "definitions in the function table are circular");
      const Node n = to[id];
      NodeId r = id;
      if (n.nargs != 0) {
        std::vector<NodeId> args;
        bool changed = false;
        for (int k = 0; k < n.nargs; ++k) {
          args.push_back(expand(n.args[k], depth + 1));
          changed = changed || args.back() != n.args[k];
        }
        if (n.fn > kToComplex) {
          if (changed) r = to.call(n.fn, args);
        } else if (changed) {
          r = to.coerce(args[0], n.type);
        }
        const Node m = to[r];
        ValueType dom = to.domain(m);
        const char* def = definition(function_info(m.fn), dom);
        if (m.nargs != 0 && m.fn > kToComplex && def != nullptr && def[0] != 0 && !has_body(m.fn, dom))
          r = expand(to.coerce(to.evaluate(parse(def), formula_scope(to, r)), m.type), depth + 1);
      }
      done[id] = r;
      return r;
    }
  };
  Expander e{to, has_body, {}};
  for (NodeId id : reachable(from, roots)) {
    const Node& n = from[id];
    if (n.fn == kConst) {
      map[id] = to.constant(n.type, from.constant_of(id));
    } else if (n.nargs == 0) {
      map[id] = to.leaf(n.fn, n.payload, n.type);
    } else if (n.fn <= kToComplex) {
      map[id] = to.coerce(map[n.args[0]], n.type);
    } else {
      std::vector<NodeId> args;
      for (int k = 0; k < n.nargs; ++k) args.push_back(map[n.args[k]]);
      map[id] = to.call(n.fn, args);
    }
    map[id] = e.expand(map[id], 0);
  }
  std::vector<NodeId> out;
  for (NodeId r : roots) out.push_back(map[r]);
  return out;
}

}  // namespace rustorch::expr
