// Depthwise convolutions of stride 1 on channels as they lie: no padded copy, no gaps. See depthwise.h.
//
// A channel of an image is one unit of work, done by one thread from first to last tap, so that results do
// not depend on the number of threads. Gradients by the weights are summed over the images in order.
#include "backend/cpu/conv/depthwise.h"

#include <algorithm>

#include "backend/cpu/conv/conv_kernels.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu::detail {
namespace {

constexpr int64_t kGrain = 16 * 1024;  // outputs per chunk

int64_t area(const int64_t* size) { return size[1] * size[2]; }

// Geometry of the forward pass: x to y.
template <class T>
DepthwiseArgs<T> forward_args(const ConvArgs& a) {
  return {nullptr,
          a.in[1],
          a.in[2],
          nullptr,
          a.out[1],
          a.out[2],
          static_cast<int>(a.kernel[1]),
          static_cast<int>(a.kernel[2]),
          -a.padding[1],
          -a.padding[2],
          a.dilation[1],
          a.dilation[2]};
}

int64_t grain_of(const ConvArgs& a) {
  return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, area(a.out)));
}

}  // namespace

template <class T>
bool depthwise_in_place(const ConvArgs& a) {
  if (!conv_kernels<T>().depthwise_in_place || a.channels_last) return false;
  if (a.in_channels != a.groups || a.out_channels != a.groups) return false;
  if (a.in[0] != 1 || a.out[0] != 1 || a.kernel[0] != 1 || a.padding[0] != 0) return false;
  return a.stride[0] == 1 && a.stride[1] == 1 && a.stride[2] == 1 && a.kernel[2] <= kDepthwiseTaps &&
         a.kernel[1] <= 1024;
}

template <class T>
void depthwise_forward(const ConvArgs& a, const T* x, const T* w, const T* bias, Activation act, T* y) {
  const int64_t taps = area(a.kernel);
  parallel_for(0, a.batch * a.groups, grain_of(a), [&](int64_t b, int64_t e) {
    DepthwiseArgs<T> g = forward_args<T>(a);
    for (int64_t u = b; u < e; ++u) {
      const int64_t channel = u % a.groups;
      g.src = x + u * area(a.in);
      g.out = y + u * area(a.out);
      conv_kernels<T>().depthwise_plane(g, w + channel * taps);
      if (bias || act != Activation::None) {
        kernels<T>().epilogue(g.out, area(a.out), 1, area(a.out), bias ? bias + channel : nullptr, true, act);
      }
    }
  });
}

template <class T>
void depthwise_backward_data(const ConvArgs& a, const T* grad_y, const T* w, T* grad_x) {
  // The taps in reverse: input i receives from output i + p - t d.
  const int64_t taps = area(a.kernel);
  ScratchBuffer<T> turned(static_cast<size_t>(a.groups * taps));
  for (int64_t c = 0; c < a.groups; ++c) {
    std::reverse_copy(w + c * taps, w + (c + 1) * taps, turned.data() + c * taps);
  }
  DepthwiseArgs<T> args = forward_args<T>(a);
  std::swap(args.height, args.out_height);
  std::swap(args.width, args.out_width);
  args.top = a.padding[1] - (a.kernel[1] - 1) * a.dilation[1];
  args.left = a.padding[2] - (a.kernel[2] - 1) * a.dilation[2];
  parallel_for(0, a.batch * a.groups, grain_of(a), [&](int64_t b, int64_t e) {
    DepthwiseArgs<T> g = args;
    for (int64_t u = b; u < e; ++u) {
      g.src = grad_y + u * area(a.out);
      g.out = grad_x + u * area(a.in);
      conv_kernels<T>().depthwise_plane(g, turned.data() + u % a.groups * taps);
    }
  });
}

template <class T>
bool depthwise_backward_weight(const ConvArgs& a, const T* x, const T* grad_y, T* grad_w) {
  if (a.kernel[1] != 3 || a.kernel[2] != 3) return false;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, a.batch * area(a.out)));
  parallel_for(0, a.groups, grain, [&](int64_t b, int64_t e) {
    DepthwiseArgs<T> g = forward_args<T>(a);
    for (int64_t c = b; c < e; ++c) {
      T total[9] = {}, sum[9];
      for (int64_t n = 0; n < a.batch; ++n) {
        g.src = x + (n * a.groups + c) * area(a.in);
        g.out = const_cast<T*>(grad_y) + (n * a.groups + c) * area(a.out);
        conv_kernels<T>().depthwise_plane_weight(g, sum);
        for (int t = 0; t < 9; ++t) total[t] += sum[t];
      }
      std::copy_n(total, 9, grad_w + c * 9);
    }
  });
  return true;
}

#define RT_DEPTHWISE(T)                                                                              \
  template bool depthwise_in_place<T>(const ConvArgs&);                                              \
  template void depthwise_forward<T>(const ConvArgs&, const T*, const T*, const T*, Activation, T*); \
  template void depthwise_backward_data<T>(const ConvArgs&, const T*, const T*, T*);                 \
  template bool depthwise_backward_weight<T>(const ConvArgs&, const T*, const T*, T*);
RT_DEPTHWISE(float)
RT_DEPTHWISE(double)
#undef RT_DEPTHWISE

}  // namespace rustorch::cpu::detail
