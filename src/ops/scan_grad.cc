// Gradients of the scans.
#include "ops/scan_grad.h"

#include "autograd/transform_values.h"
#include "core/layout_algebra.h"
#include "ops/scalar_range.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

Tensor reversed(const Tensor& t, int64_t dim) { return t.flip(IntArrayRef(&dim, 1)); }
Tensor reversed_cumsum(const Tensor& t, int64_t dim) { return reversed(cumsum(reversed(t, dim), dim), dim); }

/// The gradient when some element is zero, not to be differentiated again: up to the first zero of a line by
/// division, at the first zero by the products that leave it out, nothing after it.
Tensor cumprod_backward_zeros(const Tensor& grad, const Tensor& x, int64_t dim, const Tensor& result) {
  const Tensor zeros_before = cumsum(x.eq(0), dim);
  const Tensor head = zeros_before.eq(0), body = zeros_before.eq(1);
  const Tensor w = (result.conj() * grad).masked_fill(head.logical_not(), 0);
  const Tensor in_head = reversed_cumsum(w, dim) / x.conj();
  const Tensor first = body.logical_and(x.eq(0));
  // From the first zero on: products that leave it out, weighted by g, up to the second zero.
  const Tensor without =
      cumprod(x.conj().masked_fill(body.logical_and(first.logical_not()).logical_not(), 1), dim);
  const Tensor tail = (without.masked_fill(body.logical_not(), 0) * grad.masked_fill(body.logical_not(), 0))
                          .sum(IntArrayRef(&dim, 1), true);
  const Tensor before = x.conj().masked_fill(head.logical_not(), 1).prod(dim, true);
  return where(head, in_head, where(first, tail * before, zeros_like(in_head)));
}

/// The same by definition, term by term; differentiable.
Tensor cumprod_backward_terms(const Tensor& grad, const Tensor& x, int64_t dim) {
  const int64_t n = x.size(dim);
  std::vector<Tensor> parts;
  for (int64_t k = 0; k < n; ++k) {
    Tensor others;  // d result[i] / d x[k] for i >= k
    const Tensor before = k == 0 ? ones_like(x.narrow(dim, 0, 1)) : x.narrow(dim, 0, k).prod(dim, true);
    others = before;
    if (k + 1 < n) others = cat({before, before * cumprod(x.narrow(dim, k + 1, n - k - 1), dim)}, dim);
    parts.push_back((grad.narrow(dim, k, n - k) * others.conj()).sum(IntArrayRef(&dim, 1)));
  }
  return stack(parts, dim);
}

}  // namespace

Tensor cumsum_backward(const Tensor& g, int64_t dim) {
  if (g.numel() <= 1 || g.size(dim) == 1) return g;
  return reversed_cumsum(g, dim);
}

Tensor cumprod_backward(const Tensor& g, const Tensor& self, int64_t dim, const Tensor& result) {
  const Tensor grad = g;
  if (self.numel() <= 1 || self.size(dim) == 1) return grad.to(self.dtype());
  const int64_t d = wrap_dim("cumprod", dim, self.dim());
  const Tensor x = self.to(g.dtype());
  if (!transform_all_values(x).eq(0).any().item<bool>())
    return (reversed_cumsum(result.conj() * grad, d) / x.conj()).to(self.dtype());
  const Tensor r = GradMode::is_enabled() ? cumprod_backward_terms(grad, x, d)
                                          : cumprod_backward_zeros(grad, x, d, result);
  return r.to(self.dtype());
}

Tensor running_extreme_backward(const Tensor& g, IntArrayRef sizes, const Tensor& indices, int64_t dim) {
  if (!g.defined() || sizes.empty() || g.numel() == 0) return g;
  return zeros(sizes, g.dtype(), g.device()).scatter_add(dim, indices, g);
}

Tensor logcumsumexp_backward(const Tensor& g, const Tensor& self, const Tensor& result, int64_t dim) {
  if (g.dim() == 0 || g.numel() == 0) return g;
  const auto sums = [dim](const Tensor& t) { return reversed(logcumsumexp(reversed(t, dim), dim), dim); };
  if (is_complex(g.dtype())) return (sums(g.conj().log() - result) + self).exp().conj();
  const Tensor size = g.abs().log(), nothing = full_like(g, -largest_finite(g.dtype()));
  const Tensor up = (sums(where(g.gt(0), size, nothing) - result) + self).exp();
  const Tensor down = (sums(where(g.lt(0), size, nothing) - result) + self).exp();
  return up - down;
}

}  // namespace rustorch
