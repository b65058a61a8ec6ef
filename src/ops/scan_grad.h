// Gradients of the scans, made of differentiable operators.
#pragma once
#include "rustorch/tensor.h"

namespace rustorch {

Tensor cumsum_backward(const Tensor& g, int64_t dim);
/// Right for inputs with zeros too, where dividing the running product is not possible.
Tensor cumprod_backward(const Tensor& g, const Tensor& self, int64_t dim, const Tensor& result);
Tensor running_extreme_backward(const Tensor& g, IntArrayRef sizes, const Tensor& indices, int64_t dim);
Tensor logcumsumexp_backward(const Tensor& g, const Tensor& self, const Tensor& result, int64_t dim);

}  // namespace rustorch
