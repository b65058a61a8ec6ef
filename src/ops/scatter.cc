// Bodies of gather, take_along_dim and the scatter family.
#include <string>

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/copy_common.h"
#include "ops/dim_array.h"
#include "ops/make.h"
#include "ops/scalar_range.h"
#include "rustorch/error.h"

namespace rustorch::impl {

namespace {

/// The checks that gather and scatter share: dtype and rank of index, its size apart from dim.
int64_t check_index(const char* op, const Tensor& self, int64_t dim, const Tensor& index, bool all_dims) {
  const int64_t d = wrap_dim(op, dim, self.dim());
  RT_CHECK(index.numel() == 0 || index.dtype() == kInt64 || index.dtype() == kInt32, DType, op,
           "Expected dtype int32/int64 for index");
  if (index.numel() == 0) return d;
  const int64_t a = std::max<int64_t>(self.dim(), 1), b = std::max<int64_t>(index.dim(), 1);
  RT_CHECK(a == b, Shape, op, "Index tensor must have the same number of dimensions as ",
           op[0] == 'g' ? "input" : "self", " tensor");
  if (!all_dims) return d;
  for (int64_t k = 0; k < index.dim(); ++k)
    if (k != d && self.dim() > 0 && index.size(k) > self.size(k))
      raise_shape(op,
                  rustorch::cat("Size does not match at dimension ", k, " expected index ", index.sizes(),
                                " to be no larger than self ", self.sizes(), " apart from dimension ", d),
                  index.sizes(), self.sizes());
  return d;
}

void check_source(const char* op, const Tensor& self, int64_t d, const Tensor& index, const Tensor& src) {
  RT_CHECK(self.dtype() == src.dtype(), DType, op, "Expected self.dtype to be equal to src.dtype");
  if (index.numel() == 0) return;
  RT_CHECK(std::max<int64_t>(src.dim(), 1) == std::max<int64_t>(index.dim(), 1), Shape, op,
           "Index tensor must have the same number of dimensions as src tensor");
  for (int64_t k = 0; k < index.dim(); ++k)
    if (src.dim() > 0 && index.size(k) > src.size(k))
      raise_shape(op,
                  rustorch::cat("Expected index ", index.sizes(), " to be no larger than self ", self.sizes(),
                                " apart from dimension ", d, " and to be no larger than src ", src.sizes()),
                  index.sizes(), src.sizes());
}

/// 0-d tensors seen as vectors of one element.
Tensor at_least_vector(const Tensor& t) {
  return t.dim() > 0 ? t : make_alias(t, {1}, {1}, t.storage_offset());
}

/// self (mode)= src at index, in place; with out defined, self is copied there first.
void run_scatter(const char* op, const Tensor& self, int64_t dim, const Tensor& index, const Tensor* src,
                 const Scalar& value, ScatterMode mode, const Tensor& out = {}) {
  const int64_t d = check_index(op, self, dim, index, true);
  if (src != nullptr)
    check_source(op, self, d, index, *src);
  else
    check_fits(op, value, self.dtype());
  if (!out.defined()) check_writable(op, self);
  if (index.numel() == 0) {
    if (out.defined() && out.numel() > 0) copy_data(out, self);
    return;
  }
  const Tensor& target = out.defined() ? out : self;
  ScatterCall call{mode, at_least_vector(target), at_least_vector(cast_raw(index, kInt64)), {}, value, d};
  if (src != nullptr) {
    call.src = at_least_vector(*src);
    if (!out.defined() && shares_memory(self, *src))
      call.src = impl::clone(call.src, MemoryFormat::Contiguous);
  }
  if (out.defined()) {
    bool by_line = self.dim() > 0 && d == self.dim() - 1 && self.is_contiguous() && out.is_contiguous();
    for (int64_t k = 0; by_line && k < d; ++k) by_line = index.size(k) == self.size(k);
    if (by_line)
      call.base = self;
    else
      copy_data(out, self);
  }
  backend_for(self).scatter(call);
}

/// The out-of-place form.
Tensor scattered(const char* op, const Tensor& self, int64_t dim, const Tensor& index, const Tensor* src,
                 const Scalar& value, ScatterMode mode) {
  Tensor out = make_tensor(self.sizes(), self.dtype(), self.device());
  run_scatter(op, self, dim, index, src, value, mode, out);
  return out;
}

ScatterMode combine_mode(std::string_view reduce) {
  if (reduce == "add") return ScatterMode::Add;
  if (reduce == "multiply") return ScatterMode::Multiply;
  raise(ErrorKind::Value, "scatter",
        rustorch::cat("reduce argument must be either add or multiply, got ", reduce));
}

Tensor copy_of(const Tensor& self) {
  Tensor out = make_tensor(self.sizes(), self.dtype(), self.device());
  if (out.numel() > 0) copy_data(out, self);
  return out;
}

}  // namespace

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool /*sparse_grad*/) {
  const int64_t d = check_index("gather", self, dim, index, true);
  Tensor out = make_tensor(index.sizes(), self.dtype(), self.device());
  if (out.numel() > 0)
    backend_for(self).gather(
        {at_least_vector(out), at_least_vector(self), at_least_vector(cast_raw(index, kInt64)), d});
  return out;
}

void scatter__src(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  run_scatter("scatter", self, dim, index, &src, 0, ScatterMode::Write);
}
void scatter__value(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  run_scatter("scatter", self, dim, index, nullptr, value, ScatterMode::Write);
}
void scatter__src_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                         std::string_view reduce) {
  run_scatter("scatter", self, dim, index, &src, 0, combine_mode(reduce));
}
void scatter__value_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value,
                           std::string_view reduce) {
  run_scatter("scatter", self, dim, index, nullptr, value, combine_mode(reduce));
}
void scatter_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  run_scatter("scatter_add", self, dim, index, &src, 0, ScatterMode::Add);
}

Tensor scatter_src(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  return scattered("scatter", self, dim, index, &src, 0, ScatterMode::Write);
}
Tensor scatter_value(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  return scattered("scatter", self, dim, index, nullptr, value, ScatterMode::Write);
}
Tensor scatter_src_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                          std::string_view reduce) {
  return scattered("scatter", self, dim, index, &src, 0, combine_mode(reduce));
}
Tensor scatter_value_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value,
                            std::string_view reduce) {
  return scattered("scatter", self, dim, index, nullptr, value, combine_mode(reduce));
}
Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  return scattered("scatter_add", self, dim, index, &src, 0, ScatterMode::Add);
}

namespace {

/// The value that a reduction starts from where self does not take part.
Scalar neutral(std::string_view reduce, DType t) {
  if (reduce == "prod") return 1;
  if (reduce != "amax" && reduce != "amin") return 0;
  const bool low = reduce == "amax";
  if (is_floating_point(t))
    return low ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  if (t == kBool) return low ? 0 : 1;
  const int bits = static_cast<int>(element_size(t)) * 8;
  if (!is_signed(t)) return low ? Scalar(0) : Scalar(static_cast<unsigned long>(~uint64_t{0} >> (64 - bits)));
  const auto top = static_cast<int64_t>(~uint64_t{0} >> (65 - bits));
  return low ? Scalar(-top - 1) : Scalar(top);
}

void reduce_into(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                 std::string_view reduce, bool include_self) {
  ScatterMode mode;
  if (reduce == "sum" || reduce == "mean") {
    mode = ScatterMode::Add;
  } else if (reduce == "prod") {
    mode = ScatterMode::Multiply;
  } else if (reduce == "amax") {
    mode = ScatterMode::Max;
  } else if (reduce == "amin") {
    mode = ScatterMode::Min;
  } else {
    raise(ErrorKind::Value, "scatter_reduce",
          rustorch::cat("reduce argument must be either sum, prod, mean, amax or amin, got ", reduce));
  }
  RT_CHECK(!is_complex(self.dtype()) || (mode != ScatterMode::Max && mode != ScatterMode::Min),
           NotImplemented, "scatter_reduce", "amax and amin are not defined for complex tensors");
  if (!include_self)
    run_scatter("scatter_reduce", self, dim, index, nullptr, neutral(reduce, self.dtype()),
                ScatterMode::Write);
  run_scatter("scatter_reduce", self, dim, index, &src, 0, mode);
  if (reduce != "mean") return;
  const DType t = self.dtype();
  Tensor count =
      impl::full_like(self, include_self ? Scalar(1) : Scalar(0), t, std::nullopt, false, std::nullopt);
  run_scatter("scatter_reduce", count, dim, index, nullptr, 1, ScatterMode::Add);
  impl::masked_fill__Scalar(count, rustorch::eq(count, Scalar(0)), Scalar(1));
  if (is_integral(t, true))
    impl::copy_(self, rustorch::div(self, count, "floor"), false);
  else
    impl::copy_(self, rustorch::div(self, count), false);
}

}  // namespace

void scatter_reduce_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                     std::string_view reduce, bool include_self) {
  reduce_into(self, dim, index, src, reduce, include_self);
}

Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self) {
  Tensor out = copy_of(self);
  reduce_into(out, dim, index, src, reduce, include_self);
  return out;
}

Tensor index_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                    std::string_view reduce, bool include_self) {
  const int64_t d = wrap_dim("index_reduce", dim, self.dim());
  RT_CHECK(reduce == "prod" || reduce == "mean" || reduce == "amax" || reduce == "amin", Value,
           "index_reduce", "Expected reduce to be one of prod, mean, amax or amin but got ", reduce, ".");
  RT_CHECK(index.dim() <= 1, Index, "index_reduce", "Index should have dimension 1 or 0 (got ", index.dim(),
           ")");
  if (self.dim() == 0)
    return rustorch::scatter_reduce(self, 0, rustorch::reshape(index, {}), rustorch::reshape(source, {}),
                                    reduce, include_self);
  DimArray shape(static_cast<int>(source.dim()), 1);
  shape[static_cast<int>(d)] = index.numel();
  Tensor wide = rustorch::expand(rustorch::reshape(index, shape.ref()), source.sizes());
  return rustorch::scatter_reduce(self, d, wide, source, reduce, include_self);
}

Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
  RT_CHECK(indices.dtype() == kInt64 || indices.dtype() == kInt32, DType, "take_along_dim",
           "dtype of indices should be Long but got ", dtype_scalar_name(indices.dtype()));
  const auto from_start = [&](const Tensor& at, int64_t size) {
    return rustorch::where(rustorch::lt(at, Scalar(0)), rustorch::add(at, Scalar(size)), at);
  };
  if (!dim)
    return rustorch::gather(rustorch::reshape(self, {-1}), 0,
                            from_start(rustorch::reshape(indices, {-1}), self.numel()));
  RT_CHECK(self.dim() == indices.dim(), Shape, "take_along_dim",
           "input and indices should have the same number of dimensions, but got ", self.dim(),
           " dimensions for input, and ", indices.dim(), " dimensions for indices");
  const auto d = static_cast<int>(wrap_dim("take_along_dim", *dim, self.dim()));
  DimArray a(self.sizes()), b(indices.sizes());
  if (self.dim() > 0) {
    a[d] = 1;
    b[d] = 1;
  }
  DimArray common(broadcast_shapes("take_along_dim", a, b));
  DimArray data(common), index(common);
  if (self.dim() > 0) {
    data[d] = self.size(d);
    index[d] = indices.size(d);
  }
  return rustorch::gather(
      rustorch::expand(self, data.ref()), d,
      rustorch::expand(from_start(indices, self.dim() > 0 ? self.size(d) : 1), index.ref()));
}

}  // namespace rustorch::impl
