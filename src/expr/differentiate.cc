// Symbolic derivative: the chain rule over the formulas of the function table.
//
// A derivative that is structurally zero is kNone and never multiplied, so d(c, x) drops nan * 0 only where
// the zero is the derivative of something constant.
#include "expr/graph.h"
#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

bool is_zero_formula(const char* text) { return text[0] == '0' && text[1] == 0; }

class Differentiator {
 public:
  Differentiator(Graph& graph, NodeId variable) : g_(graph), variable_(variable) {}

  void run(const std::vector<NodeId>& order) {
    memo_.assign(g_.size(), kNone);
    for (NodeId id : order) {
      NodeId d = id == variable_ ? g_.coerce(g_.integer(1), g_[id].type) : derivative(id);
      memo_[id] = d;
    }
  }
  NodeId result(NodeId root) const { return memo_[root]; }

 private:
  NodeId derivative(NodeId id) {
    const Node n = g_[id];
    if (n.nargs == 0) return kNone;
    if (n.fn == kWhere) return through_branches(n);
    NodeId sum = kNone;
    for (int k = 0; k < n.nargs; ++k) {
      NodeId inner = memo_[n.args[k]];
      if (inner == kNone) continue;
      NodeId term = partial(id, n, k, inner);
      if (term == kNone) continue;
      sum = sum == kNone ? term : g_.add(sum, term);
    }
    return sum;
  }

  NodeId through_branches(const Node& n) {
    NodeId a = memo_[n.args[1]], b = memo_[n.args[2]];
    if (a == kNone && b == kNone) return kNone;
    NodeId zero = g_.coerce(g_.integer(0), n.type);
    return g_.where(n.args[0], a == kNone ? zero : a, b == kNone ? zero : b);
  }

  NodeId partial(NodeId id, const Node& n, int k, NodeId inner) {
    const FunctionInfo& f = function_info(n.fn);
    const char* formula = f.d[k];
    RT_CHECK(formula != nullptr, Value, "expr", f.name, " has no derivative with respect to argument ",
             k + 1);
    if (is_zero_formula(formula)) return kNone;
    if (n.fn == kToComplex) return g_.coerce(inner, ValueType::Complex);
    NodeId outer = g_.evaluate(parse(formula), formula_scope(g_, id));
    if (g_.is_number(outer, 0)) return kNone;
    return g_.mul(inner, outer);
  }

  Graph& g_;
  NodeId variable_;
  std::vector<NodeId> memo_;
};

}  // namespace

Graph::Scope formula_scope(const Graph& graph, NodeId node) {
  static constexpr const char* kNames[] = {"x", "y", "z"};
  const Node& n = graph[node];
  Graph::Scope scope;
  for (int k = 0; k < n.nargs; ++k) scope.emplace_back(kNames[k], n.args[k]);
  scope.emplace_back("r", node);
  return scope;
}

NodeId differentiate(Graph& graph, NodeId root, NodeId variable) {
  std::vector<NodeId> order = reachable(graph, {root});
  Differentiator d(graph, variable);
  d.run(order);
  return d.result(root);
}

}  // namespace rustorch::expr
