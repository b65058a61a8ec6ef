// Typed expression graph: a small arena of hash-consed SSA nodes for one compute type.
//
// Equal nodes are shared, arguments always come before their users, and nodes are never changed after they
// are made. Building simplifies on the way (constants, 0/1 identities that are exact in IEEE arithmetic).
// A graph is a plain value owned by whoever holds it; it has no locks.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "expr/ast.h"
#include "expr/compute_type.h"
#include "expr/functions.h"

namespace rustorch::expr {

using NodeId = uint32_t;
inline constexpr NodeId kNone = ~0u;

/// Value of a kConst node. Int constants live in `i`, the others in `re` (and `im`); Bool in `i` as 0 or 1.
struct Constant {
  double re = 0, im = 0;
  int64_t i = 0;
};

struct Node {
  FunctionId fn = kConst;
  ValueType type = ValueType::Real;
  uint8_t nargs = 0;
  NodeId args[3] = {kNone, kNone, kNone};
  uint32_t payload = 0;  // kConst: index of the constant; kInput, kParam: operand index
};

/// The arena together with its simplifying constructors.
class Graph {
 public:
  explicit Graph(ComputeType type) : compute_(type) {}

  ComputeType compute() const { return compute_; }
  size_t size() const { return nodes_.size(); }
  const Node& operator[](NodeId id) const { return nodes_[id]; }
  const Constant& constant_of(NodeId id) const { return constants_[nodes_[id].payload]; }

  NodeId leaf(FunctionId kind, uint32_t index, ValueType type);
  /// A real number (an integer for integer compute types; Value error if it is not one).
  NodeId number(double v);
  NodeId integer(int64_t v);
  NodeId boolean(bool v);
  NodeId constant(ValueType type, const Constant& c);
  /// Converts between Bool, Int, Real and Complex; narrowing Complex to Real is an error.
  NodeId coerce(NodeId id, ValueType type);
  /// Applies a function: converts the arguments, checks types, simplifies.
  NodeId call(FunctionId fn, const std::vector<NodeId>& args);
  NodeId call(std::string_view name, const std::vector<NodeId>& args);
  NodeId add(NodeId a, NodeId b) { return call(kAdd, {a, b}); }
  NodeId mul(NodeId a, NodeId b) { return call(kMul, {a, b}); }
  NodeId where(NodeId c, NodeId a, NodeId b) { return call(kWhere, {c, a, b}); }

  bool is_constant(NodeId id) const { return nodes_[id].fn == kConst; }
  /// Whether the node is the constant v (as a number; Bool never is).
  bool is_number(NodeId id, double v) const;

  /// Domain in which a node's function works: the type of its widest argument.
  ValueType domain(const Node& n) const;

  /// Evaluates a formula whose names are given by `scope` (later entries win). Used for whole programs and
  /// for the formulas in the function table. `d(e, v)` differentiates.
  using Scope = std::vector<std::pair<std::string, NodeId>>;
  NodeId evaluate(const Ast& ast, Scope scope);

 private:
  NodeId intern(Node n);
  NodeId compare_fraction(FunctionId fn, const std::vector<NodeId>& args);
  NodeId type_limit(const std::string& name);
  NodeId fold(FunctionId fn, ValueType type, const std::vector<NodeId>& args);
  NodeId simplify(FunctionId fn, ValueType type, const std::vector<NodeId>& a);
  bool is_safe_factor(NodeId id) const;
  NodeId simplify_product(NodeId a, NodeId b, ValueType type);
  ValueType unify(FunctionId fn, std::vector<NodeId>& args, size_t from);

  ComputeType compute_;
  std::vector<Node> nodes_;
  std::vector<Constant> constants_;
  std::unordered_multimap<uint64_t, NodeId> index_;
};

/// d(root)/d(variable) by the table's rules; kNone when the derivative is zero everywhere.
/// Throws Value if a function on the way is not differentiable.
NodeId differentiate(Graph& graph, NodeId root, NodeId variable);

/// Names x, y, z, r bound to arguments and result of a node, for the formulas of the table.
Graph::Scope formula_scope(const Graph& graph, NodeId node);

/// A hash of everything reachable from the roots that does not depend on node numbers.
uint64_t structural_hash(const Graph& graph, const std::vector<NodeId>& roots);

/// Nodes reachable from the roots, arguments first.
std::vector<NodeId> reachable(const Graph& graph, const std::vector<NodeId>& roots);

/// Whether a back end has its own body for a function in a domain.
using HasBody = bool (*)(FunctionId fn, ValueType domain);
/// Copies the roots into a new graph, replacing functions without a body by their definitions.
std::vector<NodeId> lower(const Graph& from, const std::vector<NodeId>& roots, Graph& to, HasBody has_body);
/// HasBody that expands every function that has a definition.
bool primitive_only(FunctionId fn, ValueType domain);

}  // namespace rustorch::expr
