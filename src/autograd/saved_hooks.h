// Hooks on what nodes keep for backward: instead of a tensor a node holds what a hook made of it (a copy on
// disk, in host memory, or nothing but how to compute it again), and gets the tensor back when backward asks.
//
// Hooks belong to a thread and are those that are set while an operation is recorded; they are borrowed, the
// packed objects are owned by the nodes. Unpacking can happen on another thread.
#pragma once
#include <memory>

#include "rustorch/tensor.h"

namespace rustorch {

/// What a node holds in place of a tensor.
class PackedTensor {
 public:
  virtual ~PackedTensor() = default;
  /// The tensor, without history.
  virtual Tensor unpack() = 0;
};

class SavedTensorHooks {
 public:
  virtual ~SavedTensorHooks() = default;
  /// t has no history. May throw, which the recorded operation passes on.
  virtual std::unique_ptr<PackedTensor> pack(const Tensor& t) = 0;
};

/// Sets the hooks of this thread (null: none); returns those from before.
SavedTensorHooks* set_saved_tensor_hooks(SavedTensorHooks* hooks);

}  // namespace rustorch
