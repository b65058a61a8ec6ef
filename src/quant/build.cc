// Quantized tensors from numbers and from integers, and the parts of quantized tensors.
#include "core/layout_algebra.h"
#include "gen/impl_quantized.h"
#include "ops/make.h"
#include "quant/quantizer.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/quantized.h"

namespace rustorch::impl {

using namespace quant_detail;

namespace {
void check_zero_point(const char* op, int64_t zero_point, DType dtype) {
  RT_CHECK(zero_point <= highest_integer(dtype), Value, op, op, " zero_point ", zero_point,
           " is above upper bound.");
  RT_CHECK(zero_point >= lowest_integer(dtype), Value, op, op, " zero_point ", zero_point,
           " is below lower bound.");
}

void check_float(const char* op, const Tensor& self) {
  RT_CHECK(self.dtype() == kFloat32, DType, op, "Quantize only works on Float Tensor, got ",
           dtype_scalar_name(self.dtype()));
}

Quantizer by_channel(const char* op, const Tensor& scales, const Tensor& zero_points, int64_t axis,
                     IntArrayRef sizes) {
  RT_CHECK(scales.dim() == 1, Shape, op, "scale tensor must have dimension 1");
  RT_CHECK(zero_points.dim() == 1, Shape, op, "zero_points tensor must have dimension 1");
  RT_CHECK(scales.numel() == zero_points.numel(), Shape, op,
           "number of elements in scales and zero_points must match; got ", scales.numel(), " and ",
           zero_points.numel());
  RT_CHECK(axis >= 0 && axis < static_cast<int64_t>(sizes.size()), Index, op,
           "Channel axis out of range in per channel affine quantization. Got: ", axis, " Expected: [0, ",
           sizes.size(), ")");
  RT_CHECK(scales.numel() == sizes[static_cast<size_t>(axis)], Shape, op,
           "length of scales must equal to channel, expected ", sizes[static_cast<size_t>(axis)], " got, ",
           scales.numel());
  Quantizer q;
  const bool with_floats = is_floating_point(zero_points.dtype());
  q.scheme = with_floats ? QScheme::PerChannelAffineFloatQParams : QScheme::PerChannelAffine;
  q.scales = rustorch::_to_copy(scales.detach(), with_floats ? kFloat32 : kFloat64).contiguous();
  q.zero_points = rustorch::_to_copy(zero_points.detach(), with_floats ? kFloat32 : kInt64).contiguous();
  q.axis = axis;
  return q;
}

Quantizer for_all(double scale, int64_t zero_point) {
  Quantizer q;
  q.scale = scale;
  q.zero_point = zero_point;
  return q;
}

Tensor empty_with(const char* op, IntArrayRef sizes, DType dtype, Device device, Quantizer q) {
  check_quantized_dtype(op, dtype);
  const int64_t n = packed_elements(dtype);
  if (n == 1) return make_quantized(dtype, make_tensor(sizes, integer_type(dtype), device), std::move(q));
  const int64_t bytes = (numel_of(sizes) + n - 1) / n;
  return make_packed_quantized(dtype, make_tensor({bytes}, kUInt8, device), sizes, std::move(q));
}

DType quantized_of(const char* op, DType integers) {
  RT_CHECK(integers == kInt8 || integers == kUInt8 || integers == kInt32, DType, op, "ScalarType ",
           dtype_scalar_name(integers), " is not supported in new_qtensor.");
  return integers == kInt8 ? kQInt8 : integers == kUInt8 ? kQUInt8 : kQInt32;
}

/// The only scale; refuses other schemes.
const Quantizer& uniform(const char* op, const Tensor& t) {
  const Quantizer& q = quantized_data(op, t).quantizer;
  RT_CHECK(q.scheme == QScheme::PerTensorAffine, Value, op,
           "Expected quantizer->qscheme() == kPerTensorAffine to be true, but got false.");
  return q;
}

const Quantizer& channels(const char* op, const Tensor& t) {
  const Quantizer& q = quantized_data(op, t).quantizer;
  RT_CHECK(q.scheme != QScheme::PerTensorAffine, Value, op,
           "Expected quantizer->qscheme() == kPerChannelAffine || quantizer->qscheme() == "
           "kPerChannelAffineFloatQParams to be true, but got false.");
  return q;
}
}  // namespace

Tensor quantize_per_tensor(const Tensor& self, double scale, int64_t zero_point, DType dtype) {
  constexpr const char* kOp = "quantize_per_tensor";
  check_quantized_dtype(kOp, dtype);
  check_float(kOp, self);
  check_zero_point("quantize_tensor_per_tensor_affine", zero_point, dtype);
  return quantize_numbers(kOp, self, for_all(scale, zero_point), dtype);
}

Tensor quantize_per_tensor_tensor_qparams(const Tensor& self, const Tensor& scale, const Tensor& zero_point,
                                          DType dtype) {
  return impl::quantize_per_tensor(self, scale.item().to_double(), zero_point.item().to_int(), dtype);
}

std::vector<Tensor> quantize_per_tensor_tensors(TensorList tensors, const Tensor& scales,
                                                const Tensor& zero_points, DType dtype) {
  std::vector<Tensor> out;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    out.push_back(impl::quantize_per_tensor(tensors[i], scales[at].item().to_double(),
                                            zero_points[at].item().to_int(), dtype));
  }
  return out;
}

Tensor quantize_per_channel(const Tensor& self, const Tensor& scales, const Tensor& zero_points, int64_t axis,
                            DType dtype) {
  constexpr const char* kOp = "quantize_per_channel";
  check_quantized_dtype(kOp, dtype);
  check_float(kOp, self);
  Quantizer q = by_channel(kOp, scales, zero_points, axis, self.sizes());
  const bool with_floats = q.scheme == QScheme::PerChannelAffineFloatQParams;
  if (packed_elements(dtype) > 1 && !with_floats)
    raise(ErrorKind::NotImplemented, kOp,
          cat("\"quantize_tensor_per_channel_affine\" not implemented for '", dtype_scalar_name(dtype), "'"));
  if (!with_floats && q.zero_points.numel() > 0) {
    check_zero_point("quantize_tensor_per_channel_affine", q.zero_points.max().item().to_int(), dtype);
    check_zero_point("quantize_tensor_per_channel_affine", q.zero_points.min().item().to_int(), dtype);
  }
  return quantize_numbers(kOp, self, std::move(q), dtype);
}

Tensor quantize_per_tensor_dynamic(const Tensor& self, DType dtype, bool reduce_range) {
  constexpr const char* kOp = "quantize_per_tensor_dynamic";
  if (dtype == kFloat16) return self.to(kFloat16);
  RT_CHECK(dtype == kQInt8 || dtype == kQUInt8, DType, kOp, "dtype ", dtype_scalar_name(dtype),
           " not supported");
  const auto [low, high] = self.numel() == 0 ? std::tuple(0.0, 0.0)
                                             : std::tuple(rustorch::min(self).item().to_double(),
                                                          rustorch::max(self).item().to_double());
  const int64_t parts = reduce_range ? 2 : 1;
  const ChosenParams chosen =
      choose_params(static_cast<float>(low), static_cast<float>(high), lowest_integer(dtype) / parts,
                    highest_integer(dtype) / parts, false);
  return impl::quantize_per_tensor(self, chosen.scale, chosen.zero_point, dtype);
}

Tensor empty_quantized(IntArrayRef size, const Tensor& qtensor, std::optional<DType> dtype,
                       std::optional<Device> device) {
  Quantizer q = quantized_data("empty_quantized", qtensor).quantizer;
  return empty_with("empty_quantized", size, dtype.value_or(qtensor.dtype()),
                    device.value_or(qtensor.device()), std::move(q));
}

Tensor _empty_affine_quantized(IntArrayRef size, std::optional<DType> dtype, std::optional<Device> device,
                               double scale, int64_t zero_point) {
  return empty_with("_empty_affine_quantized", size, dtype.value_or(get_default_dtype()),
                    device.value_or(Device::Cpu()), for_all(scale, zero_point));
}

Tensor _empty_per_channel_affine_quantized(IntArrayRef size, const Tensor& scales, const Tensor& zero_points,
                                           int64_t axis, std::optional<DType> dtype,
                                           std::optional<Device> device) {
  constexpr const char* kOp = "_empty_per_channel_affine_quantized";
  return empty_with(kOp, size, dtype.value_or(get_default_dtype()), device.value_or(Device::Cpu()),
                    by_channel(kOp, scales, zero_points, axis, size));
}

Tensor _make_per_tensor_quantized_tensor(const Tensor& self, double scale, int64_t zero_point) {
  const DType dtype = quantized_of("_make_per_tensor_quantized_tensor", self.dtype());
  return make_quantized(dtype, self.clone(), for_all(scale, zero_point));
}

Tensor _make_per_channel_quantized_tensor(const Tensor& self, const Tensor& scale, const Tensor& zero_point,
                                          int64_t axis) {
  constexpr const char* kOp = "_make_per_channel_quantized_tensor";
  const DType dtype = quantized_of(kOp, self.dtype());
  return make_quantized(dtype, self.clone(), by_channel(kOp, scale, zero_point, axis, self.sizes()));
}

Tensor dequantize_self(const Tensor& self) {
  return self.is_quantized() ? numbers_of(self) : self.to(kFloat32);
}

std::vector<Tensor> dequantize_tensors(TensorList tensors) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(rustorch::dequantize(t));
  return out;
}

Tensor int_repr(const Tensor& self) { return quantized_data("int_repr", self).integers.clone(); }
Tensor _integers(const Tensor& self) { return make_alias(quantized_data("_integers", self).integers); }
double q_scale(const Tensor& self) { return uniform("q_scale", self).scale; }
int64_t q_zero_point(const Tensor& self) { return uniform("q_zero_point", self).zero_point; }
Tensor q_per_channel_scales(const Tensor& self) {
  return make_alias(channels("q_per_channel_scales", self).scales);
}
Tensor q_per_channel_zero_points(const Tensor& self) {
  return make_alias(channels("q_per_channel_zero_points", self).zero_points);
}
int64_t q_per_channel_axis(const Tensor& self) { return channels("q_per_channel_axis", self).axis; }
int64_t _qscheme(const Tensor& self) { return static_cast<int64_t>(qscheme(self)); }

}  // namespace rustorch::impl
