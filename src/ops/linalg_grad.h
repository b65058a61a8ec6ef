// Pieces of the gradient formulas of linear algebra. All call public operators, so they can be differentiated
// again. Undefined gradients of results count as zero; an undefined return is a zero gradient.
#pragma once
#include <array>
#include <optional>
#include <string_view>
#include <tuple>

#include "rustorch/tensor.h"

namespace rustorch {

using TensorPair = std::tuple<Tensor, Tensor>;

Tensor linalg_cholesky_grad(const Tensor& g, const Tensor& factor, bool upper);
Tensor linalg_inv_grad(const Tensor& g, const Tensor& inverse);
TensorPair linalg_solve_grad(const Tensor& g, const Tensor& A, const Tensor& X, const Tensor& LU,
                             const Tensor& pivots, bool left, IntArrayRef B_sizes,
                             const std::array<bool, 2>& grad_mask);
TensorPair linalg_solve_triangular_grad(const Tensor& g, const Tensor& A, const Tensor& X, bool upper,
                                        bool left, bool unitriangular, const std::array<bool, 2>& grad_mask);
Tensor linalg_lu_factor_grad(const Tensor& g, const Tensor& LU, const Tensor& pivots);
Tensor linalg_qr_grad(const Tensor& gQ, const Tensor& gR, const Tensor& Q, const Tensor& R,
                      std::string_view mode);
Tensor linalg_svd_grad(const Tensor& gU, const Tensor& gS, const Tensor& gVh, const Tensor& U,
                       const Tensor& S, const Tensor& Vh, bool full_matrices, bool compute_uv);
Tensor linalg_eigh_grad(const Tensor& gL, const Tensor& gV, const Tensor& L, const Tensor& V, bool compute_v);
Tensor linalg_eig_grad(const Tensor& gL, const Tensor& gV, const Tensor& L, const Tensor& V, bool compute_v);
TensorPair linalg_lstsq_grad(const Tensor& gX, const Tensor& gR, const Tensor& A, const Tensor& B,
                             const Tensor& X, const std::array<bool, 2>& grad_mask);
Tensor linalg_pinv_grad(const Tensor& g, const Tensor& pinv, const Tensor& A);
Tensor linalg_det_grad(const Tensor& g, const Tensor& A, const Tensor& det, const Tensor& LU,
                       const Tensor& pivots);
Tensor linalg_slogdet_grad(const Tensor& g_sign, const Tensor& g_log, const Tensor& A, const Tensor& sign,
                           const Tensor& LU, const Tensor& pivots);
Tensor linalg_matrix_exp_grad(const Tensor& g, const Tensor& A);
Tensor linalg_sqrth_grad(const Tensor& g, const Tensor& root);
TensorPair linalg_lyapunov_grad(const Tensor& g, const Tensor& H, const Tensor& Y,
                                const std::array<bool, 2>& grad_mask);
Tensor linalg_polar_grad(const Tensor& gU, const Tensor& gH, const Tensor& A, const Tensor& U,
                         const Tensor& H);
TensorPair cdist_grad(const Tensor& g, const Tensor& x1, const Tensor& x2, double p, const Tensor& result,
                      const std::array<bool, 2>& grad_mask);

}  // namespace rustorch
