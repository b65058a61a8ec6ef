// Quantization that gives floats again: fake_quantize, its observer, and the search for a good range.
#include <algorithm>
#include <cmath>

#include "core/layout_algebra.h"
#include "gen/impl_quantized.h"
#include "ops/make.h"
#include "quant/quantizer.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/half.h"
#include "rustorch/ops.h"
#include "rustorch/quantized.h"

namespace rustorch::impl {

using namespace quant_detail;

namespace {
Tensor simulated(const Tensor& self, const Affine& a, int64_t low, int64_t high) {
  const Tensor out = rustorch::_fake_quantize(self, a.scale, a.inverse, a.zero_point, Scalar(low),
                                              Scalar(high), Scalar(a.whole ? 1.0 : 0.0));
  return out.dtype() == self.dtype() ? out : out.to(self.dtype());
}

void check_limits(const char* op, int64_t low, int64_t high) {
  RT_CHECK(low <= high, Value, op, "`quant_min` should be less than or equal to `quant_max`; got ", low,
           " and ", high);
}

void check_within(const char* op, double zero_point, int64_t low, int64_t high) {
  RT_CHECK(zero_point >= static_cast<double>(low) && zero_point <= static_cast<double>(high), Value, op,
           "`zero_point` must be between `quant_min` and `quant_max`; got ", zero_point, ", expected ", low,
           " to ", high);
}

/// What is lost when input (n floats) is quantized to `bits` bits between low and high: the distance.
float quantization_loss(const float* input, int64_t n, float low, float high, int64_t bits) {
  low = static_cast<float>(Half(low));
  const float range = high - low, top = static_cast<float>((int64_t{1} << bits) - 1);
  const float scale = range == 0 ? 1.0f : static_cast<float>(Half(range / top));
  const float inverse = scale == 0 ? 1.0f : 1.0f / scale;
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float rounded = std::nearbyint((input[i] - low) * inverse);
    const float back = std::max(0.0f, std::min(rounded, top)) * scale + low;
    sum += (back - input[i]) * (back - input[i]);
  }
  return std::sqrt(sum);
}

/// running += rate * (seen - running); infinite values mean that nothing was seen yet.
void move_towards(const Tensor& running, const Tensor& seen, double rate) {
  const Tensor moved = running.add(seen.sub(running).mul(Scalar(static_cast<float>(rate))));
  running.copy_(rustorch::where(running.isinf(), seen, moved));
}

void observe(const Tensor& self, const Tensor& low, const Tensor& high, const Tensor& scale,
             const Tensor& zero_point, double rate, int64_t qmin, int64_t qmax, int64_t axis, bool by_row,
             bool symmetric) {
  if (by_row) {
    const int64_t n = self.size(axis);
    if (low.numel() != n) {
      low.resize_({n}).fill_(Scalar(INFINITY));
      high.resize_({n}).fill_(Scalar(-INFINITY));
      scale.resize_({n});
      zero_point.resize_({n});
    }
    const Tensor rows = self.transpose(0, axis).reshape({n, -1});
    move_towards(low, rows.amin(1), rate);
    move_towards(high, rows.amax(1), rate);
  } else {
    move_towards(low, self.amin().view_as(low), rate);
    move_towards(high, self.amax().view_as(high), rate);
  }
  const Tensor lows = low.to(kFloat32).contiguous(), highs = high.to(kFloat32).contiguous();
  Tensor scales = make_tensor(lows.sizes(), kFloat32, Device::Cpu());
  Tensor zeros = make_tensor(lows.sizes(), kInt32, Device::Cpu());
  for (int64_t i = 0; i < lows.numel(); ++i) {
    const ChosenParams chosen =
        choose_params(lows.data_ptr<float>()[i], highs.data_ptr<float>()[i], qmin, qmax, symmetric, true);
    scales.impl()->mutable_data<float>()[i] = static_cast<float>(chosen.scale);
    zeros.impl()->mutable_data<int32_t>()[i] = static_cast<int32_t>(chosen.zero_point);
  }
  scale.copy_(scales.view_as(scale));
  zero_point.copy_(zeros.view_as(zero_point));
}
}  // namespace

Tensor fake_quantize_per_tensor_affine(const Tensor& self, double scale, int64_t zero_point,
                                       int64_t quant_min, int64_t quant_max) {
  constexpr const char* kOp = "fake_quantize_per_tensor_affine";
  check_limits(kOp, quant_min, quant_max);
  check_within(kOp, static_cast<double>(zero_point), quant_min, quant_max);
  Quantizer q;
  q.scale = scale;
  q.zero_point = zero_point;
  return simulated(self, affine_of(q, self.dim(), self.device()), quant_min, quant_max);
}

Tensor fake_quantize_per_tensor_affine_tensor_qparams(const Tensor& self, const Tensor& scale,
                                                      const Tensor& zero_point, int64_t quant_min,
                                                      int64_t quant_max) {
  constexpr const char* kOp = "fake_quantize_per_tensor_affine";
  check_limits(kOp, quant_min, quant_max);
  return rustorch::fake_quantize_per_tensor_affine(self, scale.item().to_double(), zero_point.item().to_int(),
                                                   quant_min, quant_max);
}

Tensor fake_quantize_per_channel_affine(const Tensor& self, const Tensor& scale, const Tensor& zero_point,
                                        int64_t axis, int64_t quant_min, int64_t quant_max) {
  constexpr const char* kOp = "fake_quantize_per_channel_affine";
  RT_CHECK(scale.dtype() == kFloat32 || scale.dtype() == kBFloat16 || scale.dtype() == kFloat16, DType, kOp,
           "Scale must be Float, found ", dtype_scalar_name(scale.dtype()));
  RT_CHECK(zero_point.dtype() == kInt32 || is_floating_point(zero_point.dtype()), DType, kOp,
           "Zero-point must be Int32, Float or Half, found ", dtype_scalar_name(zero_point.dtype()));
  RT_CHECK(scale.dim() == 1, Shape, kOp, "scale should be a 1-D tensor");
  RT_CHECK(zero_point.dim() == 1, Shape, kOp, "zero point should be a 1-D tensor");
  RT_CHECK(scale.numel() == zero_point.numel(), Shape, kOp,
           "scale and zero-point need to have the same dimensions; got ", scale.numel(), " and ",
           zero_point.numel());
  const int64_t d = wrap_dim(kOp, axis, self.dim());
  RT_CHECK(scale.numel() == self.size(d), Shape, kOp,
           "dimensions of scale and zero-point are not consistent with input tensor; got ", scale.numel(),
           ", expected ", self.size(d));
  check_limits(kOp, quant_min, quant_max);
  if (zero_point.numel() > 0 && zero_point.dtype() == kInt32) {
    check_within(kOp, zero_point.min().item().to_double(), quant_min, quant_max);
    check_within(kOp, zero_point.max().item().to_double(), quant_min, quant_max);
  }
  return simulated(self, affine_of(scale.detach(), zero_point.detach(), d, self.dim()), quant_min, quant_max);
}

Tensor fused_moving_avg_obs_fake_quant(const Tensor& self, const Tensor& observer_on,
                                       const Tensor& fake_quant_on, const Tensor& running_min,
                                       const Tensor& running_max, const Tensor& scale,
                                       const Tensor& zero_point, double averaging_const, int64_t quant_min,
                                       int64_t quant_max, int64_t ch_axis, bool per_row_fake_quant,
                                       bool symmetric_quant) {
  constexpr const char* kOp = "fused_moving_avg_obs_fake_quant";
  RT_CHECK(ch_axis < self.dim(), Index, kOp, "Error in ", kOp, "_cpu: ch_axis must be < self.dim(); got ",
           ch_axis, " for ", self.dim(), " dimensions");
  if (observer_on.item().to_int() != 0) {
    const GradModeGuard off(false);
    observe(self.detach(), running_min, running_max, scale, zero_point, averaging_const, quant_min, quant_max,
            per_row_fake_quant ? wrap_dim(kOp, ch_axis, self.dim()) : 0, per_row_fake_quant, symmetric_quant);
  }
  if (fake_quant_on.item().to_int() == 0) return self.clone();
  if (per_row_fake_quant)
    return rustorch::fake_quantize_per_channel_affine(self, scale, zero_point, ch_axis, quant_min, quant_max);
  return rustorch::fake_quantize_per_tensor_affine(self, scale.item().to_double(), zero_point.item().to_int(),
                                                   quant_min, quant_max);
}

std::tuple<Tensor, Tensor> choose_qparams_optimized(const Tensor& input, int64_t numel, int64_t n_bins,
                                                    double ratio, int64_t bit_width) {
  constexpr const char* kOp = "choose_qparams_optimized";
  RT_CHECK(numel > 0 && numel <= input.numel(), Value, kOp, "numel is out of the bound of input tensor; got ",
           numel, " for ", input.numel(), " elements");
  RT_CHECK(input.dtype() == kFloat32, DType, kOp, "expected scalar type Float but found ",
           dtype_scalar_name(input.dtype()));
  RT_CHECK(n_bins > 0 && bit_width > 0 && bit_width < 32, Value, kOp,
           "n_bins must be positive and bit_width between 1 and 31; got ", n_bins, " and ", bit_width);
  const Tensor host = input.to(Device::Cpu()).contiguous();
  const float* x = host.data_ptr<float>();
  float low = *std::min_element(x, x + numel), high = *std::max_element(x, x + numel);
  const float step = (high - low) / static_cast<float>(n_bins);
  const float narrowest =
      static_cast<float>(static_cast<double>(n_bins) * (1.0 - static_cast<float>(ratio))) * step;
  float left = low, right = high;
  float loss = quantization_loss(x, numel, low, high, bit_width), best = loss;
  while (left + narrowest < right && step > 0) {
    const float from_left = quantization_loss(x, numel, left + step, right, bit_width),
                from_right = quantization_loss(x, numel, left, right - step, bit_width);
    if (loss < from_left && loss < from_right && loss < best) {  // a local optimum
      best = loss;
      low = left;
      high = right;
    }
    if (from_left < from_right) {
      left += step;
      loss = from_left;
    } else {
      right -= step;
      loss = from_right;
    }
  }
  Tensor top = make_tensor({1}, kFloat32, Device::Cpu()), bottom = make_tensor({1}, kFloat32, Device::Cpu());
  *top.impl()->mutable_data<float>() = high;
  *bottom.impl()->mutable_data<float>() = low;
  return {top, bottom};
}

}  // namespace rustorch::impl
