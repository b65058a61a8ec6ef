// Linear algebra on batches of Cholesky factors, shared by the distributions of vectors and matrices.
#pragma once
#include <string_view>

#include "rustorch/tensor.h"

namespace rustorch::distributions {

/// |L^-1 x|^2 for a batch of lower factors (B, n, n) and vectors (..., B', n), B' broadcast with B.
Tensor mahalanobis(const Tensor& factor, const Tensor& x);
/// log det L of lower factors.
Tensor half_log_det(const Tensor& factor);
/// The lower factor of a covariance that is given as "covariance_matrix", "precision_matrix" or "scale_tril".
Tensor factor_of(std::string_view name, const Tensor& value);
/// The lower factor of I + W^T D^-1 W.
Tensor low_rank_capacitance(const Tensor& factor, const Tensor& diagonal);
/// log det(W W^T + D), by the matrix determinant lemma.
Tensor low_rank_log_det(const Tensor& diagonal, const Tensor& capacitance);
/// x^T (W W^T + D)^-1 x, by the Woodbury identity.
Tensor low_rank_mahalanobis(const Tensor& factor, const Tensor& diagonal, const Tensor& x,
                            const Tensor& capacitance);
inline Tensor transposed(const Tensor& t) { return t.transpose(-2, -1); }

}  // namespace rustorch::distributions
