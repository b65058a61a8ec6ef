// Bodies of searching, counting and distinct elements: made of other operators but for the binary search.
#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/promotion.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/make.h"
#include "rustorch/error.h"

namespace rustorch::impl {
namespace {

using Triple = std::tuple<Tensor, Tensor, Tensor>;

bool to_right(bool right, std::optional<std::string_view> side) {
  if (!side) return right;
  RT_CHECK(*side == "left" || *side == "right", Value, "searchsorted",
           "side can only be 'left' or 'right' but got ", *side);
  RT_CHECK(!(right && *side == "left"), Value, "searchsorted",
           "side and right can't be set to opposites, got side of left while right was True");
  return *side == "right";
}

Tensor empty_index(const Tensor& like) { return make_tensor(IntArrayRef{0}, kInt64, like.device()); }

/// What the distinct elements of a sequence, whose starts of runs are marked, are numbered by.
struct Runs {
  Tensor starts;   // int64: where each run begins
  Tensor numbers;  // int64: the run of every place
};

/// Runs of a sequence of n from `differs` (bool, n - 1): place i + 1 differs from place i.
Runs find_runs(const Tensor& differs) {
  const Tensor first = rustorch::ones({1}, kBool, differs.device());
  const Tensor marks = rustorch::cat({first, differs}, 0);
  return {rustorch::nonzero(marks).reshape({-1}), rustorch::cumsum(marks, int64_t{0}) - 1};
}

Tensor run_lengths(const Tensor& starts, int64_t n) {
  const Tensor end = rustorch::full({1}, n, kInt64, starts.device());
  const Tensor all = rustorch::cat({starts, end}, 0);
  const int64_t m = all.size(0);
  return rustorch::slice(all, 0, 1, m) - rustorch::slice(all, 0, 0, m - 1);
}

/// Whether neighbouring rows of a matrix differ.
Tensor rows_differ(const Tensor& rows) {
  const int64_t n = rows.size(0);
  const Tensor differs = rustorch::slice(rows, 0, 1, n).ne(rustorch::slice(rows, 0, 0, n - 1));
  return rows.dim() == 1 ? differs : differs.any(int64_t{1}, false);
}

/// self with dim first and the rest flattened.
Tensor as_rows(const Tensor& self, int64_t d) {
  return rustorch::reshape(rustorch::movedim(self, d, int64_t{0}), {self.size(d), -1}).contiguous();
}

}  // namespace

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& input, bool out_int32, bool right,
                    std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  constexpr const char* kOp = "searchsorted";
  const bool number_apart = input.dim() == 0 && input.device().is_cpu() && !sorted_sequence.device().is_cpu();
  const Tensor self = number_apart ? input.to(sorted_sequence.device()) : input;
  const bool after = to_right(right, side);
  RT_CHECK(sorted_sequence.dim() > 0, Value, kOp,
           "boundaries tensor should have positive dimension, but got 0 dimension");
  bool matches = sorted_sequence.dim() == 1;
  if (!matches && sorted_sequence.dim() == self.dim() && self.dim() > 0) {
    const size_t lead = static_cast<size_t>(self.dim() - 1);
    matches = sorted_sequence.sizes().slice(0, lead) == self.sizes().slice(0, lead);
  }
  RT_CHECK(matches, Shape, kOp,
           "boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and "
           "input value "
           "tensor must match, but we got boundaries tensor ",
           sorted_sequence.sizes(), " and input value tensor ", self.sizes());
  Tensor sorted = sorted_sequence;
  if (sorter) {
    RT_CHECK(sorter->sizes() == sorted.sizes(), Shape, kOp,
             "boundary and sorter must have the same size, but got boundary tensor ", sorted.sizes(),
             "and got sorter tensor ", sorter->sizes());
    RT_CHECK(sorter->dtype() == kInt64, DType, kOp, "sorter must be a tensor of long dtype but got dtype ",
             dtype_scalar_name(sorter->dtype()));
    sorted = rustorch::gather(sorted, -1, *sorter);
  }
  ResultType common;
  common.add(sorted.dtype(), false, false);
  common.add(self.dtype(), self.dim() == 0, input.impl()->is_wrapped_number());
  const DType t = common.get();
  SearchCall call{make_tensor(self.sizes(), out_int32 ? kInt32 : kInt64, self.device()),
                  contiguous_raw(cast_raw(sorted, t)), contiguous_raw(cast_raw(self, t)), after};
  if (self.numel() > 0) backend_for(self).search(call);
  return std::move(call.out);
}

Tensor searchsorted_Scalar(const Tensor& sorted_sequence, const Scalar& self, bool out_int32, bool right,
                           std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  return rustorch::searchsorted(sorted_sequence, wrapped_number(self), out_int32, right, side, sorter);
}

Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) {
  RT_CHECK(boundaries.dim() == 1, Shape, "bucketize", "boundaries tensor must be 1 dimension, but got dim(",
           boundaries.dim(), ")");
  return rustorch::searchsorted(boundaries, self, out_int32, right);
}

Tensor bucketize_Scalar(const Scalar& self, const Tensor& boundaries, bool out_int32, bool right) {
  return rustorch::bucketize(wrapped_number(self), boundaries, out_int32, right);
}

Tensor bincount(const Tensor& self, const std::optional<Tensor>& weights, int64_t minlength) {
  constexpr const char* kOp = "bincount";
  RT_CHECK(minlength >= 0, Value, kOp, "minlength should be >= 0");
  RT_CHECK(is_integral(self.dtype(), false), NotImplemented, kOp, "\"bincount_cpu\" not implemented for '",
           dtype_scalar_name(self.dtype()), "'");
  RT_CHECK(self.dim() == 1, Value, kOp, "bincount only supports 1-d non-negative integral inputs.");
  if (weights)
    RT_CHECK(weights->sizes() == self.sizes(), Shape, kOp,
             "weights should be 1-d and have the same length as input");
  if (self.numel() == 0) return rustorch::zeros(IntArrayRef{minlength}, kInt64, self.device());
  const int64_t least = rustorch::min(self).item<int64_t>(), most = rustorch::max(self).item<int64_t>();
  RT_CHECK(least >= 0, Value, kOp, "bincount only supports 1-d non-negative integral inputs.");
  const DType t = !weights ? kInt64 : weights->dtype() == kFloat32 ? kFloat32 : kFloat64;
  const Tensor amount = weights ? cast_raw(*weights, t) : rustorch::ones(self.sizes(), kInt64, self.device());
  const Tensor bins =
      rustorch::zeros(IntArrayRef{most + 1 > minlength ? most + 1 : minlength}, t, self.device());
  return rustorch::scatter_add(bins, 0, cast_raw(self, kInt64), amount);
}

Tensor histc(const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
  constexpr const char* kOp = "histc";
  RT_CHECK(bins > 0, Value, kOp, "bins must be > 0");
  RT_CHECK(is_floating_point(self.dtype()), NotImplemented, kOp, "\"histogram_cpu\" not implemented for '",
           dtype_scalar_name(self.dtype()), "'");
  double low = min.to_double(), high = max.to_double();
  const Tensor x = self.detach().reshape({-1});
  if (low == high && x.numel() > 0) {
    low = rustorch::min(x).item<double>();
    high = rustorch::max(x).item<double>();
  }
  if (low == high) {
    low -= 1;
    high += 1;
  }
  RT_CHECK(low - low == 0 && high - high == 0, Value, kOp, "range of [", low, ", ", high, "] is not finite");
  RT_CHECK(low < high, Value, kOp, "max must be larger than min");
  const Tensor inside = rustorch::masked_select(x, x.ge(low).logical_and(x.le(high)));
  const Tensor place = (inside - low) * (static_cast<double>(bins) / (high - low));
  const Tensor index = rustorch::clamp(cast_raw(place, kInt64), 0, bins - 1);
  const Tensor counts = rustorch::zeros(IntArrayRef{bins}, kInt64, self.device());
  return cast_raw(rustorch::scatter_add(counts, 0, index, rustorch::ones_like(index)), self.dtype());
}

Triple _unique2(const Tensor& self, bool, bool return_inverse, bool return_counts) {
  const Tensor flat = self.detach().reshape({-1});
  if (flat.numel() == 0) {
    const Tensor inverse =
        return_inverse ? make_tensor(self.sizes(), kInt64, self.device()) : empty_index(self);
    return {make_tensor(IntArrayRef{0}, self.dtype(), self.device()), inverse, empty_index(self)};
  }
  const auto [sorted, order] = rustorch::sort(flat);
  const Runs runs = find_runs(rows_differ(sorted));
  Tensor inverse = empty_index(self), counts = empty_index(self);
  if (return_inverse)
    inverse = rustorch::scatter(rustorch::empty_like(order), 0, order, runs.numbers).reshape(self.sizes());
  if (return_counts) counts = run_lengths(runs.starts, flat.numel());
  return {rustorch::index_select(sorted, 0, runs.starts), inverse, counts};
}

Triple unique_dim(const Tensor& self, int64_t dim, bool, bool return_inverse, bool return_counts) {
  const int64_t d = wrap_dim("unique_dim", dim, self.dim());
  const int64_t n = self.size(d);
  if (self.numel() == 0) {
    RT_CHECK(n == 0, Value, "unique_dim",
             "There are 0 sized dimensions, and they aren't selected by `dim`, so unique cannot be applied");
    RT_CHECK(std::count(self.sizes().begin(), self.sizes().end(), 0) == 1, Value, "unique_dim",
             "Number of zero sized dimensions is more than one, so unique cannot be applied ");
    return {rustorch::clone(self), empty_index(self), empty_index(self)};
  }
  const Tensor rows = as_rows(self.detach(), d);
  // Sorting by every column, the least important first, orders the rows.
  Tensor order = rustorch::arange(n, kInt64, self.device());
  for (int64_t c = rows.size(1) - 1; c >= 0; --c) {
    const Tensor column = rustorch::index_select(rustorch::select(rows, 1, c), 0, order);
    order = rustorch::index_select(order, 0, std::get<1>(rustorch::sort(column)));
  }
  const Runs runs = find_runs(rows_differ(rustorch::index_select(rows, 0, order)));
  Tensor inverse = empty_index(self), counts = empty_index(self);
  if (return_inverse) inverse = rustorch::scatter(rustorch::empty_like(order), 0, order, runs.numbers);
  if (return_counts) counts = run_lengths(runs.starts, n);
  return {rustorch::index_select(self, d, rustorch::index_select(order, 0, runs.starts)), inverse, counts};
}

Triple _unique_consecutive(const Tensor& self, bool return_inverse, bool return_counts,
                           std::optional<int64_t> dim) {
  const int64_t d = dim ? wrap_dim("unique_consecutive", *dim, self.dim()) : 0;
  const int64_t n = dim ? self.size(d) : self.numel();
  if (self.numel() == 0) {
    RT_CHECK(!dim || n == 0, Value, "unique_consecutive",
             "There are 0 sized dimensions, and they aren't selected by `dim`, so unique_consecutive cannot "
             "be applied");
    const Tensor inverse =
        return_inverse && !dim ? make_tensor(self.sizes(), kInt64, self.device()) : empty_index(self);
    return {dim ? rustorch::clone(self) : self.detach().reshape({-1}), inverse, empty_index(self)};
  }
  const Tensor rows = dim ? as_rows(self.detach(), d) : self.detach().reshape({-1});
  const Runs runs = find_runs(rows_differ(rows));
  Tensor inverse = empty_index(self), counts = empty_index(self);
  if (return_inverse) inverse = dim ? runs.numbers : runs.numbers.reshape(self.sizes());
  if (return_counts) counts = run_lengths(runs.starts, n);
  return {rustorch::index_select(dim ? self : rows, d, runs.starts), inverse, counts};
}

}  // namespace rustorch::impl
