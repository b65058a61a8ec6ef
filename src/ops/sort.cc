// Bodies of the ordering operators: checks, bringing the dimension last, and the call of the backend.
#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/image_layout.h"
#include "ops/make.h"
#include "ops/reduction_common.h"
#include "rustorch/error.h"

namespace rustorch::impl {
namespace {

using Pair = std::tuple<Tensor, Tensor>;

void check_order(const char* op, const Tensor& self) {
  RT_CHECK(!is_complex(self.dtype()), NotImplemented, op, "\"", op, "\" not implemented for '",
           dtype_scalar_name(self.dtype()), "'");
}

/// The permutation that brings dimension d last, and back.
DimVector last_order(int64_t ndim, int64_t d) {
  DimVector order;
  for (int64_t i = 0; i < ndim; ++i)
    if (i != d) order.push_back(i);
  order.push_back(d);
  return order;
}

DimVector inverse_order(int64_t ndim, int64_t d) {
  DimVector order;
  for (int64_t i = 0; i < ndim; ++i) order.push_back(i < d ? i : i == d ? ndim - 1 : i - 1);
  return order;
}

/// Rows of self along d, next to each other in memory.
Tensor rows_of(const Tensor& self, int64_t d) {
  if (d == self.dim() - 1) return contiguous_raw(self);
  return contiguous_raw(rustorch::permute(self, IntArrayRef(last_order(self.dim(), d))));
}

/// Orders the rows along d into rows of `width`. A sort takes over the order of memory of self.
Pair order_rows(OrderKind kind, const Tensor& self, int64_t d, int64_t width, bool descending) {
  if (self.dim() == 0) {
    const Tensor index = make_tensor({}, kInt64, self.device());
    backend_for(self).fill(index, 0);
    return {rustorch::clone(self), index};
  }
  const Tensor x = rows_of(self, d);
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = width;
  OrderCall call{kind,
                 make_tensor(sizes, self.dtype(), self.device()),
                 make_tensor(sizes, kInt64, self.device()),
                 x,
                 width,
                 descending};
  if (call.values.numel() > 0) backend_for(self).order(call);
  const auto give = [&](const Tensor& t) {
    const Tensor whole = d == self.dim() - 1 ? t : rustorch::permute(t, inverse_order(self.dim(), d));
    if (kind != OrderKind::Sort || self.impl()->is_contiguous()) return contiguous_raw(whole);
    if (whole.strides() == dense_strides_like(self.sizes(), self.strides())) return whole;
    return laid_out_like(whole, self, whole.dtype());
  };
  return {give(call.values), give(call.indices)};
}

/// One element of every row along dim.
Pair pick(const char* op, OrderKind kind, const Tensor& self, int64_t dim, bool keepdim, int64_t k = 0) {
  const uint64_t mask = reduced_dim(op, dim, self.dim());
  const int64_t d = wrap_dim(op, dim, self.dim());
  const bool middle = kind == OrderKind::Median || kind == OrderKind::NanMedian;
  if (self.dim() == 0 && is_complex(self.dtype()) && !middle)  // nothing to compare
    return {rustorch::clone(self), rustorch::zeros({}, kInt64, self.device())};
  check_order(op, self);
  check_not_empty(op, self, mask, true);
  RT_CHECK(self.dim() == 0 || self.size(d) > 0, Index, op, "Expected reduction dim ", d,
           " to have non-zero size.");
  const Tensor x = self.dim() == 0 ? self : rows_of(self, d);
  OrderCall call{kind, make_reduced(self, mask, keepdim, self.dtype()),
                 make_reduced(self, mask, keepdim, kInt64), contiguous_raw(x), k};
  if (call.values.numel() > 0) backend_for(self).order(call);
  return {std::move(call.values), std::move(call.indices)};
}

Tensor pick_of_all(const char* op, OrderKind kind, const Tensor& self) {
  check_order(op, self);
  const Tensor value = make_tensor({}, self.dtype(), self.device());
  if (self.numel() == 0) {
    backend_for(self).fill(value, is_floating_point(self.dtype()) ? Scalar(kNaN) : Scalar(INT64_MIN));
    return value;
  }
  const Tensor x = contiguous_raw(self);
  const int64_t n = x.numel(), stride = 1;
  OrderCall call{kind, value, make_tensor({}, kInt64, self.device()),
                 make_alias(x, IntArrayRef(&n, 1), IntArrayRef(&stride, 1), x.storage_offset())};
  backend_for(self).order(call);
  return value;
}

}  // namespace

Pair sort(const Tensor& self, int64_t dim, bool descending) {
  check_order("sort", self);
  const int64_t d = wrap_dim("sort", dim, self.dim());
  return order_rows(OrderKind::Sort, self, d, self.dim() ? self.size(d) : 1, descending);
}

Pair sort_stable(const Tensor& self, std::optional<bool>, int64_t dim, bool descending) {
  return rustorch::sort(self, dim, descending);
}

Tensor argsort(const Tensor& self, int64_t dim, bool descending) {
  return std::get<1>(rustorch::sort(self.detach(), dim, descending));
}

Tensor argsort_stable(const Tensor& self, std::optional<bool>, int64_t dim, bool descending) {
  return std::get<1>(rustorch::sort(self.detach(), dim, descending));
}

Tensor msort(const Tensor& self) { return std::get<0>(rustorch::sort(self, int64_t{0}, false)); }

Pair topk(const Tensor& self, int64_t k, int64_t dim, bool largest, bool) {
  check_order("topk", self);
  const int64_t d = wrap_dim("topk", dim, self.dim());
  RT_CHECK(k >= 0 && k <= (self.dim() ? self.size(d) : 1), Value, "topk",
           "selected index k out of range; got ", k);
  if (self.dim() == 0 && k == 0)
    return {make_tensor({}, self.dtype(), self.device()), make_tensor({}, kInt64, self.device())};
  return order_rows(OrderKind::TopK, self, d, k, largest);
}

Pair kthvalue(const Tensor& self, int64_t k, int64_t dim, bool keepdim) {
  const int64_t d = wrap_dim("kthvalue", dim, self.dim());
  const int64_t n = self.dim() ? self.size(d) : 1;
  check_not_empty("kthvalue", self, reduced_dim("kthvalue", dim, self.dim()), true);
  RT_CHECK(k >= 1 && k <= n, Value, "kthvalue", "selected number k out of range for dimension ", d);
  return pick("kthvalue", OrderKind::Kth, self, dim, keepdim, k);
}

Tensor median(const Tensor& self) { return pick_of_all("median", OrderKind::Median, self); }
Tensor nanmedian(const Tensor& self) { return pick_of_all("nanmedian", OrderKind::NanMedian, self); }

Pair median_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return pick("median", OrderKind::Median, self, dim, keepdim);
}

Pair nanmedian_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return pick("nanmedian", OrderKind::NanMedian, self, dim, keepdim);
}

Pair mode(const Tensor& self, int64_t dim, bool keepdim) {
  return pick("mode", OrderKind::Mode, self, dim, keepdim);
}

}  // namespace rustorch::impl
