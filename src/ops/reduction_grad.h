// Gradients of the reductions, made of differentiable operators (so that they can be differentiated again).
//
// `dim` absent or empty means all dimensions. The formulas are PyTorch's, conventions at ties and zeros
// included.
#pragma once
#include <optional>

#include "rustorch/tensor.h"

namespace rustorch {

/// g with its reduced dimensions put back as ones, ready to broadcast against the input.
Tensor restore_dims(const Tensor& g, std::optional<IntArrayRef> dim, bool keepdim, int64_t ndim);

Tensor sum_backward(const Tensor& g, IntArrayRef sizes, DType dtype);
Tensor sum_dim_backward(const Tensor& g, IntArrayRef sizes, std::optional<IntArrayRef> dim, bool keepdim,
                        DType dtype);
Tensor nansum_backward(const Tensor& g, const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim);
Tensor mean_backward(const Tensor& g, IntArrayRef sizes, DType dtype);
Tensor mean_dim_backward(const Tensor& g, IntArrayRef sizes, std::optional<IntArrayRef> dim, bool keepdim,
                         DType dtype);
Tensor prod_backward(const Tensor& g, const Tensor& self, const Tensor& result);
Tensor prod_dim_backward(const Tensor& g, const Tensor& self, const Tensor& result, int64_t dim,
                         bool keepdim);
/// amax, amin: equal elements share the gradient evenly.
Tensor extreme_backward(const Tensor& g, const Tensor& self, const Tensor& result,
                        std::optional<IntArrayRef> dim, bool keepdim);
/// max(), min() and median() of all elements: equal elements share evenly.
Tensor full_extreme_backward(const Tensor& g, const Tensor& self, const Tensor& result);
/// Operators that pick one element along dim: the gradient goes where the value came from.
Tensor value_selecting_backward(const Tensor& g, int64_t dim, const Tensor& indices, IntArrayRef sizes,
                                bool keepdim);
Tensor var_backward(const Tensor& g, const Tensor& self, std::optional<IntArrayRef> dim,
                    const std::optional<Scalar>& correction, bool keepdim);
Tensor std_backward(const Tensor& g, const Tensor& self, const Tensor& result, std::optional<IntArrayRef> dim,
                    const std::optional<Scalar>& correction, bool keepdim);
Tensor var_mean_backward(const Tensor& g_var, const Tensor& g_mean, const Tensor& self,
                         std::optional<IntArrayRef> dim, const std::optional<Scalar>& correction,
                         bool keepdim);
Tensor std_mean_backward(const Tensor& g_std, const Tensor& g_mean, const Tensor& self, const Tensor& result,
                         std::optional<IntArrayRef> dim, const std::optional<Scalar>& correction,
                         bool keepdim);
Tensor logsumexp_backward(const Tensor& g, const Tensor& self, const Tensor& result, IntArrayRef dim,
                          bool keepdim);
Tensor norm_backward(const Tensor& g, const Tensor& self, const Scalar& ord, const Tensor& result,
                     std::optional<IntArrayRef> dim, bool keepdim);

}  // namespace rustorch
