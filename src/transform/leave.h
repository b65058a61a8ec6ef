// What a transform hands out: results without the history that leads to nothing but its own inputs.
#pragma once
#include <unordered_map>
#include <vector>

#include "autograd/node.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// Whether t, its value in a vmap or a tangent of it requires grad.
bool has_history(const Tensor& t);

/// Takes from tensors the history that leads to no other leaves than the given ones: of themselves, of their
/// values in a vmap, and of their tangents.
class Leaving {
 public:
  explicit Leaving(const std::vector<Tensor>& leaves);
  /// Whether t depends on a leaf that is not one of the given.
  bool reaches_other(const Tensor& t);
  Tensor operator()(const Tensor& t);

 private:
  bool is_own(const Tensor& leaf) const;
  bool visit(Node* root);
  bool mark(const std::vector<std::pair<Node*, size_t>>& path);
  std::vector<Tensor> own_;
  std::unordered_map<Node*, bool> seen_;
};

}  // namespace rustorch
