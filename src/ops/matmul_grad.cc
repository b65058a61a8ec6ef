// Gradient pieces of matrix products; built from public operators, so they can be differentiated again.
#include "ops/matmul_grad.h"

#include "rustorch/ops.h"

namespace rustorch {

Tensor conj_if_complex(const Tensor& t) { return t.is_complex() ? conj(t) : t; }

Tensor adjoint_matrix(const Tensor& t) { return conj_if_complex(transpose(t, -2, -1)); }

Scalar conj_number(const Scalar& s) { return s.is_complex() ? Scalar(std::conj(s.to_complex())) : s; }

namespace {

/// t as a matrix whose rows are the vectors along its last dimension; there may be no elements.
Tensor rows_of(const Tensor& t) {
  if (t.dim() == 2) return t;
  int64_t rows = 1;
  for (int64_t d = 0; d + 1 < t.dim(); ++d) rows *= t.size(d);
  return reshape(t, {rows, t.size(-1)});
}

}  // namespace

Tensor linear_backward_input(const Tensor& g, const Tensor& weight, IntArrayRef input_sizes) {
  if (weight.dim() == 1) return mul(unsqueeze(g, -1), conj_if_complex(weight));
  const Tensor gi = mm(rows_of(g), conj_if_complex(weight));
  return g.dim() == 2 ? gi : view(gi, input_sizes);
}

Tensor linear_backward_weight(const Tensor& g, const Tensor& input) {
  const Tensor x = rows_of(input);
  if (g.dim() < input.dim()) return mv(adjoint_matrix(x), reshape(g, {-1}));  // a weight vector
  return mm(transpose(rows_of(g), 0, 1), conj_if_complex(x));
}

Tensor linear_backward_bias(const Tensor& g, int64_t weight_dim) {
  return weight_dim == 1 ? sum(g) : sum(rows_of(g), IntArrayRef{0});
}

}  // namespace rustorch
