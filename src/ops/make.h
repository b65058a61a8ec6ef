// Making result tensors: allocation through the device's backend, without history.
#pragma once
#include <optional>

#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// Takes a fresh impl with memory of its own: made in inference mode it is an inference tensor.
Tensor new_tensor(TensorImpl* impl);

/// Uninitialised contiguous tensor. Sizes must be valid (checked_numel has passed or they come from a
/// tensor).
Tensor make_tensor(IntArrayRef sizes, DType dtype, Device device);
/// Uninitialised tensor with the given strides (dense or not; offset 0, no negative strides).
Tensor make_strided(IntArrayRef sizes, IntArrayRef strides, DType dtype, Device device);
/// Uninitialised tensor shaped like `like`, with its strides when it is dense (Preserve) or as format says.
Tensor make_like(const Tensor& like, DType dtype, MemoryFormat format = MemoryFormat::Preserve);
/// An alias of the same storage with another layout; no history.
Tensor make_alias(const Tensor& base, IntArrayRef sizes, IntArrayRef strides, int64_t offset);
inline Tensor make_alias(const Tensor& base) {
  return make_alias(base, base.sizes(), base.strides(), base.storage_offset());
}
/// A 0-d CPU tensor that promotes like a Python number.
Tensor wrapped_number(const Scalar& value);
/// `t` itself when contiguous, else a contiguous copy; no history. Composite and kernel code only.
Tensor contiguous_raw(const Tensor& t);
/// `t` converted to dtype (itself when it has it already), no history.
Tensor cast_raw(const Tensor& t, DType dtype);

/// dst = src converted to dst's dtype, broadcast to its shape, across devices; no history, no version bump.
void backend_copy(const Tensor& dst, const Tensor& src);
/// Makes a storage larger; refuses when foreign code holds its address.
void grow_storage(const char* op, Storage& storage, size_t nbytes);
/// Gives out= the shape of the result; warns when it had elements of another shape.
void resize_output(const char* op, const Tensor& out, IntArrayRef sizes);

}  // namespace rustorch
