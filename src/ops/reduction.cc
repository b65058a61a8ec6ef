// Bodies of the reduction operators: dtype rules, checks, and the call of the backend.
#include "ops/reduction_common.h"

#include <algorithm>
#include <cmath>

#include "backend/compute_backend.h"
#include "core/promotion.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/linalg.h"

namespace rustorch::impl {
namespace {

/// Whether all dims in mask have one element.
bool is_of_ones(const Tensor& t, uint64_t mask) {
  for (int d = 0; d < t.impl()->dim(); ++d)
    if (((mask >> d) & 1) && t.impl()->size(d) != 1) return false;
  return true;
}

/// Sums and products of integers are int64.
DType sum_dtype(const Tensor& self, std::optional<DType> dtype) {
  if (dtype) return *dtype;
  return is_integral(self.dtype(), true) ? kInt64 : self.dtype();
}

/// Converts first where the kernels cannot convert on the fly.
Tensor prepared(const Tensor& self, DType out) {
  const bool cast = is_complex(self.dtype()) != is_complex(out) || (is_complex(out) && self.dtype() != out) ||
                    (out == kBool && self.dtype() != kBool);
  return cast ? cast_raw(self, out) : self;
}

Tensor accumulate(ReduceKind kind, const Tensor& self, uint64_t mask, bool keepdim, DType out) {
  if (out == kBool) {  // a sum of bools kept as bool is "any", a product is "all"
    const ReduceKind logical = kind == ReduceKind::Prod ? ReduceKind::All : ReduceKind::Any;
    return reduce_with(logical, self, mask, keepdim, kBool);
  }
  return reduce_with(kind, prepared(self, out), mask, keepdim, out);
}

DType mean_dtype(const char* op, const Tensor& self, std::optional<DType> dtype) {
  const DType t = dtype.value_or(self.dtype());
  RT_CHECK(is_differentiable(t), NotImplemented, op, "could not infer output dtype. ",
           dtype ? "Optional" : "Input",
           " dtype must be either a floating point or complex dtype. Got: ", dtype_scalar_name(t));
  return t;
}

Tensor extreme(const char* op, ReduceKind kind, const Tensor& self, uint64_t mask, bool keepdim,
               bool dims_given) {
  RT_CHECK(!is_complex(self.dtype()), NotImplemented, op, "\"", op, "\" not implemented for '",
           dtype_scalar_name(self.dtype()), "'");
  if (self.numel() == 0) {
    RT_CHECK(dims_given, Value, op,
             "Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
             "the 'dim' "
             "argument.");
    check_not_empty(op, self, mask, true);
  }
  return reduce_with(kind, self, mask, keepdim, self.dtype());
}

Tensor logical(ReduceKind kind, const Tensor& self, uint64_t mask, bool keepdim) {
  return reduce_with(kind, self, mask, keepdim, self.dtype() == kUInt8 ? kUInt8 : kBool);
}

struct Moments {
  Tensor spread, mean;
};

void check_float(const char* op, const Tensor& self) {
  RT_CHECK(is_differentiable(self.dtype()), NotImplemented, op,
           "std and var only support floating point and complex dtypes");
}

// Whether some element of a dense result on the CPU, of a dtype as wide as float32, is not finite.
bool beyond_float(const Tensor& result) {
  if (!result.device().is_cpu()) return false;
  const auto any = [&](const auto* values) {
    return std::any_of(values, values + result.numel(),
                       [](auto v) { return !std::isfinite(static_cast<float>(v)); });
  };
  if (result.dtype() == kFloat32) return any(result.impl()->data<float>());
  return result.dtype() == kBFloat16 && any(result.impl()->data<BFloat16>());
}

/// Variance or standard deviation, with the mean when asked for.
Moments moments(const char* op, ReduceKind kind, const Tensor& self, std::optional<IntArrayRef> dim,
                const std::optional<Scalar>& correction, bool keepdim, bool with_mean) {
  check_float(op, self);
  const uint64_t mask = reduced_dims(op, dim, self.dim());
  const double c = correction ? correction->to_double() : 1.0;
  Moments r;
  if (is_complex(self.dtype())) {
    // The variance of a complex number is that of its real part plus that of its imaginary part.
    const Tensor pairs = rustorch::view_as_real(self);
    r.spread = reduce_with(ReduceKind::Var, pairs.select(-1, 0), mask, keepdim, real_type(self.dtype()), c) +
               reduce_with(ReduceKind::Var, pairs.select(-1, 1), mask, keepdim, real_type(self.dtype()), c);
    if (kind == ReduceKind::Std) r.spread = r.spread.sqrt();
    if (with_mean) r.mean = reduce_with(ReduceKind::Mean, self, mask, keepdim, self.dtype());
    return r;
  }
  ReduceCall call{kind, make_reduced(self, mask, keepdim, self.dtype()), self, mask, c};
  if (with_mean) call.out2 = make_reduced(self, mask, keepdim, self.dtype());
  backend_for(self).reduce(call);
  r.spread = std::move(call.out);
  r.mean = std::move(call.out2);
  if (kind == ReduceKind::Std && beyond_float(r.spread)) {  // squares were; their root need not be
    const Tensor wide = reduce_with(kind, cast_raw(self, kFloat64), mask, keepdim, kFloat64, c);
    r.spread = cast_raw(wide, r.spread.dtype());
  }
  return r;
}

std::optional<Scalar> bias(std::optional<bool> unbiased) { return Scalar(unbiased.value_or(true) ? 1 : 0); }

}  // namespace

Tensor sum(const Tensor& self, std::optional<DType> dtype) {
  return accumulate(ReduceKind::Sum, self, reduced_dims("sum", std::nullopt, self.dim()), false,
                    sum_dtype(self, dtype));
}

Tensor sum_dim(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim, std::optional<DType> dtype) {
  return accumulate(ReduceKind::Sum, self, reduced_dims("sum", dim, self.dim()), keepdim,
                    sum_dtype(self, dtype));
}

Tensor nansum(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim, std::optional<DType> dtype) {
  RT_CHECK(!is_complex(self.dtype()), NotImplemented, "nansum",
           "nansum on CPU does not support complex inputs");
  const DType out = sum_dtype(self, dtype);
  RT_CHECK(!is_complex(out) || is_integral(self.dtype(), true), NotImplemented, "nansum",
           "\"nansum_cpu\" not implemented for '", dtype_scalar_name(out), "'");
  const uint64_t mask = reduced_dims("nansum", dim, self.dim());
  if (is_integral(out, true) && !is_integral(self.dtype(), true))
    return accumulate(ReduceKind::Sum, cast_raw(self, out), mask, keepdim, out);
  return accumulate(ReduceKind::NanSum, self, mask, keepdim, out);
}

Tensor mean(const Tensor& self, std::optional<DType> dtype) {
  return accumulate(ReduceKind::Mean, self, reduced_dims("mean", std::nullopt, self.dim()), false,
                    mean_dtype("mean", self, dtype));
}

Tensor mean_dim(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim,
                std::optional<DType> dtype) {
  return accumulate(ReduceKind::Mean, self, reduced_dims("mean", dim, self.dim()), keepdim,
                    mean_dtype("mean", self, dtype));
}

Tensor nanmean(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim, std::optional<DType> dtype) {
  RT_CHECK(is_differentiable(self.dtype()), NotImplemented, "nanmean",
           "expected input to have floating point or complex dtype but got ",
           dtype_scalar_name(self.dtype()));
  const Tensor count = self.detach().isnan().logical_not().sum(dim, keepdim);
  return rustorch::nansum(self, dim, keepdim, dtype).div(count);
}

Tensor hash_tensor(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim, int64_t mode) {
  RT_CHECK(mode == 0, Value, "hash_tensor", "Unknown hash_tensor mode: ", mode);
  const DType type = self.dtype();
  const bool known =
      is_integral(type, true) ? !is_wide_unsigned(type) : is_floating_point(type) && element_size(type) >= 2;
  RT_CHECK(known, NotImplemented, "hash_tensor", "\"xor_sum_cpu\" not implemented for '",
           dtype_scalar_name(type), "'");
  const uint64_t mask = reduced_dims("hash_tensor", dim, self.dim());
  if (self.numel() == 0) {
    const bool dims_given = dim && !dim->empty();
    RT_CHECK(dims_given, Value, "hash_tensor",
             "Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
             "the 'dim' argument.");
    check_not_empty("hash_tensor", self, mask, true);
  }
  return rustorch::view(reduce_with(ReduceKind::Xor, self, mask, keepdim, kInt64), kUInt64);
}

Tensor prod(const Tensor& self, std::optional<DType> dtype) {
  return accumulate(ReduceKind::Prod, self, reduced_dims("prod", std::nullopt, self.dim()), false,
                    sum_dtype(self, dtype));
}

Tensor prod_dim_int(const Tensor& self, int64_t dim, bool keepdim, std::optional<DType> dtype) {
  return accumulate(ReduceKind::Prod, self, reduced_dim("prod", dim, self.dim()), keepdim,
                    sum_dtype(self, dtype));
}

Tensor amax(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim) {
  return extreme("amax", ReduceKind::Max, self, reduced_dims("amax", dim, self.dim()), keepdim,
                 dim && !dim->empty());
}

Tensor amin(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim) {
  return extreme("amin", ReduceKind::Min, self, reduced_dims("amin", dim, self.dim()), keepdim,
                 dim && !dim->empty());
}

std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  if (!dim) {
    RT_CHECK(self.numel() > 0, Value, "aminmax",
             "cannot compute aminmax over an empty dimension as the operation has no identity.");
    return {rustorch::amin(self, std::nullopt, keepdim), rustorch::amax(self, std::nullopt, keepdim)};
  }
  check_not_empty("aminmax", self, reduced_dim("aminmax", *dim, self.dim()), true);
  const IntArrayRef dims(&*dim, 1);
  return {rustorch::amin(self, dims, keepdim), rustorch::amax(self, dims, keepdim)};
}

Tensor max(const Tensor& self) {
  return extreme("max", ReduceKind::Max, self, reduced_dims("max", std::nullopt, self.dim()), false, false);
}

Tensor min(const Tensor& self) {
  return extreme("min", ReduceKind::Min, self, reduced_dims("min", std::nullopt, self.dim()), false, false);
}

Tensor max_other(const Tensor& self, const Tensor& other) { return rustorch::maximum(self, other); }
Tensor min_other(const Tensor& self, const Tensor& other) { return rustorch::minimum(self, other); }

Tensor any(const Tensor& self) {
  return logical(ReduceKind::Any, self, reduced_dims("any", std::nullopt, self.dim()), false);
}

Tensor any_dims(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim) {
  return logical(ReduceKind::Any, self, reduced_dims("any", dim, self.dim(), false), keepdim);
}

Tensor all(const Tensor& self) {
  return logical(ReduceKind::All, self, reduced_dims("all", std::nullopt, self.dim()), false);
}

Tensor all_dims(const Tensor& self, std::optional<IntArrayRef> dim, bool keepdim) {
  return logical(ReduceKind::All, self, reduced_dims("all", dim, self.dim(), false), keepdim);
}

Tensor count_nonzero(const Tensor& self, std::optional<IntArrayRef> dim) {
  return reduce_with(ReduceKind::CountNonzero, self, reduced_dims("count_nonzero", dim, self.dim()), false,
                     kInt64);
}

Tensor var(const Tensor& self, std::optional<bool> unbiased) {
  return rustorch::var(self, std::nullopt, bias(unbiased), false);
}

Tensor var_dim(const Tensor& self, std::optional<IntArrayRef> dim, bool unbiased, bool keepdim) {
  return rustorch::var(self, dim, bias(unbiased), keepdim);
}

Tensor var_correction(const Tensor& self, std::optional<IntArrayRef> dim,
                      const std::optional<Scalar>& correction, bool keepdim) {
  return moments("var", ReduceKind::Var, self, dim, correction, keepdim, false).spread;
}

Tensor std(const Tensor& self, std::optional<bool> unbiased) {
  return rustorch::std(self, std::nullopt, bias(unbiased), false);
}

Tensor std_dim(const Tensor& self, std::optional<IntArrayRef> dim, bool unbiased, bool keepdim) {
  return rustorch::std(self, dim, bias(unbiased), keepdim);
}

Tensor std_correction(const Tensor& self, std::optional<IntArrayRef> dim,
                      const std::optional<Scalar>& correction, bool keepdim) {
  return moments("std", ReduceKind::Std, self, dim, correction, keepdim, false).spread;
}

std::tuple<Tensor, Tensor> var_mean(const Tensor& self, std::optional<bool> unbiased) {
  return rustorch::var_mean(self, std::nullopt, bias(unbiased), false);
}

std::tuple<Tensor, Tensor> var_mean_dim(const Tensor& self, std::optional<IntArrayRef> dim, bool unbiased,
                                        bool keepdim) {
  return rustorch::var_mean(self, dim, bias(unbiased), keepdim);
}

std::tuple<Tensor, Tensor> var_mean_correction(const Tensor& self, std::optional<IntArrayRef> dim,
                                               const std::optional<Scalar>& correction, bool keepdim) {
  Moments m = moments("var_mean", ReduceKind::Var, self, dim, correction, keepdim, true);
  return {std::move(m.spread), std::move(m.mean)};
}

std::tuple<Tensor, Tensor> std_mean(const Tensor& self, std::optional<bool> unbiased) {
  return rustorch::std_mean(self, std::nullopt, bias(unbiased), false);
}

std::tuple<Tensor, Tensor> std_mean_dim(const Tensor& self, std::optional<IntArrayRef> dim, bool unbiased,
                                        bool keepdim) {
  return rustorch::std_mean(self, dim, bias(unbiased), keepdim);
}

std::tuple<Tensor, Tensor> std_mean_correction(const Tensor& self, std::optional<IntArrayRef> dim,
                                               const std::optional<Scalar>& correction, bool keepdim) {
  Moments m = moments("std_mean", ReduceKind::Std, self, dim, correction, keepdim, true);
  return {std::move(m.spread), std::move(m.mean)};
}

Tensor logsumexp(const Tensor& self, IntArrayRef dim, bool keepdim) {
  const uint64_t mask = reduced_dims("logsumexp", dim, self.dim());
  if (is_complex(self.dtype())) {
    const Tensor top =
        reduce_with(ReduceKind::Max, rustorch::real(self), mask, true, real_type(self.dtype()));
    const Tensor shift = rustorch::where(top.abs().eq(kInfinity), rustorch::zeros_like(top), top);
    const Tensor total =
        reduce_with(ReduceKind::Sum, rustorch::exp(self.sub(shift)), mask, true, self.dtype());
    const Tensor result = total.log().add(shift);
    return keepdim ? result : result.reshape(make_reduced(self, mask, false, kBool).sizes());
  }
  const DType t = is_floating_point(self.dtype()) ? self.dtype() : get_default_dtype();
  return reduce_with(ReduceKind::LogSumExp, self, mask, keepdim, t);
}

Tensor linalg_vector_norm(const Tensor& self, const Scalar& ord, std::optional<IntArrayRef> dim, bool keepdim,
                          std::optional<DType> dtype) {
  constexpr const char* kOp = "linalg.vector_norm";
  RT_CHECK(is_differentiable(self.dtype()), NotImplemented, kOp,
           "Expected a floating point or complex tensor as input. Got ", dtype_scalar_name(self.dtype()));
  if (dtype) {
    RT_CHECK(is_differentiable(*dtype), Value, kOp, "dtype should be floating point or complex, but got ",
             dtype_scalar_name(*dtype));
    RT_CHECK(is_complex(*dtype) == is_complex(self.dtype()), Value, kOp, "dtype should be ",
             is_complex(self.dtype()) ? "complex" : "real", " for ",
             is_complex(self.dtype()) ? "complex" : "real", " inputs, but got ", dtype_scalar_name(*dtype));
  }
  const uint64_t mask = reduced_dims(kOp, dim, self.dim());
  const double p = ord.to_double();
  if (self.numel() == 0 && (p < 0 || std::isinf(p))) {
    RT_CHECK(dim && !dim->empty(), Value, kOp, "cannot compute the ", p,
             " norm on an empty tensor because the operation does not have an identity");
    for (int d = 0; d < self.impl()->dim(); ++d)
      RT_CHECK(!((mask >> d) & 1) || self.impl()->size(d) != 0, Value, kOp, "cannot compute the ", p,
               " norm on the dimension ", d,
               " because this dimension is empty and the operation does not have an identity");
  }
  const Tensor in = dtype && is_complex(*dtype) ? cast_raw(self, *dtype) : self;
  if (p != 0 && is_of_ones(self, mask)) {  // no power, which could overflow
    const Tensor sizes = rustorch::abs(cast_raw(in, dtype.value_or(in.dtype())));
    return keepdim ? sizes : sizes.reshape(make_reduced(self, mask, false, kBool).sizes());
  }
  return reduce_with(ReduceKind::Norm, in, mask, keepdim, real_type(dtype.value_or(self.dtype())), p);
}

Tensor norm(const Tensor& self, const std::optional<Scalar>& p, std::optional<IntArrayRef> dim, bool keepdim,
            std::optional<DType> dtype) {
  return rustorch::linalg_vector_norm(self, p.value_or(Scalar(2)), dim, keepdim, dtype);
}

Tensor norm_str(const Tensor& self, std::string_view p, std::optional<IntArrayRef> dim, bool keepdim,
                std::optional<DType> dtype) {
  if (p == "nuc") {
    const int64_t all[] = {0, 1};
    return rustorch::linalg_matrix_norm(self, p, dim ? *dim : IntArrayRef(all), keepdim, dtype);
  }
  RT_CHECK(p == "fro", Value, "norm",
           "only valid string values are 'fro' (and 'nuc' in linalg.matrix_norm), found ", p);
  return rustorch::linalg_vector_norm(self, 2, dim, keepdim, dtype);
}

}  // namespace rustorch::impl
