// Helpers shared by the bodies that copy or write tensors.
#pragma once
#include "rustorch/tensor.h"

namespace rustorch {

/// t broadcast to size, without history; throws Shape naming op.
Tensor expand_to(const char* op, const Tensor& t, IntArrayRef size);
/// dst = src, same shape; dtypes and devices may differ.
void copy_data(const Tensor& dst, const Tensor& src);
/// Refuses to write an inference tensor outside inference mode, and a tensor that has several elements in one
/// place.
void check_writable(const char* op, const Tensor& self);
/// True when the memory ranges of a and b meet.
bool shares_memory(const Tensor& a, const Tensor& b);

}  // namespace rustorch
