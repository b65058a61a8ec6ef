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
/// Gradients of linear() by input, weight and bias.
std::tuple<Tensor, Tensor, Tensor> linear_backward(const Tensor& g, const Tensor& input, const Tensor& weight,
                                                   const std::array<bool, 3>& grad_mask);
/// Gradients of _addmm_activation() by self, mat1 and mat2.
std::tuple<Tensor, Tensor, Tensor> addmm_activation_backward(const Tensor& g, const Tensor& self,
                                                             const Tensor& mat1, const Tensor& mat2,
                                                             const Scalar& beta, const Scalar& alpha,
                                                             bool use_gelu, const Tensor& result,
                                                             const std::array<bool, 3>& grad_mask);

}  // namespace rustorch
