// Gradients of convolution() and of its gradient.
#pragma once
#include <array>
#include <tuple>

#include "rustorch/array_ref.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// Gradients of convolution() by input, weight and bias.
std::tuple<Tensor, Tensor, Tensor> convolution_grads(const Tensor& g, const Tensor& input,
                                                     const Tensor& weight, IntArrayRef stride,
                                                     IntArrayRef padding, IntArrayRef dilation,
                                                     bool transposed, IntArrayRef output_padding,
                                                     int64_t groups, const std::array<bool, 3>& grad_mask);
/// Gradients of _convolution_backward by grad, input and weight; ggi, ggw, ggb belong to its three results
/// and may be undefined.
std::tuple<Tensor, Tensor, Tensor> convolution_double_backward(
    const Tensor& ggi, const Tensor& ggw, const Tensor& ggb, const Tensor& grad, const Tensor& input,
    const Tensor& weight, IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
    IntArrayRef output_padding, int64_t groups, const std::array<bool, 3>& grad_mask);

}  // namespace rustorch
