// Gradient pieces of matrix products; built from public operators, so they can be differentiated again.
#include "ops/matmul_grad.h"

#include <cmath>

#include "rustorch/ops.h"

namespace rustorch {

Tensor conj_if_complex(const Tensor& t) { return t.is_complex() ? conj(t) : t; }

Tensor adjoint_matrix(const Tensor& t) { return conj_if_complex(transpose(t, -2, -1)); }

Scalar conj_number(const Scalar& s) { return s.is_complex() ? Scalar(std::conj(s.to_complex())) : s; }

std::tuple<Tensor, Tensor, Tensor> linear_backward(const Tensor& g, const Tensor& input, const Tensor& weight,
                                                   const std::array<bool, 3>& grad_mask) {
  Tensor gi, gw, gb;
  const int64_t k = input.size(-1);
  int64_t rows = 1;  // not left to reshape: there may be no elements
  for (int64_t d = 0; d + 1 < input.dim(); ++d) rows *= input.size(d);
  if (weight.dim() == 1) {
    // g has input's shape without the last dimension
    if (grad_mask[0]) gi = mul(unsqueeze(g, -1), conj_if_complex(weight));
    if (grad_mask[1]) gw = mv(adjoint_matrix(reshape(input, {rows, k})), reshape(g, {-1}));
    if (grad_mask[2]) gb = sum(g);
    return {gi, gw, gb};
  }
  const bool flat = g.dim() == 2;
  const Tensor g2 = flat ? g : reshape(g, {rows, weight.size(0)});
  if (grad_mask[0]) {
    gi = mm(g2, conj_if_complex(weight));
    if (!flat) gi = view(gi, input.sizes());
  }
  if (grad_mask[1]) {
    const Tensor x2 = flat ? input : reshape(input, {rows, k});
    gw = mm(transpose(g2, 0, 1), conj_if_complex(x2));
  }
  if (grad_mask[2]) gb = sum(g2, IntArrayRef{0});
  return {gi, gw, gb};
}

std::tuple<Tensor, Tensor, Tensor> addmm_activation_backward(const Tensor& g, const Tensor& self,
                                                             const Tensor& mat1, const Tensor& mat2,
                                                             const Scalar& beta, const Scalar& alpha,
                                                             bool use_gelu, const Tensor& result,
                                                             const std::array<bool, 3>& grad_mask) {
  Tensor slope;  // of the activation
  if (use_gelu) {
    const Tensor z = addmm(self, mat1, mat2, beta, alpha);
    slope = add(mul(add(erf(mul(z, M_SQRT1_2)), 1), 0.5),
                mul(mul(z, exp(mul(mul(z, z), -0.5))), 0.5 * M_2_SQRTPI * M_SQRT1_2));
  } else {
    slope = to(gt(result, 0), g.dtype());
  }
  const Tensor gz = mul(g, slope);
  Tensor gs, g1, g2;
  if (grad_mask[0]) gs = mul(gz, beta);
  if (grad_mask[1]) g1 = mul(mm(gz, transpose(mat2, 0, 1)), alpha);
  if (grad_mask[2]) g2 = mul(mm(transpose(mat1, 0, 1), gz), alpha);
  return {gs, g1, g2};
}

}  // namespace rustorch
