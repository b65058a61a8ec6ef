// Composite operators around the pointwise ones of ops/arithmetic.ops.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/layout_algebra.h"
#include "core/promotion.h"
#include "gen/impl.h"
#include "gen/impl_special.h"
#include "ops/make.h"
#include "ops/scalar_range.h"
#include "rustorch/error.h"
#include "rustorch/special.h"

namespace rustorch::impl {

Tensor div_mode(const Tensor& self, const TensorLike& other, std::optional<std::string_view> rounding_mode) {
  if (!rounding_mode) return rustorch::div(self, other);
  if (*rounding_mode == "trunc") return _div_trunc(self, other);
  if (*rounding_mode == "floor") return floor_divide(self, other);
  raise(ErrorKind::Value, "div",
        rustorch::cat("div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '",
                      *rounding_mode, "'"));
}

Tensor divide(const Tensor& self, const TensorLike& other, std::optional<std::string_view> rounding_mode) {
  return div_mode(self, other, rounding_mode);
}

namespace {

DType dtype_of(const TensorLike& t) { return t.is_tensor() ? t.tensor->dtype() : t.scalar.dtype(); }

DType common_type(const TensorLike& a, const TensorLike& b) {
  ResultType types;
  for (const TensorLike* t : {&a, &b}) {
    if (t->is_tensor())
      types.add(t->tensor->dtype(), t->tensor->dim() == 0, t->tensor->impl()->is_wrapped_number());
    else
      types.add(t->scalar);
  }
  return types.get();
}

}  // namespace

Tensor pow(const TensorLike& self, const TensorLike& exponent) {
  RT_CHECK(self.is_tensor() || exponent.is_tensor(), Type, "pow",
           "at least one of base and exponent must be a tensor");
  if (!exponent.is_tensor()) {
    const Scalar& e = exponent.scalar;
    RT_CHECK(!is_integral(self.tensor->dtype(), true) || !e.is_integral() || e.to_int() >= 0, Value, "pow",
             "Integers to negative integer powers are not allowed.");
    if (self.tensor->dtype() != kBool || !e.is_bool()) {
      // Exponents that have cheaper and exact forms.
      if (e.equal(2.0) && !is_integral(self.tensor->dtype(), true)) return self.tensor->mul(*self.tensor);
      if (e.equal(1.0) && is_complex(self.tensor->dtype())) return self.tensor->clone();
      if (e.equal(0.5)) return _pow_half(*self.tensor);
      if (e.equal(-0.5)) return _pow_minus_half(*self.tensor);
      if (e.equal(0.0) && is_differentiable(self.tensor->dtype()) &&
          (!e.is_complex() || is_complex(self.tensor->dtype())))
        return _pow_zero(*self.tensor);
    }
  }
  if (!exponent.is_tensor() && exponent.scalar.is_bool() && self.tensor->dtype() == kBool)
    return exponent.scalar.to_int() ? self.tensor->clone() : rustorch::ones_like(*self.tensor);
  if (!exponent.is_tensor() && is_integral(self.tensor->dtype(), false) && exponent.scalar.is_integral())
    check_fits("pow", exponent.scalar, self.tensor->dtype());
  DType common = common_type(self, exponent);
  RT_CHECK(common != kBool, NotImplemented, "pow", "\"pow\" not implemented for 'Bool'");
  if (is_complex(common) && !self.is_tensor() && self.scalar.equal(1.0) && !self.scalar.is_bool())
    return _pow_zero(exponent.tensor->to(common));          // 1, to the power of nan too
  if (is_complex(common) && !is_complex(dtype_of(self))) {  // its logarithm may be complex
    if (self.is_tensor()) return _pow(self.tensor->to(common), exponent);
    return _pow(scalar_tensor(self.scalar, common), exponent);
  }
  if (self.is_tensor()) return _pow(*self.tensor, exponent);
  return _pow(self.as_tensor(), exponent);
}

Tensor nextafter(const Tensor& self, const Tensor& other) {
  const DType common = common_type(self, other);
  if (common != kFloat16 && common != kBFloat16) return rustorch::_nextafter(self, other);
  const auto shape = broadcast_shapes("nextafter", self.sizes(), other.sizes());
  return rustorch::_nextafter_short(rustorch::expand(self, shape).to(common),
                                    rustorch::expand(other, shape).to(common));
}

Tensor _nextafter_short(const Tensor& self, const Tensor& other) {
  // The bits, read as an integer, count the numbers up from zero on either side.
  const Tensor bits = rustorch::clone(self, MemoryFormat::Contiguous).view(kInt16);
  const Tensor outwards = rustorch::eq(rustorch::lt(self, other), rustorch::gt(self, Scalar(0)));
  const Tensor step = rustorch::sub(rustorch::mul(outwards.to(kInt16), Scalar(2)), Scalar(1));
  Tensor next = rustorch::add(bits, step).view(self.dtype());
  const Tensor least = rustorch::full_like(bits, Scalar(1)).view(self.dtype());
  next = rustorch::where(rustorch::eq(self, Scalar(0)), rustorch::copysign(least, other), next);
  next = rustorch::where(rustorch::eq(self, other), other, next);
  const Tensor sum = rustorch::add(self, other);  // nan of either one
  return rustorch::where(rustorch::logical_or(rustorch::isnan(self), rustorch::isnan(other)), sum, next);
}

Tensor float_power(const TensorLike& self, const TensorLike& exponent) {
  RT_CHECK(self.is_tensor() || exponent.is_tensor(), Type, "float_power",
           "expected a tensor among the operands; got numbers only");
  DType t = is_complex(dtype_of(self)) || is_complex(dtype_of(exponent)) ? kComplex128 : kFloat64;
  auto widen = [&](const TensorLike& x) {
    return x.is_tensor() ? x.tensor->to(t) : scalar_tensor(x.scalar, t);
  };
  return rustorch::pow(widen(self), widen(exponent));
}

Tensor complex(const Tensor& real, const Tensor& imag) {
  RT_CHECK(real.is_floating_point() && imag.is_floating_point() && real.dtype() != kBFloat16 &&
               !is_float8(real.dtype()),
           DType, "complex", "Expected both inputs to be Half, Float or Double tensors but got ",
           dtype_scalar_name(real.dtype()), " and ", dtype_scalar_name(imag.dtype()));
  RT_CHECK(real.dtype() == imag.dtype(), DType, "complex", "Expected object of scalar type ",
           dtype_scalar_name(real.dtype()), " but got scalar type ", dtype_scalar_name(imag.dtype()),
           " for second argument");
  std::vector<Tensor> parts = rustorch::broadcast_tensors({real, imag});
  const auto join = [&] { return rustorch::view_as_complex(rustorch::stack(parts, -1).contiguous()); };
  if (parts[0].is_contiguous()) return join();
  // in the order of memory of the first part
  const DimVector strides = dense_strides_like(parts[0].sizes(), parts[0].strides());
  DimVector order(strides.size()), back(strides.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return strides[static_cast<size_t>(a)] > strides[static_cast<size_t>(b)];
  });
  for (size_t i = 0; i < order.size(); ++i) back[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  for (Tensor& part : parts) part = rustorch::permute(part, order);
  return rustorch::permute(join(), back);
}

Tensor polar(const Tensor& abs, const Tensor& angle) {
  RT_CHECK(abs.dtype() == angle.dtype(), DType, "polar", "Expected object of scalar type ",
           dtype_scalar_name(abs.dtype()), " but got scalar type ", dtype_scalar_name(angle.dtype()),
           " for second argument");
  return rustorch::complex(abs.mul(angle.cos()), abs.mul(angle.sin()));
}

Tensor where_self(const Tensor& condition, const TensorLike& self, const TensorLike& other) {
  RT_CHECK(condition.dtype() == kBool || condition.dtype() == kUInt8, DType, "where",
           "expected condition to be a boolean tensor, but got a tensor with dtype ",
           dtype_scalar_name(condition.dtype()));
  return _where(condition, self, other);
}

namespace {

/// A bound of clamp as self's dtype holds it: one beyond its range limits nothing, or allows no value at all.
Scalar bound(const Tensor& self, const Scalar& v, bool lower) {
  const DType t = self.dtype();
  if (!is_integral(t, false) || t == kInt64 || !v.is_integral()) return v;
  if (t == kUInt64) return v.is_beyond_int64() ? v : Scalar(std::max<int64_t>(v.to_int(), 0));
  const int bits = static_cast<int>(element_size(t)) * 8;
  const int64_t low = is_signed(t) ? -(int64_t{1} << (bits - 1)) : 0;
  const int64_t high = (int64_t{1} << (is_signed(t) ? bits - 1 : bits)) - 1;
  const int64_t i = v.to_int();
  RT_CHECK(lower ? i <= high : i >= low, Value, "clamp", "Clamp ", lower ? "min" : "max", " value ", i,
           " is outside the representable range of ", dtype_scalar_name(t));
  return Scalar(std::clamp(i, low, high));
}

}  // namespace

Tensor clamp(const Tensor& self, const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
  RT_CHECK(min || max, Value, "clamp", "torch.clamp: At least one of 'min' or 'max' must not be None");
  if (min && max) return _clamp(self, bound(self, *min, true), bound(self, *max, false));
  return min ? impl::clamp_min(self, *min) : impl::clamp_max(self, *max);
}

Tensor clamp_Tensor(const Tensor& self, const std::optional<Tensor>& min, const std::optional<Tensor>& max) {
  RT_CHECK(min || max, Value, "clamp", "torch.clamp: At least one of 'min' or 'max' must not be None");
  if (min && max) return _clamp_tensor(self, *min, *max);
  return min ? _clamp_min_tensor(self, *min) : _clamp_max_tensor(self, *max);
}

Tensor clamp_min(const Tensor& self, const Scalar& min) { return _clamp_min(self, bound(self, min, true)); }

Tensor clamp_min_Tensor(const Tensor& self, const Tensor& min) { return _clamp_min_tensor(self, min); }

Tensor clamp_max(const Tensor& self, const Scalar& max) { return _clamp_max(self, bound(self, max, false)); }

Tensor clamp_max_Tensor(const Tensor& self, const Tensor& max) { return _clamp_max_tensor(self, max); }

Tensor sum_to_size(const Tensor& self, IntArrayRef size) {
  if (self.sizes() == size && !size.empty())
    return self;  // a sum over nothing is one: a copy, and an integer of a bool
  RT_CHECK(is_expandable_to(size, self.sizes()), Shape, "sum_to_size", "size ", size,
           " is not expandable to size ", self.sizes());
  if (size.empty()) return rustorch::sum(self);
  int64_t lead = self.dim() - static_cast<int64_t>(size.size());
  std::vector<int64_t> dims;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (d < lead || (size[static_cast<size_t>(d - lead)] == 1 && self.size(d) != 1)) dims.push_back(d);
  Tensor t = dims.empty() ? self : rustorch::sum(self, std::optional<IntArrayRef>(IntArrayRef(dims)), true);
  return lead > 0 ? t.view(size) : t;
}

}  // namespace rustorch::impl
