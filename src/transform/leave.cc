#include "transform/leave.h"

#include "autograd/meta.h"
#include "autograd/transform_call.h"
#include "autograd/transform_values.h"

namespace rustorch {

bool has_history(const Tensor& t) {
  if (t.requires_grad()) return true;
  const AutogradMeta* meta = meta_of(t);
  if (meta == nullptr || !meta->transform) return false;
  for (const auto& tangent : meta->transform->tangents)
    if (tangent.value.defined() && has_history(tangent.value)) return true;
  return meta->transform->batch.defined() && has_history(meta->transform->batch);
}

Leaving::Leaving(const std::vector<Tensor>& leaves) {
  for (const Tensor& t : leaves)
    if (t.is_leaf()) own_.push_back(t);
}

bool Leaving::reaches_other(const Tensor& t) {
  if (!t.requires_grad()) return false;
  Edge edge = gradient_edge(t);
  return edge.fn && visit(edge.fn.get());
}

Tensor Leaving::operator()(const Tensor& t) {
  const AutogradMeta* meta = meta_of(t);
  const bool drop = t.requires_grad() && !reaches_other(t);
  if (meta == nullptr || !meta->transform ||
      (!meta->transform->batch.defined() && meta->transform->tangents.empty()))
    return drop ? t.detach() : t;
  Tensor result = drop ? transform_plain(t) : t;
  TransformMeta& own = *meta_of(result)->transform;
  if (own.batch.defined()) own.batch = (*this)(own.batch);
  for (auto& tangent : own.tangents) tangent.value = (*this)(tangent.value);
  return result;
}

bool Leaving::is_own(const Tensor& leaf) const {
  for (const Tensor& t : own_)
    if (t.is_same(leaf)) return true;
  return false;
}

// Depth first over the graph; what a node leads to is remembered.
bool Leaving::visit(Node* root) {
  std::vector<std::pair<Node*, size_t>> stack{{root, 0}};
  while (!stack.empty()) {
    auto& [node, next] = stack.back();
    if (next == 0) {
      if (auto known = seen_.find(node); known != seen_.end()) {
        if (known->second) return mark(stack);
        stack.pop_back();
        continue;
      }
      seen_[node] = false;
      const Tensor leaf = node->variable();
      if (leaf.defined() && !is_own(leaf)) return mark(stack);
    }
    if (next >= node->edges().size()) {
      stack.pop_back();
      continue;
    }
    Node* child = node->edges()[next++].fn.get();
    if (child != nullptr) stack.emplace_back(child, 0);
  }
  return false;
}

bool Leaving::mark(const std::vector<std::pair<Node*, size_t>>& path) {
  for (const auto& step : path) seen_[step.first] = true;
  return true;
}

}  // namespace rustorch
