// Gradient pieces of embeddings and padding.
#pragma once
#include <array>
#include <tuple>

#include "rustorch/array_ref.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// Gradient of embedding_dense_backward() by grad_output.
Tensor embedding_double_backward(const Tensor& gg, const Tensor& indices, int64_t padding_idx,
                                 bool scale_grad_by_freq);
/// Gradient of constant_pad_nd(): the padding undone.
Tensor constant_pad_backward(const Tensor& g, IntArrayRef pad);

/// Gradients of _attention(): the fused kernel, or public operators while backward is itself recorded.
std::tuple<Tensor, Tensor, Tensor> attention_grads(const Tensor& g, const Tensor& query, const Tensor& key,
                                                   const Tensor& value, const Tensor& lse, bool is_causal,
                                                   double scale, const std::array<bool, 3>& grad_mask);

}  // namespace rustorch
