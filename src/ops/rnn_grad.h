// Gradients of recurrent layers.
#pragma once
#include <array>
#include <optional>

#include "rustorch/array_ref.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// Gradients of _rnn_layer(): the fused kernel, or, while backward is itself recorded, the gradient of the
/// same layer made of public operators.
std::array<Tensor, 8> rnn_layer_grads(const Tensor& g_output, const Tensor& g_h, const Tensor& g_c,
                                      const Tensor& input, const Tensor& h0, const std::optional<Tensor>& c0,
                                      const Tensor& w_ih, const Tensor& w_hh,
                                      const std::optional<Tensor>& b_ih, const std::optional<Tensor>& b_hh,
                                      const std::optional<Tensor>& w_hr, IntArrayRef batch_sizes,
                                      int64_t mode, bool reverse, const Tensor& output, const Tensor& gates,
                                      const Tensor& cells, const std::array<bool, 8>& grad_mask);

}  // namespace rustorch
