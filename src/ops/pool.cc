// Pooling: window arithmetic and the calls of the pooling kernels.
//
// As in PyTorch, images that lie channels last give such results, averages of volumes do not.
#include <algorithm>

#include "gen/impl.h"
#include "ops/image_layout.h"
#include "ops/nn_common.h"

namespace rustorch::impl {
namespace {

using nn_detail::kernel_dtype;
using nn_detail::kernel_input;

struct Sizes {
  std::array<int64_t, 3> big{1, 1, 1}, small{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, padding{0, 0, 0},
      dilation{1, 1, 1};
};

const char* name_of(bool max, int64_t rank) {
  constexpr const char* kNames[2][3] = {{"avg_pool1d", "avg_pool2d", "avg_pool3d"},
                                        {"max_pool1d", "max_pool2d", "max_pool3d"}};
  return kNames[max][rank - 1];
}

// Right-aligned copy of a list of one or rank numbers.
void spread(const char* op, const char* what, IntArrayRef list, int64_t rank, std::array<int64_t, 3>& to) {
  RT_CHECK(list.size() == 1 || list.size() == static_cast<size_t>(rank), Value, op, what,
           " must either be a single int, or a tuple of ", rank, " ints; got ", list);
  for (int64_t i = 0; i < rank; ++i)
    to[static_cast<size_t>(3 - rank + i)] = nn_detail::list_at(list, static_cast<int>(i));
}

// Windows that start inside the input or its left padding, one more at the end with ceil_mode.
int64_t output_length(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                      bool ceil_mode) {
  const int64_t beyond = 2 * padding - (dilation * (kernel - 1) + 1);  // not above zero
  const int64_t room = in + beyond, rest = room % stride;
  int64_t out = room / stride + (rest < 0 ? 0 : 1);  // rounded down, also below zero
  if (ceil_mode && rest != 0) ++out;
  if (ceil_mode && (out - 1) * stride >= in + padding) --out;
  return out;
}

Sizes window_sizes(const char* op, IntArrayRef input, int64_t rank, IntArrayRef kernel, IntArrayRef stride,
                   IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {
  RT_CHECK(static_cast<int64_t>(input.size()) == rank + 1 || static_cast<int64_t>(input.size()) == rank + 2,
           Shape, op, "Expected ", rank + 1, "D or ", rank + 2,
           "D (batch mode) tensor expected for input, but got: ", input);
  RT_CHECK(input[input.size() - static_cast<size_t>(rank) - 1] > 0, Shape, op,
           "Expected input to have non-zero size for non-batch dimensions, but got ", input);
  Sizes s;
  spread(op, "kernel_size", kernel, rank, s.kernel);
  spread(op, "stride", stride.empty() ? kernel : stride, rank, s.stride);
  spread(op, "padding", padding, rank, s.padding);
  spread(op, "dilation", dilation, rank, s.dilation);
  for (size_t d = static_cast<size_t>(3 - rank); d < 3; ++d) {
    const size_t at = input.size() - 3 + d;
    RT_CHECK(s.kernel[d] > 0, Value, op, "kernel size should be greater than zero, but got ", s.kernel[d]);
    RT_CHECK(s.stride[d] > 0, Value, op, "stride should be greater than zero, but got ", s.stride[d]);
    RT_CHECK(s.dilation[d] > 0, Value, op, "dilation should be greater than zero, but got ", s.dilation[d]);
    RT_CHECK(s.padding[d] >= 0, Value, op, "pad must be non-negative, but got pad: ", s.padding[d]);
    RT_CHECK(s.kernel[d] - 1 <= (INT64_MAX - 1) / s.dilation[d], Value, op,
             "effective kernel size overflows, but got kernel_size=", s.kernel[d],
             " and dilation=", s.dilation[d]);
    RT_CHECK(s.padding[d] <= ((s.kernel[d] - 1) * s.dilation[d] + 1) / 2, Value, op,
             "pad should be at most half of effective kernel size, but got pad=", s.padding[d],
             ", kernel_size=", s.kernel[d], " and dilation=", s.dilation[d]);
    s.big[d] = input[at];
    s.small[d] = output_length(input[at], s.kernel[d], s.stride[d], s.padding[d], s.dilation[d], ceil_mode);
    RT_CHECK(input[at] > 0, Shape, op, "Expected input's non-batch dimensions to be non-zero; got ", input);
    RT_CHECK(s.small[d] > 0, Shape, op, "Given input size: ", input, ". Calculated output size: ", s.small[d],
             ". Output size is too small");
  }
  return s;
}

int64_t planes_of(IntArrayRef sizes, int64_t rank) {
  return numel_of(sizes.slice(0, sizes.size() - static_cast<size_t>(rank)));
}

PoolCall make_call(PoolKind kind, const Sizes& s, IntArrayRef sizes, int64_t rank) {
  PoolCall call{};
  call.kind = kind;
  call.planes = planes_of(sizes, rank);
  call.big = s.big;
  call.small = s.small;
  call.kernel = s.kernel;
  call.stride = s.stride;
  call.padding = s.padding;
  call.dilation = s.dilation;
  return call;
}

DimVector with_tail(IntArrayRef sizes, const std::array<int64_t, 3>& tail, int64_t rank) {
  DimVector out = sizes.vec();
  for (int64_t i = 0; i < rank; ++i)
    out[out.size() - static_cast<size_t>(rank - i)] = tail[static_cast<size_t>(3 - rank + i)];
  return out;
}

int64_t window_places(const Sizes& s) { return s.kernel[0] * s.kernel[1] * s.kernel[2]; }

// Compute type of pooling: integers stay, 16-bit floats become float.
DType pool_dtype(const char* op, DType t) {
  RT_CHECK(t != kBool && !is_complex(t), NotImplemented, op, "\"", op, "\" not implemented for '",
           dtype_scalar_name(t), "'");
  return is_reduced_float(t) ? kFloat32 : t;
}

constexpr int64_t kOne[] = {1};

void set_places(PoolCall& call, const Tensor& places) {
  if (places.dtype() == kInt64)
    call.indices = contiguous_raw(places);
  else
    call.mask = contiguous_raw(places);
}

// The sizes of a call on places made by adaptive pooling have no windows: indices are into the plane.
Sizes place_sizes(IntArrayRef big, IntArrayRef small, int64_t rank, const Tensor& places, IntArrayRef kernel,
                  IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation) {
  Sizes s;
  if (places.dtype() != kInt64) {
    spread("max_pool", "kernel_size", kernel, rank, s.kernel);
    spread("max_pool", "stride", stride.empty() ? kernel : stride, rank, s.stride);
    spread("max_pool", "padding", padding, rank, s.padding);
    spread("max_pool", "dilation", dilation, rank, s.dilation);
  }
  for (int64_t i = 0; i < rank; ++i) {
    s.big[static_cast<size_t>(3 - rank + i)] = big[big.size() - static_cast<size_t>(rank - i)];
    s.small[static_cast<size_t>(3 - rank + i)] = small[small.size() - static_cast<size_t>(rank - i)];
  }
  return s;
}

}  // namespace

std::tuple<Tensor, Tensor> _max_pool(const Tensor& self, int64_t rank, IntArrayRef kernel_size,
                                     IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                                     bool ceil_mode, bool flat_indices) {
  const char* op = name_of(true, rank);
  const Sizes s = window_sizes(op, self.sizes(), rank, kernel_size, stride, padding, dilation, ceil_mode);
  const DType compute = pool_dtype(op, self.dtype());
  PoolCall call = make_call(PoolKind::Max, s, self.sizes(), rank);
  const DimVector sizes = with_tail(self.sizes(), s.small, rank);
  call.in = kernel_input(self, compute);
  call.out = make_tensor(sizes, compute, self.device());
  Tensor places;
  if (flat_indices || (self.impl()->requires_grad_fast() && window_places(s) > 256))
    places = call.indices = make_tensor(sizes, kInt64, self.device());
  else if (self.impl()->requires_grad_fast())
    places = call.mask = make_tensor(sizes, kUInt8, self.device());
  else
    places = make_tensor({0}, kUInt8, self.device());
  backend_for(call.out).pool(call);
  const bool last = lies_channels_last(self, rank);
  if (flat_indices) places = image_like(places, kInt64, last);
  return {image_like(call.out, self.dtype(), last), places};
}

Tensor _max_pool_backward(const Tensor& grad, const Tensor& places, IntArrayRef input_size, int64_t rank,
                          IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding,
                          IntArrayRef dilation) {
  const char* op = name_of(true, rank);
  const DType compute = kernel_dtype(op, grad.dtype());
  const Sizes s = place_sizes(input_size, grad.sizes(), rank, places, kernel_size, stride, padding, dilation);
  PoolCall call = make_call(PoolKind::MaxBackward, s, input_size, rank);
  call.in = kernel_input(grad, compute);
  call.out = make_tensor(input_size, compute, grad.device());
  set_places(call, places);
  backend_for(call.out).pool(call);
  return image_like(call.out, grad.dtype(), lies_channels_last(grad, rank));
}

Tensor _max_pool_gather(const Tensor& self, const Tensor& places, int64_t rank, IntArrayRef kernel_size,
                        IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation) {
  const char* op = name_of(true, rank);
  const DType compute = kernel_dtype(op, self.dtype());
  const Sizes s =
      place_sizes(self.sizes(), places.sizes(), rank, places, kernel_size, stride, padding, dilation);
  PoolCall call = make_call(PoolKind::MaxGather, s, self.sizes(), rank);
  call.in = kernel_input(self, compute);
  call.out = make_tensor(places.sizes(), compute, self.device());
  set_places(call, places);
  backend_for(call.out).pool(call);
  return cast_raw(call.out, self.dtype());
}

#define RT_MAX_POOL(rank)                                                                                    \
  Tensor max_pool##rank##d(const Tensor& self, IntArrayRef kernel_size, std::optional<IntArrayRef> stride,   \
                           IntArrayRef padding, IntArrayRef dilation, bool ceil_mode) {                      \
    return std::get<0>(rustorch::_max_pool(self, rank, kernel_size, stride.value_or(IntArrayRef{}), padding, \
                                           dilation, ceil_mode, false));                                     \
  }                                                                                                          \
  std::tuple<Tensor, Tensor> max_pool##rank##d_with_indices(                                                 \
      const Tensor& self, IntArrayRef kernel_size, std::optional<IntArrayRef> stride, IntArrayRef padding,   \
      IntArrayRef dilation, bool ceil_mode) {                                                                \
    return rustorch::_max_pool(self, rank, kernel_size, stride.value_or(IntArrayRef{}), padding, dilation,   \
                               ceil_mode, true);                                                             \
  }
RT_MAX_POOL(1)
RT_MAX_POOL(2)
RT_MAX_POOL(3)
#undef RT_MAX_POOL

Tensor _avg_pool(const Tensor& self, int64_t rank, IntArrayRef kernel_size, IntArrayRef stride,
                 IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                 std::optional<int64_t> divisor_override) {
  const char* op = name_of(false, rank);
  RT_CHECK(!divisor_override || *divisor_override != 0, Value, op, "divisor must be not zero");
  const Sizes s = window_sizes(op, self.sizes(), rank, kernel_size, stride, padding, kOne, ceil_mode);
  const DType compute = pool_dtype(op, self.dtype());
  RT_CHECK(is_floating_point(compute) || compute == kInt64, NotImplemented, op, "\"", op,
           "\" not implemented for '", dtype_scalar_name(compute), "'");
  PoolCall call = make_call(PoolKind::Avg, s, self.sizes(), rank);
  call.count_include_pad = count_include_pad;
  call.divisor = divisor_override.value_or(0);
  call.in = kernel_input(self, compute);
  call.out = make_tensor(with_tail(self.sizes(), s.small, rank), compute, self.device());
  backend_for(call.out).pool(call);
  return image_like(call.out, self.dtype(), rank < 3 && lies_channels_last(self, rank));
}

Tensor _avg_pool_backward(const Tensor& grad, IntArrayRef input_size, int64_t rank, IntArrayRef kernel_size,
                          IntArrayRef stride, IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                          std::optional<int64_t> divisor_override) {
  const char* op = name_of(false, rank);
  const Sizes s = window_sizes(op, input_size, rank, kernel_size, stride, padding, kOne, ceil_mode);
  const DType compute = kernel_dtype(op, grad.dtype());
  PoolCall call = make_call(PoolKind::AvgBackward, s, input_size, rank);
  call.count_include_pad = count_include_pad;
  call.divisor = divisor_override.value_or(0);
  call.in = kernel_input(grad, compute);
  call.out = make_tensor(input_size, compute, grad.device());
  backend_for(call.out).pool(call);
  return image_like(call.out, grad.dtype(), lies_channels_last(grad, rank));
}

Tensor avg_pool1d(const Tensor& self, IntArrayRef kernel_size, std::optional<IntArrayRef> stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad) {
  return rustorch::_avg_pool(self, 1, kernel_size, stride.value_or(IntArrayRef{}), padding, ceil_mode,
                             count_include_pad, std::nullopt);
}
Tensor avg_pool2d(const Tensor& self, IntArrayRef kernel_size, std::optional<IntArrayRef> stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                  std::optional<int64_t> divisor_override) {
  return rustorch::_avg_pool(self, 2, kernel_size, stride.value_or(IntArrayRef{}), padding, ceil_mode,
                             count_include_pad, divisor_override);
}
Tensor avg_pool3d(const Tensor& self, IntArrayRef kernel_size, std::optional<IntArrayRef> stride,
                  IntArrayRef padding, bool ceil_mode, bool count_include_pad,
                  std::optional<int64_t> divisor_override) {
  return rustorch::_avg_pool(self, 3, kernel_size, stride.value_or(IntArrayRef{}), padding, ceil_mode,
                             count_include_pad, divisor_override);
}

namespace {

Sizes adaptive_sizes(const char* op, IntArrayRef input, IntArrayRef output) {
  const size_t rank = output.size();
  RT_CHECK(input.size() == rank + 1 || input.size() == rank + 2, Shape, op, "Expected ",
           static_cast<int64_t>(rank + 1), "D or ", static_cast<int64_t>(rank + 2), "D tensor, but got ",
           input);
  Sizes s;
  for (size_t i = 0; i < rank; ++i) {
    const size_t d = 3 - rank + i;
    s.big[d] = input[input.size() - rank + i];
    s.small[d] = output[i];
    RT_CHECK(output[i] >= 0, Value, op,
             "elements of output_size must be greater than or equal to 0 but received ", output);
    RT_CHECK(s.big[d] > 0, Shape, op,
             "Expected input to have non-zero size for non-batch dimensions, but input has sizes ", input);
  }
  return s;
}

}  // namespace

Tensor _adaptive_avg_pool(const Tensor& self, IntArrayRef output_size) {
  constexpr const char* op = "adaptive_avg_pool";
  const Sizes s = adaptive_sizes(op, self.sizes(), output_size);
  const int64_t rank = static_cast<int64_t>(output_size.size());
  if (self.numel() == 0 && rank < 3)  // of any dtype
    return make_tensor(with_tail(self.sizes(), s.small, rank), self.dtype(), self.device());
  const DType compute = kernel_dtype(op, self.dtype());
  PoolCall call = make_call(PoolKind::AdaptiveAvg, s, self.sizes(), rank);
  call.in = kernel_input(self, compute);
  call.out = make_tensor(with_tail(self.sizes(), s.small, rank), compute, self.device());
  backend_for(call.out).pool(call);
  return image_like(call.out, self.dtype(), rank < 3 && lies_channels_last(self, rank));
}

Tensor _adaptive_avg_pool_backward(const Tensor& grad, IntArrayRef input_size, IntArrayRef output_size) {
  constexpr const char* op = "adaptive_avg_pool";
  const Sizes s = adaptive_sizes(op, input_size, output_size);
  const DType compute = kernel_dtype(op, grad.dtype());
  PoolCall call =
      make_call(PoolKind::AdaptiveAvgBackward, s, input_size, static_cast<int64_t>(output_size.size()));
  call.in = kernel_input(grad, compute);
  call.out = make_tensor(input_size, compute, grad.device());
  backend_for(call.out).pool(call);
  return image_like(call.out, grad.dtype(),
                    lies_channels_last(grad, static_cast<int64_t>(output_size.size())));
}

std::tuple<Tensor, Tensor> _adaptive_max_pool(const Tensor& self, IntArrayRef output_size) {
  constexpr const char* op = "adaptive_max_pool";
  const Sizes s = adaptive_sizes(op, self.sizes(), output_size);
  const DType compute = kernel_dtype(op, self.dtype());
  const int64_t rank = static_cast<int64_t>(output_size.size());
  PoolCall call = make_call(PoolKind::AdaptiveMax, s, self.sizes(), rank);
  const DimVector sizes = with_tail(self.sizes(), s.small, rank);
  call.in = kernel_input(self, compute);
  call.out = make_tensor(sizes, compute, self.device());
  call.indices = make_tensor(sizes, kInt64, self.device());
  backend_for(call.out).pool(call);
  const bool last = rank < 3 && lies_channels_last(self, rank);
  return {image_like(call.out, self.dtype(), last), image_like(call.indices, kInt64, last)};
}

namespace {

/// A list of `rank` sizes; one size stands for all.
std::array<int64_t, 3> output_sizes(const char* op, IntArrayRef given, int rank) {
  RT_CHECK(given.size() == 1 || given.size() == static_cast<size_t>(rank), Shape, op, "output_size must be ",
           rank, "; got ", given);
  std::array<int64_t, 3> size{};
  for (int i = 0; i < rank; ++i) size[static_cast<size_t>(i)] = nn_detail::list_at(given, i);
  return size;
}

}  // namespace

#define RT_ADAPTIVE_POOL(rank)                                                                         \
  Tensor adaptive_avg_pool##rank##d(const Tensor& self, IntArrayRef output_size) {                     \
    const auto size = output_sizes("adaptive_avg_pool" #rank "d", output_size, rank);                  \
    return rustorch::_adaptive_avg_pool(self, IntArrayRef(size.data(), rank));                         \
  }                                                                                                    \
  std::tuple<Tensor, Tensor> adaptive_max_pool##rank##d(const Tensor& self, IntArrayRef output_size) { \
    const auto size = output_sizes("adaptive_max_pool" #rank "d", output_size, rank);                  \
    return rustorch::_adaptive_max_pool(self, IntArrayRef(size.data(), rank));                         \
  }
RT_ADAPTIVE_POOL(1)
RT_ADAPTIVE_POOL(2)
RT_ADAPTIVE_POOL(3)
#undef RT_ADAPTIVE_POOL

}  // namespace rustorch::impl
