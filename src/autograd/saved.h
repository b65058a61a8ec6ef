// Saved: a tensor that a node keeps for its backward, with the version it had.
//
// An input is kept as it is. A result is kept as a twin without history (keeping the result itself would be a
// reference cycle); when backward is itself recorded, unpack gives the twin the node as history again.
#pragma once
#include <optional>
#include <vector>

#include "autograd/node.h"
#include "rustorch/tensor.h"

namespace rustorch {

class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& input);
  static Saved output(const Tensor& result, uint32_t nr);
  void reset() { tensor_.reset(); }
  /// Throws Autograd when the data was modified in place since.
  Tensor unpack(Node* owner) const;
  std::optional<Tensor> unpack_optional(Node* owner) const;

 private:
  TensorHandle tensor_;
  uint32_t version_ = 0;
  int32_t result_nr_ = -1;  // >= 0: a result of the owner
};

class SavedList {
 public:
  void reset() { items_.clear(); }
  void add(Saved s) { items_.push_back(std::move(s)); }
  std::vector<Tensor> unpack(Node* owner) const;
  std::vector<std::optional<Tensor>> unpack_optionals(Node* owner) const;

 private:
  std::vector<Saved> items_;
};

SavedList save_list(TensorList list);
SavedList save_opt_list(ArrayRef<std::optional<Tensor>> list);

}  // namespace rustorch
