#include "ops/scalar_range.h"

#include <cmath>
#include <limits>

#include "rustorch/error.h"

namespace rustorch {

double largest_finite(DType dtype) {
  switch (dtype) {
    case kFloat16:
    case kComplex32:
      return 65504;
    case kBFloat16:
    case kBComplex32:
      return 3.3895313892515355e38;
    case kFloat32:
    case kComplex64:
      return std::numeric_limits<float>::max();
    default:
      return std::numeric_limits<double>::max();
  }
}

namespace {

// 8-bit floats saturate, or have an infinity.
bool fits_float(double v, DType dtype) {
  return is_float8(dtype) || !std::isfinite(v) || std::abs(v) <= largest_finite(dtype);
}

bool fits_integer(const Scalar& value, DType dtype) {
  const int bits = static_cast<int>(element_size(dtype)) * 8;
  const bool whole = !is_signed(dtype);  // no negative numbers; they wrap around when they are integers
  if (value.is_integral()) {
    if (bits == 64) return dtype == kUInt64 || !value.is_beyond_int64();
    if (value.is_beyond_int64()) return false;
    const int64_t v = value.to_int(), high = (int64_t{1} << (whole ? bits : bits - 1)) - 1;
    return v >= (whole ? -high : -high - 1) && v <= high;
  }
  const double v = value.to_double();  // nan compares false
  const double end = std::ldexp(1.0, whole ? bits : bits - 1);
  return v >= (whole ? 0 : -end) && (whole || bits == 64 ? v < end : v <= end - 1);
}

}  // namespace

bool fits(const Scalar& value, DType dtype) {
  if (dtype == kBool) return true;
  if (is_complex(dtype)) {
    const std::complex<double> v = value.to_complex();
    return fits_float(v.real(), dtype) && fits_float(v.imag(), dtype);
  }
  if (value.is_complex() && value.to_complex().imag() != 0) return false;
  return is_integral(dtype, false) ? fits_integer(value, dtype) : fits_float(value.to_double(), dtype);
}

Scalar rounded(const Scalar& value, DType dtype) {
  const bool half = dtype == kFloat16 || dtype == kBFloat16;
  if (!half || value.is_complex() || fits(value, dtype)) return value;
  return Scalar(std::copysign(INFINITY, value.to_double()));
}

void check_not_negative(const char* op, const Scalar& value, DType dtype) {
  RT_CHECK(dtype != kUInt64 || !value.is_integral() || value.is_beyond_int64() || value.to_int() >= 0, Value,
           op, "can't convert negative int to unsigned");
}

void check_fits(const char* op, const Scalar& value, DType dtype) {
  RT_CHECK(fits(value, dtype), Value, op, "value cannot be converted to type ", dtype_name(dtype),
           " without overflow");
}

}  // namespace rustorch
