// Pieces of the gradient formulas of matrix products.
#pragma once
#include <array>
#include <tuple>

#include "rustorch/tensor.h"

namespace rustorch {

/// Conjugate transpose of the last two dimensions.
Tensor adjoint_matrix(const Tensor& t);
/// conj(t) for complex tensors, t itself for others.
Tensor conj_if_complex(const Tensor& t);
/// Complex conjugate of a number.
Scalar conj_number(const Scalar& s);
/// Gradients of linear(), one each, so that only what a wanted one needs is kept.
Tensor linear_backward_input(const Tensor& g, const Tensor& weight, IntArrayRef input_sizes);
Tensor linear_backward_weight(const Tensor& g, const Tensor& input);
Tensor linear_backward_bias(const Tensor& g, int64_t weight_dim);

}  // namespace rustorch
