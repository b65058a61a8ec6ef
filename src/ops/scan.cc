// Bodies of the scans: dtype rules, checks, and the call of the backend on contiguous data.
#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/make.h"
#include "rustorch/error.h"

namespace rustorch::impl {
namespace {

/// The type that a running sum or product is computed in.
DType compute_type(DType t) {
  if (t == kComplex32 || t == kBComplex32) return kComplex64;
  if (is_integral(t, true)) return kInt64;
  return is_reduced_float(t) ? kFloat32 : t;
}

Tensor fold_scan(const char* op, ScanKind kind, const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  const int64_t d = wrap_dim(op, dim, self.dim());
  const DType out = dtype.value_or(is_integral(self.dtype(), true) ? kInt64 : self.dtype());
  RT_CHECK(out != kBool || self.dim() == 0 || self.numel() == 0, NotImplemented, op, "\"", op,
           "_out_cpu\" not implemented for 'Bool'");
  const Tensor x = contiguous_raw(cast_raw(cast_raw(self, out), compute_type(out)));
  ScanCall call{kind, make_tensor(x.sizes(), x.dtype(), x.device()), {}, x, d};
  if (x.numel() > 0) backend_for(x).scan(call);
  return cast_raw(call.out, out);
}

std::tuple<Tensor, Tensor> extreme_scan(const char* op, ScanKind kind, const Tensor& self, int64_t dim) {
  const bool trivial = self.dim() == 0 || self.numel() == 0;
  RT_CHECK(trivial || !is_complex(self.dtype()), NotImplemented, op, "\"", op, "_cpu\" not implemented for '",
           dtype_scalar_name(self.dtype()), "'");
  const int64_t d = wrap_dim(op, dim, self.dim());
  if (is_complex(self.dtype()))
    return {rustorch::clone(self), rustorch::zeros(self.sizes(), kInt64, self.device())};
  const DType t = self.dtype();
  const DType compute = t == kInt64 || t == kFloat64 || is_stored_only(t) ? t
                        : is_floating_point(t)                            ? kFloat32
                                                                          : kInt32;
  const Tensor x = contiguous_raw(cast_raw(self, compute));
  ScanCall call{kind, make_tensor(x.sizes(), compute, x.device()), make_tensor(x.sizes(), kInt64, x.device()),
                x, d};
  if (x.numel() > 0) backend_for(x).scan(call);
  return {cast_raw(call.out, t), std::move(call.indices)};
}

/// Heights of the trapezoids between neighbours, doubled.
Tensor neighbour_sums(const Tensor& y, int64_t d) {
  const int64_t n = y.size(d);
  return rustorch::slice(y, d, 1, n) + rustorch::slice(y, d, 0, n - 1);
}

/// Widths between the points x, shaped to go with y.
Tensor widths(const Tensor& y, const Tensor& x, int64_t d) {
  Tensor points = x;
  if (x.dim() == 1) {
    RT_CHECK(x.size(0) == y.size(d), Shape, "trapezoid", "There must be one `x` value for each sample point");
    std::vector<int64_t> shape(static_cast<size_t>(y.dim()), 1);
    shape[static_cast<size_t>(d)] = x.size(0);
    points = x.reshape(IntArrayRef(shape));
  }
  const int64_t at = d - y.dim() + points.dim();
  const int64_t n = points.size(at);
  return rustorch::slice(points, at, 1, n) - rustorch::slice(points, at, 0, n - 1);
}

void check_points(const char* op, const Tensor& t) {
  RT_CHECK(t.dtype() != kBool, NotImplemented, op,
           "received a bool input for `x` or `y`, but bool is not supported");
}

/// What trapezoid() gives where dim has no point: zeros of y's dtype without history.
Tensor no_area(const Tensor& y, int64_t dim) {
  DimVector sizes(y.sizes().begin(), y.sizes().end());
  sizes.erase(sizes.begin() + dim);
  return rustorch::zeros(sizes, y.dtype(), y.device());
}

}  // namespace

Tensor cumsum(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return fold_scan("cumsum", ScanKind::CumSum, self, dim, dtype);
}

Tensor cumprod(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return fold_scan("cumprod", ScanKind::CumProd, self, dim, dtype);
}

std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) {
  return extreme_scan("cummax", ScanKind::CumMax, self, dim);
}

std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) {
  return extreme_scan("cummin", ScanKind::CumMin, self, dim);
}

Tensor logcumsumexp(const Tensor& self, int64_t dim) {
  RT_CHECK(is_differentiable(self.dtype()), NotImplemented, "logcumsumexp",
           "\"logcumsumexp_out_cpu\" not implemented for '", dtype_scalar_name(self.dtype()), "'");
  const int64_t d = wrap_dim("logcumsumexp", dim, self.dim());
  const Tensor x = contiguous_raw(cast_raw(self, compute_type(self.dtype())));
  ScanCall call{ScanKind::LogCumSumExp, make_tensor(x.sizes(), x.dtype(), x.device()), {}, x, d};
  if (x.numel() > 0) backend_for(x).scan(call);
  return cast_raw(call.out, self.dtype());
}

Tensor trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) {
  const int64_t d = wrap_dim("trapezoid", dim, y.dim());
  if (y.size(d) == 0) return no_area(y, d);
  check_points("trapezoid", y);
  const Tensor ends = rustorch::select(y, d, 0) + rustorch::select(y, d, -1);
  return (rustorch::sum(y, IntArrayRef(&d, 1)) - ends * 0.5) * dx;
}

Tensor trapezoid_x(const Tensor& y, const Tensor& x, int64_t dim) {
  const int64_t d = wrap_dim("trapezoid", dim, y.dim());
  if (y.size(d) == 0) return no_area(y, d);
  check_points("trapezoid", y);
  check_points("trapezoid", x);
  return rustorch::sum(neighbour_sums(y, d) * widths(y, x, d), IntArrayRef(&d, 1)) / 2;
}

Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) {
  check_points("cumulative_trapezoid", y);
  const int64_t d = wrap_dim("cumulative_trapezoid", dim, y.dim());
  return rustorch::cumsum(neighbour_sums(y, d), d) * Scalar(dx.to_double() / 2);
}

Tensor cumulative_trapezoid_x(const Tensor& y, const Tensor& x, int64_t dim) {
  check_points("cumulative_trapezoid", y);
  check_points("cumulative_trapezoid", x);
  const int64_t d = wrap_dim("cumulative_trapezoid", dim, y.dim());
  return rustorch::cumsum(neighbour_sums(y, d) * widths(y, x, d), d) / 2;
}

}  // namespace rustorch::impl
