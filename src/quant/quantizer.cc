#include "quant/quantizer.h"

#include <algorithm>
#include <cmath>

#include "core/layout_algebra.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "rustorch/quantized.h"

namespace rustorch::quant_detail {

namespace {
Tensor number(double value, Device device) {
  return rustorch::full({}, Scalar(value), TensorOptions(kFloat32).device(device));
}

Tensor along(const Tensor& t, int64_t axis, int64_t dim) {
  if (dim <= 1) return t;
  std::vector<int64_t> shape(static_cast<size_t>(dim), 1);
  shape[static_cast<size_t>(axis)] = t.numel();
  return t.reshape(shape);
}
}  // namespace

void check_quantized_dtype(const char* op, DType dtype) {
  RT_CHECK(is_quantized(dtype), DType, op, "ScalarType ", dtype_scalar_name(dtype),
           " is not supported in new_qtensor.");
}

Affine affine_of(const Tensor& scales, const Tensor& zero_points, int64_t axis, int64_t dim) {
  Affine a;
  a.whole = !is_floating_point(zero_points.dtype());
  a.scale = along(scales.to(kFloat32), axis, dim);
  a.inverse = a.scale.reciprocal();
  a.zero_point = along(zero_points.to(kFloat32), axis, dim);
  return a;
}

Affine affine_of(const Quantizer& q, int64_t dim, Device device) {
  if (q.scheme != QScheme::PerTensorAffine) return affine_of(q.scales, q.zero_points, q.axis, dim);
  const auto scale = static_cast<float>(q.scale);
  return {number(scale, device), number(1.0f / scale, device),
          number(static_cast<double>(q.zero_point), device), true};
}

Tensor to_integers(const Tensor& numbers, const Quantizer& q, DType dtype) {
  const Affine a = affine_of(q, numbers.dim(), numbers.device());
  const auto low = static_cast<double>(lowest_integer(dtype)),
             high = static_cast<double>(highest_integer(dtype));
  const Scalar whole(a.whole ? 1.0 : 0.0);
  if (dtype != kQInt32)
    return rustorch::_quantize_values(numbers, a.inverse, a.zero_point, Scalar(low), Scalar(high), whole)
        .to(integer_type(dtype));
  // The limits are no float32: those of the float64 that the result passes through.
  const Tensor v =
      rustorch::_quantize_values(numbers, a.inverse, a.zero_point, Scalar(-INFINITY), Scalar(INFINITY), whole)
          .to(kFloat64);
  return rustorch::where(v.isfinite().logical_or(numbers.isinf()), v.clamp(Scalar(low), Scalar(high)),
                         Scalar(low))
      .to(kInt32);
}

Tensor to_numbers(const Tensor& integers, const Quantizer& q) {
  const bool one = q.scheme == QScheme::PerTensorAffine;
  if (integers.dtype() == kInt32 && q.scheme != QScheme::PerChannelAffineFloatQParams) {
    // The difference is taken between integers, which float32 would round.
    const Tensor wide = integers.to(kInt64);
    const Tensor zero = one ? Tensor() : along(q.zero_points, q.axis, integers.dim());
    const Tensor difference = one ? wide.sub(Scalar(q.zero_point)) : wide.sub(zero);
    return difference.to(kFloat32).mul(affine_of(q, integers.dim(), integers.device()).scale);
  }
  const Affine a = affine_of(q, integers.dim(), integers.device());
  return integers.to(kFloat32).sub_(a.zero_point).mul_(a.scale);
}

Tensor pack(const Tensor& integers, DType dtype) {
  const int64_t n = packed_elements(dtype), bits = 8 / n, bytes = (integers.numel() + n - 1) / n;
  Tensor flat = rustorch::zeros({bytes * n}, TensorOptions(kUInt8).device(integers.device()));
  flat.narrow(0, 0, integers.numel()).copy_(integers.reshape({-1}));
  const Tensor columns = flat.view({bytes, n});
  Tensor out = columns.select(1, 0).clone();
  for (int64_t i = 1; i < n; ++i) out.bitwise_or_(columns.select(1, i).bitwise_left_shift(Scalar(i * bits)));
  return out;
}

Tensor unpack(const Tensor& packed, DType dtype, IntArrayRef sizes) {
  const int64_t n = packed_elements(dtype), bits = 8 / n;
  std::vector<Tensor> columns;
  for (int64_t i = 0; i < n; ++i)
    columns.push_back(
        packed.bitwise_right_shift(Scalar(i * bits)).bitwise_and(Scalar((int64_t{1} << bits) - 1)));
  return rustorch::stack(TensorList(columns), 1).reshape({-1}).narrow(0, 0, numel_of(sizes)).reshape(sizes);
}

Tensor quantize_numbers(const char* op, const Tensor& numbers, Quantizer q, DType dtype) {
  check_quantized_dtype(op, dtype);
  const GradModeGuard off(false);
  const Tensor integers = to_integers(numbers, q, dtype);
  if (packed_elements(dtype) > 1)
    return make_packed_quantized(dtype, pack(integers, dtype), numbers.sizes(), std::move(q));
  return make_quantized(dtype, integers, std::move(q));
}

Tensor numbers_of(const Tensor& t) {
  const QuantizedData& d = quantized_data("dequantize", t);
  return to_numbers(packed_elements(t.dtype()) > 1 ? unpack(d.integers, t.dtype(), t.sizes()) : d.integers,
                    d.quantizer);
}

ChosenParams choose_params(float low, float high, int64_t qmin, int64_t qmax, bool symmetric, bool in_float) {
  RT_CHECK(low <= high, Value, "choose_qparams", "in range min must not be above max; got ", low, " and ",
           high);
  constexpr float kSmallest = 6.1e-5f;
  const auto steps = static_cast<double>(qmax - qmin);
  const bool both_signs = low < 0 && high > 0;
  if (both_signs && symmetric) {
    const int64_t half = (qmax - qmin) / 2;
    const double widest = std::max(std::fabs(low / static_cast<double>(-(half + 1))),
                                   std::fabs(high / static_cast<double>(half)));
    low = static_cast<float>(widest * static_cast<double>(-(half + 1)));
    high = static_cast<float>(widest * static_cast<double>(half));
  }
  low = std::min(low, 0.0f);
  high = std::max(high, 0.0f);
  double scale = (static_cast<double>(high) - low) / steps;
  if (static_cast<float>(scale) == 0 || std::isinf(1.0f / static_cast<float>(scale))) scale = 0.1;
  if (scale < kSmallest) {
    const auto before = static_cast<float>(scale);
    scale = kSmallest;
    if (low == 0) {
      high = static_cast<float>(kSmallest * steps);
    } else if (high == 0) {
      low = static_cast<float>(-kSmallest * steps);
    } else {
      low *= kSmallest / before;
      high *= kSmallest / before;
    }
  }
  if (in_float) scale = static_cast<float>(scale);
  const auto least = static_cast<double>(qmin), greatest = static_cast<double>(qmax);
  const double from_low = least - low / scale, from_high = greatest - high / scale;
  const double low_error = std::fabs(least) - std::fabs(low / scale),
               high_error = std::fabs(greatest) - std::fabs(high / scale);
  double zero = low_error < high_error ? from_low : from_high;
  if (low < 0 && high > 0 && symmetric) zero = (least + greatest) / 2;
  zero = zero < least ? least : zero > greatest ? greatest : std::nearbyint(zero);
  return {scale, static_cast<int64_t>(zero)};
}

}  // namespace rustorch::quant_detail
