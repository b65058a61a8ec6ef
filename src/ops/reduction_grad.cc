// Gradients of the reductions.
#include "ops/reduction_grad.h"

#include <cmath>

#include "autograd/transform_call.h"
#include "autograd/transform_values.h"
#include "core/layout_algebra.h"
#include "ops/reduction_common.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

int64_t count_of(IntArrayRef sizes, std::optional<IntArrayRef> dim) {
  if (!dim || dim->empty()) return numel_of(sizes);
  int64_t n = 1;
  for (const int64_t d : *dim)
    if (!sizes.empty()) n *= sizes[static_cast<size_t>(d < 0 ? d + static_cast<int64_t>(sizes.size()) : d)];
  return n;
}

/// The product of all other elements along dim, without dividing (elements may be zero).
Tensor product_of_others(const Tensor& g, const Tensor& self, int64_t dim) {
  const int64_t n = self.size(dim);
  if (n == 1) return g;
  std::vector<int64_t> shape = self.sizes().vec();
  shape[static_cast<size_t>(dim)] = 1;
  const Tensor one = ones(IntArrayRef(shape), self.dtype(), self.device());
  const Tensor before = cumprod(cat({one, self.narrow(dim, 0, n - 1)}, dim), dim);
  const Tensor dims_reversed = self.narrow(dim, 1, n - 1).flip(IntArrayRef(&dim, 1));
  const Tensor after = cumprod(cat({one, dims_reversed}, dim), dim).flip(IntArrayRef(&dim, 1));
  return g * (before * after).conj();
}

bool has_zero(const Tensor& self) { return transform_all_values(self).eq(0).any().item<bool>(); }

}  // namespace

Tensor restore_dims(const Tensor& g, std::optional<IntArrayRef> dim, bool keepdim, int64_t ndim) {
  if (keepdim || ndim == 0 || g.dim() == ndim) return g;
  const uint64_t mask = reduced_dims("reduction", dim, ndim);
  int64_t shape[64];
  size_t from = 0;
  for (int64_t d = 0; d < ndim; ++d) shape[d] = (mask >> d) & 1 ? 1 : g.sizes()[from++];
  return g.reshape(IntArrayRef(shape, static_cast<size_t>(ndim)));
}

Tensor sum_backward(const Tensor& g, IntArrayRef sizes, DType dtype) { return g.to(dtype).expand(sizes); }

Tensor sum_dim_backward(const Tensor& g, IntArrayRef sizes, std::optional<IntArrayRef> dim, bool keepdim,
                        DType dtype) {
  return restore_dims(g.to(dtype), dim, keepdim, static_cast<int64_t>(sizes.size())).expand(sizes);
}

Tensor nansum_backward(const Tensor& g, const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim) {
  return sum_dim_backward(g, self.sizes(), dim, keepdim, self.dtype()) * self.detach().isnan().logical_not();
}

Tensor mean_backward(const Tensor& g, IntArrayRef sizes, DType dtype) {
  return (g.to(dtype) / static_cast<double>(numel_of(sizes))).expand(sizes);
}

Tensor mean_dim_backward(const Tensor& g, IntArrayRef sizes, std::optional<IntArrayRef> dim, bool keepdim,
                         DType dtype) {
  return sum_dim_backward(g / static_cast<double>(count_of(sizes, dim)), sizes, dim, keepdim, dtype);
}

Tensor prod_backward(const Tensor& g, const Tensor& self, const Tensor& result) {
  const Tensor x = self.to(g.dtype());
  if (x.dim() == 0) return g.to(self.dtype());
  if (!has_zero(x)) return (g * (result / x).conj()).to(self.dtype());
  if (!GradMode::is_enabled() && !transforming() && x.eq(0).sum().item<int64_t>() > 1)
    return zeros_like(self);  // every product of the others holds a zero, whatever inf and nan there are
  return product_of_others(g, x.reshape({-1}), 0).reshape(x.sizes()).to(self.dtype());
}

Tensor prod_dim_backward(const Tensor& g, const Tensor& self, const Tensor& result, int64_t dim,
                         bool keepdim) {
  const Tensor x = self.to(g.dtype());
  if (x.dim() == 0) return g.to(self.dtype());
  const int64_t d = wrap_dim("prod", dim, x.dim());
  const Tensor grad = keepdim ? g : g.unsqueeze(d), product = keepdim ? result : result.unsqueeze(d);
  if (!has_zero(x)) return (grad * (product / x).conj()).to(self.dtype());
  return product_of_others(grad, x, d).to(self.dtype());
}

Tensor extreme_backward(const Tensor& g, const Tensor& self, const Tensor& result,
                        std::optional<IntArrayRef> dim, bool keepdim) {
  const Tensor mask = restore_dims(result, dim, keepdim, self.dim()).eq(self);
  return restore_dims(g, dim, keepdim, self.dim()) * mask / mask.sum(dim, true);
}

Tensor full_extreme_backward(const Tensor& g, const Tensor& self, const Tensor& result) {
  const bool nan = transform_all_values(result).isnan().any().item<bool>();
  const Tensor mask = nan ? where(result.isnan(), self.isnan(), self.eq(result)) : self.eq(result);
  return zeros(self.sizes(), g.dtype(), g.device()).masked_fill(mask, g / mask.sum());
}

Tensor value_selecting_backward(const Tensor& g, int64_t dim, const Tensor& indices, IntArrayRef sizes,
                                bool keepdim) {
  if (!g.defined()) return {};
  const int64_t ndim = static_cast<int64_t>(sizes.size());
  if (ndim == 0) return g;
  const int64_t d = wrap_dim("reduction", dim, ndim);
  const Tensor grad = keepdim ? g : g.unsqueeze(d), index = keepdim ? indices : indices.unsqueeze(d);
  return zeros(sizes, g.dtype(), g.device()).scatter(d, index, grad);
}

Tensor var_backward(const Tensor& g, const Tensor& self, std::optional<IntArrayRef> dim,
                    const std::optional<Scalar>& correction, bool keepdim) {
  const double freedom =
      static_cast<double>(count_of(self.sizes(), dim)) - (correction ? correction->to_double() : 1.0);
  return restore_dims(g * (2.0 / freedom), dim, keepdim, self.dim()) * (self - self.mean(dim, true));
}

Tensor std_backward(const Tensor& g, const Tensor& self, const Tensor& result, std::optional<IntArrayRef> dim,
                    const std::optional<Scalar>& correction, bool keepdim) {
  return var_backward((g / (result * 2)).masked_fill(result.eq(0), 0), self, dim, correction, keepdim);
}

Tensor var_mean_backward(const Tensor& g_var, const Tensor& g_mean, const Tensor& self,
                         std::optional<IntArrayRef> dim, const std::optional<Scalar>& correction,
                         bool keepdim) {
  Tensor grad;
  if (g_var.defined()) grad = var_backward(g_var, self, dim, correction, keepdim);
  if (!g_mean.defined()) return grad;
  const Tensor part = mean_dim_backward(g_mean, self.sizes(), dim, keepdim, self.dtype());
  return grad.defined() ? grad + part : part;
}

Tensor std_mean_backward(const Tensor& g_std, const Tensor& g_mean, const Tensor& self, const Tensor& result,
                         std::optional<IntArrayRef> dim, const std::optional<Scalar>& correction,
                         bool keepdim) {
  Tensor g_var;
  if (g_std.defined()) g_var = (g_std / (result * 2)).masked_fill(result.eq(0), 0);
  return var_mean_backward(g_var, g_mean, self, dim, correction, keepdim);
}

Tensor logsumexp_backward(const Tensor& g, const Tensor& self, const Tensor& result, IntArrayRef dim,
                          bool keepdim) {
  const Tensor top = restore_dims(result, dim, keepdim, self.dim());
  return restore_dims(g, dim, keepdim, self.dim()) * (self - top).exp().conj();
}

Tensor norm_backward(const Tensor& g, const Tensor& self, const Scalar& ord, const Tensor& result,
                     std::optional<IntArrayRef> dim, bool keepdim) {
  const double p = ord.to_double();
  if (p == 0) return {};
  const Tensor grad = restore_dims(g.to(real_type(self.dtype())), dim, keepdim, self.dim());
  const Tensor norm = restore_dims(result.to(real_type(self.dtype())), dim, keepdim, self.dim());
  if (p == 1) return self.sgn() * grad;
  if (p == 2) return grad * (self / norm).masked_fill(norm.eq(0), 0);
  if (std::isinf(p)) {
    const Tensor size = self.abs();
    const Tensor top = size.eq(norm).logical_or(size.isnan().logical_and(norm.isnan()));
    return self.sgn() * (grad * top / top.sum(dim, true));
  }
  if (p < 1) {
    const Tensor scaled = self.sgn() * self.abs().pow(p - 1).masked_fill(self.eq(0), 0);
    return scaled * grad * norm.pow(1 - p);
  }
  const Tensor zero = norm.eq(0), divisor = norm.masked_fill(zero, 1);  // no 0 / 0, also when differentiated
  const Tensor scale = (grad / divisor.pow(p - 1)).masked_fill(zero, 0);
  if (p < 2) return self.sgn() * self.abs().pow(p - 1) * scale;
  return self * self.abs().pow(p - 2) * scale;
}

}  // namespace rustorch
