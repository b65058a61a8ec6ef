// Gradient pieces of embeddings and padding.
#pragma once
#include "rustorch/array_ref.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// Gradient of embedding_dense_backward() by grad_output.
Tensor embedding_double_backward(const Tensor& gg, const Tensor& indices, int64_t padding_idx,
                                 bool scale_grad_by_freq);
/// Gradient of constant_pad_nd(): the padding undone.
Tensor constant_pad_backward(const Tensor& g, IntArrayRef pad);

}  // namespace rustorch
