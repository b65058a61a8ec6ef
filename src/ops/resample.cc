// Resizing (interpolate) as one linear map per dimension, and the columns of sliding windows.
//
// Every mode is a table of taps per output place, made here; resizing of several dimensions is separable. The
// gradient is the transposed table.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "gen/impl.h"
#include "ops/image_layout.h"
#include "ops/nn_common.h"

namespace rustorch::impl {
namespace {

struct Table {
  int taps = 1;
  std::vector<int64_t> places;
  std::vector<double> weights;
};

double cubic_weight(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0.0;
}

// Input places per output place.
double step_of(int64_t in, int64_t out, bool align_corners, std::optional<double> scale) {
  if (align_corners) return out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0.0;
  return scale && *scale > 0 ? 1.0 / *scale : static_cast<double>(in) / static_cast<double>(out);
}

Table nearest_table(int64_t in, int64_t out, bool exact, std::optional<double> scale) {
  Table t;
  const float step = static_cast<float>(step_of(in, out, false, scale));
  for (int64_t o = 0; o < out; ++o) {
    const float at = exact ? (static_cast<float>(o) + 0.5f) * step : static_cast<float>(o) * step;
    t.places.push_back(std::min<int64_t>(static_cast<int64_t>(std::floor(at)), in - 1));
    t.weights.push_back(1);
  }
  return t;
}

Table linear_table(int64_t in, int64_t out, bool align_corners, std::optional<double> scale) {
  Table t;
  t.taps = 2;
  const double step = step_of(in, out, align_corners, scale);
  for (int64_t o = 0; o < out; ++o) {
    const double centre = static_cast<double>(o);
    const double at = align_corners ? step * centre : std::max(step * (centre + 0.5) - 0.5, 0.0);
    const int64_t first = std::min<int64_t>(static_cast<int64_t>(at), in - 1);
    const double part = std::clamp(at - static_cast<double>(first), 0.0, 1.0);
    if (in == out) {  // a copy: neighbours, which may be nan, are not read
      t.places.insert(t.places.end(), {o, o});
      t.weights.insert(t.weights.end(), {1.0, 0.0});
      continue;
    }
    t.places.insert(t.places.end(), {first, std::min(first + 1, in - 1)});
    t.weights.insert(t.weights.end(), {1 - part, part});
  }
  return t;
}

Table cubic_table(int64_t in, int64_t out, bool align_corners, std::optional<double> scale) {
  Table t;
  t.taps = 4;
  const double step = step_of(in, out, align_corners, scale);
  for (int64_t o = 0; o < out; ++o) {
    const double centre = static_cast<double>(o);
    const double at = align_corners ? step * centre : step * (centre + 0.5) - 0.5;
    const double base = std::floor(at), part = at - base;
    for (int k = -1; k <= 2; ++k) {
      t.places.push_back(std::clamp<int64_t>(static_cast<int64_t>(base) + k, 0, in - 1));
      t.weights.push_back(cubic_weight(part - k, -0.75));
    }
  }
  return t;
}

// A triangle or cubic filter as wide as the step when shrinking.
Table smooth_table(int64_t in, int64_t out, bool cubic, bool align_corners, std::optional<double> scale) {
  Table t;
  const double step = step_of(in, out, align_corners, scale), width = cubic ? 2.0 : 1.0;
  const double support = step >= 1 ? width * step : width, inverse = step >= 1 ? 1.0 / step : 1.0;
  t.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  for (int64_t o = 0; o < out; ++o) {
    const double centre = step * (static_cast<double>(o) + 0.5);
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const int64_t count = std::clamp<int64_t>(
        std::min<int64_t>(static_cast<int64_t>(centre + support + 0.5), in) - first, 0, t.taps);
    double total = 0;
    std::vector<double> w;
    for (int64_t j = 0; j < count; ++j) {
      const double x = (static_cast<double>(j + first) - centre + 0.5) * inverse;
      w.push_back(cubic ? cubic_weight(x, -0.5) : std::max(0.0, 1 - std::abs(x)));
      total += w.back();
    }
    for (int64_t j = 0; j < t.taps; ++j) {
      t.places.push_back(std::min(first + std::min(j, std::max<int64_t>(count - 1, 0)), in - 1));
      t.weights.push_back(j < count ? (total != 0 ? w[static_cast<size_t>(j)] / total : 0.0) : 0.0);
    }
  }
  return t;
}

Table make_table(std::string_view mode, int64_t in, int64_t out, bool align_corners,
                 std::optional<double> scale) {
  if (mode == "nearest" || mode == "nearest-exact") return nearest_table(in, out, mode != "nearest", scale);
  if (mode == "linear") return linear_table(in, out, align_corners, scale);
  if (mode == "cubic") return cubic_table(in, out, align_corners, scale);
  return smooth_table(in, out, mode == "cubic-aa", align_corners, scale);
}

/// Weights of bytes as integers of 16 bits over a power of two, as in PyTorch (and Pillow): results are
/// exact. Taps that meet at an edge count as one, rounded once.
void quantize(Table& table) {
  const size_t taps = static_cast<size_t>(table.taps);
  for (size_t i = 0; i < table.weights.size(); ++i) {
    for (size_t first = i / taps * taps; first < i; ++first) {
      if (table.places[first] == table.places[i]) {
        table.weights[first] += std::exchange(table.weights[i], 0.0);
        break;
      }
    }
  }
  double largest = 0;
  for (double w : table.weights) largest = std::max(largest, w);
  int bits = 0;
  while (bits < 22 && static_cast<int64_t>(0.5 + largest * std::ldexp(1.0, bits + 1)) < 32768) ++bits;
  for (double& w : table.weights) w = std::ldexp(std::round(std::ldexp(w, bits)), -bits);
}

Tensor run(const Tensor& from, int64_t dim, int64_t in, int64_t out, std::string_view mode,
           bool align_corners, std::optional<double> scale, bool transposed) {
  constexpr const char* op = "interpolate";
  Table table = make_table(mode, in, out, align_corners, scale);
  const bool any = table.taps == 1 && !transposed, bytes = !any && from.dtype() == kUInt8;
  if (bytes) quantize(table);
  const DType compute = any ? from.dtype() : bytes ? kFloat64 : nn_detail::kernel_dtype(op, from.dtype());
  ResampleCall call;
  const bool last = lies_channels_last(from);
  call.in = image_like(from, compute, last);
  DimVector sizes = from.sizes().vec();
  const size_t d = static_cast<size_t>(dim);
  sizes[d] = transposed ? in : out;
  call.out = make_image(sizes, compute, from.device(), last);
  // the channels are before the images' places or, channels last, behind them
  call.outer = numel_of(from.sizes().slice(0, d)) / (last ? from.size(1) : 1);
  call.inner = numel_of(from.sizes().slice(d + 1)) * (last ? from.size(1) : 1);
  call.in_size = in;
  call.out_size = out;
  call.taps = table.taps;
  call.places = table.places.data();
  call.weights = table.weights.data();
  call.transposed = transposed;
  backend_for(call.out).resample(call);
  if (bytes) call.out = rustorch::clamp(rustorch::floor(call.out + 0.5), Scalar(0), Scalar(255));
  return cast_raw(call.out, from.dtype());
}

// Whether the filter is as wide as the step. Such modes leave alone what has its size already, whatever the
// scale; so they take any element type where there is nothing to do.
bool filtered(std::string_view mode) { return mode == "linear-aa" || mode == "cubic-aa"; }

Tensor resize(const Tensor& input, int rank, std::optional<IntArrayRef> output_size, bool align_corners,
              std::optional<ArrayRef<double>> scale_factors, std::string_view mode) {
  constexpr const char* op = "interpolate";
  RT_CHECK(input.dim() == rank + 2, Shape, op, "Expected ", rank + 2,
           "D input tensor, but got a tensor with sizes ", input.sizes());
  RT_CHECK(output_size.has_value() != scale_factors.has_value(), Value, op,
           "Must specify exactly one of output_size and scale_factors");
  const size_t n = static_cast<size_t>(rank);
  RT_CHECK(input.dtype() != kUInt8 || rank == 2 || mode == "nearest" || mode == "nearest-exact",
           NotImplemented, op, "\"compute_indices_weights_linear\" not implemented for 'Byte'");
  RT_CHECK((output_size ? output_size->size() : scale_factors->size()) == n, Value, op,
           "It is expected output_size equals to ", rank, ", but got size ",
           static_cast<int64_t>(output_size ? output_size->size() : scale_factors->size()));
  Tensor out = input;
  // the last dimension first: it is the slow one, and growing images are smallest then
  for (int i = rank - 1; i >= 0; --i) {
    const size_t d = static_cast<size_t>(i);
    const int64_t in = input.size(2 + i);
    std::optional<double> scale;
    if (scale_factors) scale = (*scale_factors)[d];
    const int64_t size =
        output_size ? (*output_size)[d] : static_cast<int64_t>(std::floor(static_cast<double>(in) * *scale));
    RT_CHECK(in > 0 && size > 0, Value, op, "Input and output sizes should be greater than 0, but got input ",
             input.sizes(), " output size ", size);
    if (in == size && (filtered(mode) || (!scale && (mode == "nearest" || mode == "nearest-exact"))))
      continue;
    out = rustorch::_resample(out, 2 + i, size, mode, align_corners, scale);
  }
  return out.is_same(input) ? rustorch::clone(input, image_format(input)) : out;
}

}  // namespace

Tensor _resample(const Tensor& self, int64_t dim, int64_t size, std::string_view mode, bool align_corners,
                 std::optional<double> scale) {
  return run(self, dim, self.size(dim), size, mode, align_corners, scale, false);
}

Tensor _resample_backward(const Tensor& grad, int64_t dim, int64_t input_size, std::string_view mode,
                          bool align_corners, std::optional<double> scale) {
  return run(grad, dim, input_size, grad.size(dim), mode, align_corners, scale, true);
}

#define RT_NEAREST(name, rank, mode)                                       \
  Tensor name(const Tensor& input, std::optional<IntArrayRef> output_size, \
              std::optional<ArrayRef<double>> scale_factors) {             \
    return resize(input, rank, output_size, false, scale_factors, mode);   \
  }
RT_NEAREST(upsample_nearest1d, 1, "nearest")
RT_NEAREST(upsample_nearest2d, 2, "nearest")
RT_NEAREST(upsample_nearest3d, 3, "nearest")
RT_NEAREST(_upsample_nearest_exact1d, 1, "nearest-exact")
RT_NEAREST(_upsample_nearest_exact2d, 2, "nearest-exact")
RT_NEAREST(_upsample_nearest_exact3d, 3, "nearest-exact")
#undef RT_NEAREST

#define RT_SMOOTH(name, rank, mode)                                                            \
  Tensor name(const Tensor& input, std::optional<IntArrayRef> output_size, bool align_corners, \
              std::optional<ArrayRef<double>> scale_factors) {                                 \
    return resize(input, rank, output_size, align_corners, scale_factors, mode);               \
  }
RT_SMOOTH(upsample_linear1d, 1, "linear")
RT_SMOOTH(upsample_bilinear2d, 2, "linear")
RT_SMOOTH(upsample_trilinear3d, 3, "linear")
RT_SMOOTH(upsample_bicubic2d, 2, "cubic")
RT_SMOOTH(_upsample_bilinear2d_aa, 2, "linear-aa")
RT_SMOOTH(_upsample_bicubic2d_aa, 2, "cubic-aa")
#undef RT_SMOOTH

Tensor _upsample_bilinear2d_aa_scales(const Tensor& input, IntArrayRef output_size, bool align_corners,
                                      std::optional<double> scales_h, std::optional<double> scales_w) {
  RT_CHECK(input.dim() == 4 && output_size.size() == 2, Shape, "interpolate",
           "It is expected output_size equals to 2 and a 4D input; got ", output_size, " and ",
           input.sizes());
  for (int64_t size : output_size)
    RT_CHECK(size > 0 && input.numel() > 0, Value, "interpolate",
             "Input and output sizes should be greater than 0, but got input ", input.sizes(),
             " output size ", output_size);
  Tensor out = input;
  for (const int64_t dim : {int64_t{3}, int64_t{2}}) {
    const int64_t size = output_size[static_cast<size_t>(dim - 2)];
    if (size != input.size(dim))
      out = rustorch::_resample(out, dim, size, "linear-aa", align_corners, dim == 3 ? scales_w : scales_h);
  }
  return out.is_same(input) ? rustorch::clone(input, image_format(input)) : out;
}

// ---- columns

namespace {

ColumnsCall columns_call(const char* op, IntArrayRef size, IntArrayRef kernel, IntArrayRef dilation,
                         IntArrayRef padding, IntArrayRef stride) {
  ColumnsCall call;
  for (int i = 0; i < 2; ++i) {
    const size_t d = static_cast<size_t>(i);
    call.size[d] = nn_detail::list_at(size, i);
    call.kernel[d] = nn_detail::list_at(kernel, i);
    call.dilation[d] = nn_detail::list_at(dilation, i);
    call.padding[d] = nn_detail::list_at(padding, i);
    call.stride[d] = nn_detail::list_at(stride, i);
    RT_CHECK(call.kernel[d] > 0, Value, op, "kernel size should be greater than zero, but got ", kernel);
    RT_CHECK(call.dilation[d] > 0, Value, op, "dilation should be greater than zero, but got ", dilation);
    RT_CHECK(call.padding[d] >= 0, Value, op, "padding should be non-negative, but got ", padding);
    RT_CHECK(call.stride[d] > 0, Value, op, "stride should be greater than zero, but got ", stride);
    const int64_t room = call.size[d] + 2 * call.padding[d] - call.dilation[d] * (call.kernel[d] - 1) - 1;
    call.places[d] = room < 0 ? 0 : room / call.stride[d] + 1;
    RT_CHECK(call.places[d] > 0, Shape, op, "Given input with spatial size ", size, ", kernel_size=", kernel,
             ", dilation=", dilation, ", padding=", padding,
             ", the shape of the array of sliding blocks has a size ", call.places[d],
             ", which is too small");
  }
  return call;
}

}  // namespace

Tensor im2col(const Tensor& self, IntArrayRef kernel_size, IntArrayRef dilation, IntArrayRef padding,
              IntArrayRef stride) {
  constexpr const char* op = "im2col";
  const bool batched = self.dim() == 4;
  RT_CHECK(batched || self.dim() == 3, Shape, op, "Expected 3D or 4D (batch mode) tensor for input, but got ",
           self.sizes());
  ColumnsCall call = columns_call(op, self.sizes().slice(static_cast<size_t>(self.dim()) - 2), kernel_size,
                                  dilation, padding, stride);
  call.batch = batched ? self.size(0) : 1;
  call.channels = self.size(-3);
  DimVector sizes{call.channels * call.kernel[0] * call.kernel[1], call.places[0] * call.places[1]};
  if (batched) sizes.insert(sizes.begin(), call.batch);
  call.image = contiguous_raw(self);
  call.columns = make_tensor(sizes, self.dtype(), self.device());
  backend_for(self).columns(call);
  return call.columns;
}

Tensor col2im(const Tensor& self, IntArrayRef output_size, IntArrayRef kernel_size, IntArrayRef dilation,
              IntArrayRef padding, IntArrayRef stride) {
  constexpr const char* op = "col2im";
  const bool batched = self.dim() == 3;
  RT_CHECK(batched || self.dim() == 2, Shape, op, "Expected 2D or 3D (batch mode) tensor for input, but got ",
           self.sizes());
  ColumnsCall call = columns_call(op, output_size, kernel_size, dilation, padding, stride);
  const int64_t window = call.kernel[0] * call.kernel[1], rows = self.size(-2);
  RT_CHECK(rows % window == 0, Shape, op,
           "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
           "input.size(1)=",
           rows, " and kernel_size=", kernel_size);
  RT_CHECK(self.size(-1) == call.places[0] * call.places[1], Shape, op, "Given output_size=", output_size,
           ", expected size of input's dimension 2 to match the calculated number of sliding blocks ",
           call.places[0] * call.places[1], ", but got ", self.size(-1));
  call.fold = true;
  call.batch = batched ? self.size(0) : 1;
  call.channels = rows / window;
  DimVector sizes{call.channels, call.size[0], call.size[1]};
  if (batched) sizes.insert(sizes.begin(), call.batch);
  call.columns = contiguous_raw(self);
  call.image = make_tensor(sizes, self.dtype(), self.device());
  backend_for(self).columns(call);
  return call.image;
}

}  // namespace rustorch::impl
