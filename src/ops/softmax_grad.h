// Second derivatives of softmax and log_softmax.
#pragma once
#include "rustorch/tensor.h"

namespace rustorch {

/// Gradient of _softmax_backward(grad, output, dim) by output; gg is the gradient of its result.
Tensor softmax_double_backward(const Tensor& gg, const Tensor& grad, const Tensor& output, int64_t dim);
/// Gradient of _log_softmax_backward by grad: gg - sum(gg * exp(output)).
Tensor log_softmax_backward_adjoint(const Tensor& gg, const Tensor& output, int64_t dim);
/// Gradient of _log_softmax_backward by output: -gg * exp(output) * sum(grad).
Tensor log_softmax_double_backward(const Tensor& gg, const Tensor& grad, const Tensor& output, int64_t dim);

}  // namespace rustorch
