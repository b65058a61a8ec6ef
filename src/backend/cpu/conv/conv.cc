// Entry points: checks, kernels of size one, the general paths, and types that compute in another type.
#include "backend/cpu/conv/conv.h"

#include <algorithm>
#include <type_traits>

#include "backend/cpu/conv/depthwise.h"
#include "backend/cpu/conv/plain.h"
#include "backend/cpu/conv/planes.h"
#include "backend/cpu/conv/taps_conv.h"
#include "backend/cpu/conv/winograd.h"
#include "backend/cpu/gemm/blocked.h"
#include "base/half_convert.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

constexpr int64_t kLargeImage = 128;  // positions; from here on a product per image needs no gathering

int64_t volume(const int64_t* size) { return size[0] * size[1] * size[2]; }

// Checks the sizes and returns them with the unused dimensions in front, so that the last one is innermost.
ConvArgs normalise(const ConvArgs& args, const char* op) {
  RT_CHECK(args.rank >= 1 && args.rank <= 3, Value, op, "rank must be 1 to 3; got ", args.rank);
  RT_CHECK(args.batch >= 0 && args.in_channels >= 0 && args.out_channels >= 0 && args.groups >= 1, Value, op,
           "negative size or no groups");
  RT_CHECK(args.in_channels % args.groups == 0 && args.out_channels % args.groups == 0, Shape, op,
           "channels must divide into groups; got ", args.in_channels, " and ", args.out_channels,
           " channels, ", args.groups, " groups");
  ConvArgs expected = args;
  conv_output_size(expected);
  ConvArgs r = args;
  for (int d = 0; d < 3; ++d) {
    const int from = d - (3 - args.rank);
    const bool used = from >= 0;
    r.in[d] = used ? args.in[from] : 1;
    r.out[d] = used ? args.out[from] : 1;
    r.kernel[d] = used ? args.kernel[from] : 1;
    r.stride[d] = used ? args.stride[from] : 1;
    r.padding[d] = used ? args.padding[from] : 0;
    r.dilation[d] = used ? args.dilation[from] : 1;
    RT_CHECK(r.in[d] >= 0 && r.kernel[d] >= 1 && r.stride[d] >= 1 && r.dilation[d] >= 1 && r.padding[d] >= 0,
             Value, op, "bad geometry in dimension ", from, "; got input ", r.in[d], ", kernel ", r.kernel[d],
             ", stride ", r.stride[d], ", dilation ", r.dilation[d], ", padding ", r.padding[d]);
    RT_CHECK(!used || (r.out[d] >= 0 && r.out[d] == std::max<int64_t>(0, expected.out[from])), Shape, op,
             "wrong output size in dimension ", from, "; got ", r.out[d], "; expected ",
             used ? expected.out[from] : 1);
  }
  r.rank = 3;
  return r;
}

bool pointwise(const ConvArgs& a) {
  for (int d = 0; d < 3; ++d) {
    if (a.kernel[d] != 1 || a.stride[d] != 1 || a.padding[d] != 0) return false;
  }
  return true;
}

// ---- kernels of size one, stride one: plain products

// out[rows, positions] = W source for every image; W element (row, channel) at the given strides.
template <class T>
struct PointwiseProblem {
  const T* source;
  T* out;
  int64_t batch, groups, channels, rows, positions;
  const T* weight;
  int64_t w_group, w_row, w_channel;
  const T* bias;
  Activation act;
};

template <class T>
void pointwise_images(const PointwiseProblem<T>& p) {
  using namespace detail;  // NOLINT: the blocked product
  ScratchBuffer<T> packed(static_cast<size_t>(packed_a_size<T>(p.rows, p.channels)));
  for (int64_t g = 0; g < p.groups; ++g) {
    pack_whole_a(packed.data(), p.weight + g * p.w_group, p.w_row, p.w_channel, p.rows, p.channels);
    const auto image = [&](int64_t n) {
      Problem<T> m{};
      m.m = p.rows;
      m.n = p.positions;
      m.k = p.channels;
      m.alpha = T(1);
      m.prepacked_a = packed.data();
      m.b = p.source + (n * p.groups + g) * p.channels * p.positions;
      m.b_ks = p.positions;
      m.b_ns = 1;
      m.c = p.out + (n * p.groups + g) * p.rows * p.positions;
      m.ldc = p.positions;
      m.bias = p.bias ? p.bias + g * p.rows : nullptr;
      m.bias_rows = true;
      m.act = p.act;
      run_blocked(m);
    };
    if (p.batch >= 2 * get_num_threads()) {
      parallel_for(0, p.batch, 1, [&](int64_t b, int64_t e) {
        for (int64_t n = b; n < e; ++n) image(n);
      });
    } else {
      for (int64_t n = 0; n < p.batch; ++n) image(n);
    }
  }
}

// Channels innermost: one product per group over all positions of all images. W is rows x channels,
// transposed or not.
template <class T>
void pointwise_channels_last(const PointwiseProblem<T>& p, bool trans_w) {
  for (int64_t g = 0; g < p.groups; ++g) {
    GemmArgs<T> m;
    m.m = p.batch * p.positions;
    m.n = p.rows;
    m.k = p.channels;
    m.a = p.source + g * p.channels;
    m.lda = p.groups * p.channels;
    m.trans_b = !trans_w;
    m.b = p.weight + g * p.w_group;
    m.ldb = trans_w ? p.w_channel : p.w_row;
    m.c = p.out + g * p.rows;
    m.ldc = p.groups * p.rows;
    m.bias = p.bias ? p.bias + g * p.rows : nullptr;
    m.act = p.act;
    gemm(m);
  }
}

template <class T>
void forward(const ConvArgs& a, const T* x, const T* w, const T* bias, Activation act, T* y) {
  if (detail::depthwise_in_place<T>(a)) return detail::depthwise_forward(a, x, w, bias, act, y);
  const int64_t channels = a.in_channels / a.groups, rows = a.out_channels / a.groups,
                taps = volume(a.kernel);
  if (pointwise(a) && channels > 1 && rows > 1 && (a.channels_last || volume(a.in) >= kLargeImage)) {
    const PointwiseProblem<T> p{
        x, y, a.batch, a.groups, channels, rows, volume(a.in), w, rows * channels, channels, 1, bias, act};
    return a.channels_last ? pointwise_channels_last(p, false) : pointwise_images(p);
  }
  const detail::TapsProblem<T> problem{
      a.batch,         a.groups, x,    channels, y, rows, a.out, a.channels_last, w, rows * channels * taps,
      channels * taps, taps,     bias, act};
  if constexpr (std::is_same_v<T, float>) {
    if (detail::winograd_pays(a) && detail::winograd(problem, a, false)) return;
  }
  detail::SourceLayout layout;
  std::vector<detail::TapSet> sets(1);
  detail::forward_geometry(a, layout, sets[0]);
  detail::run_taps(problem, layout, sets);
}

template <class T>
void backward_data(const ConvArgs& a, const T* grad_y, const T* w, T* grad_x) {
  if (detail::depthwise_in_place<T>(a)) return detail::depthwise_backward_data(a, grad_y, w, grad_x);
  const int64_t channels = a.out_channels / a.groups, rows = a.in_channels / a.groups,
                taps = volume(a.kernel);
  if (pointwise(a) && channels > 1 && rows > 1 && (a.channels_last || volume(a.in) >= kLargeImage)) {
    const PointwiseProblem<T> p{grad_y,          grad_x, a.batch,         a.groups, channels, rows,
                                volume(a.in),    w,      rows * channels, 1,        rows,     nullptr,
                                Activation::None};
    return a.channels_last ? pointwise_channels_last(p, true) : pointwise_images(p);
  }
  // Weight element (row = input channel, channel = output channel).
  const detail::TapsProblem<T> problem{a.batch, a.groups,
                                       grad_y,  channels,
                                       grad_x,  rows,
                                       a.in,    a.channels_last,
                                       w,       channels * rows * taps,
                                       taps,    rows * taps,
                                       nullptr, Activation::None};
  if constexpr (std::is_same_v<T, float>) {
    if (detail::winograd_pays(a) && detail::winograd(problem, a, true)) return;
  }
  detail::SourceLayout layout;
  std::vector<detail::TapSet> sets;
  detail::backward_geometry(a, layout, sets);
  detail::run_taps(problem, layout, sets);
  // Inputs beyond the last window of a strided convolution belong to a phase whose planes hold zeros there.
}

template <class T>
void backward_weight(const ConvArgs& a, const T* x, const T* grad_y, T* grad_w) {
  if (detail::depthwise_in_place<T>(a) && detail::depthwise_backward_weight(a, x, grad_y, grad_w)) return;
  const int64_t channels = a.in_channels / a.groups, outputs = a.out_channels / a.groups;
  if (pointwise(a) && a.channels_last && channels > 1 && outputs > 1) {
    for (int64_t g = 0; g < a.groups; ++g) {
      GemmArgs<T> m;
      m.m = outputs;
      m.n = channels;
      m.k = a.batch * volume(a.in);
      m.trans_a = true;
      m.a = grad_y + g * outputs;
      m.lda = a.out_channels;
      m.b = x + g * channels;
      m.ldb = a.in_channels;
      m.c = grad_w + g * outputs * channels;
      m.ldc = channels;
      gemm(m);
    }
    return;
  }
  detail::run_backward_weight(a, x, grad_y, grad_w);
}

// ---- 16-bit floats compute in float

inline void widen(const Half* s, float* d, int64_t n) { convert_f16_f32(s, d, n); }
inline void widen(const BFloat16* s, float* d, int64_t n) { convert_bf16_f32(s, d, n); }
inline void narrow(const float* s, Half* d, int64_t n) { convert_f32_f16(s, d, n); }
inline void narrow(const float* s, BFloat16* d, int64_t n) { convert_f32_bf16(s, d, n); }

constexpr int64_t kConvertGrain = 64 * 1024;

template <class T>
class Widened {
 public:
  Widened(const T* s, int64_t n) : data_(static_cast<size_t>(s ? n : 0)), set_(s != nullptr) {
    if (s) {
      parallel_for(0, n, kConvertGrain, [&](int64_t b, int64_t e) { widen(s + b, data_.data() + b, e - b); });
    }
  }
  const float* get() { return set_ ? data_.data() : nullptr; }

 private:
  ScratchBuffer<float> data_;
  bool set_;
};

template <class T>
void store(const float* s, T* d, int64_t n) {
  parallel_for(0, n, kConvertGrain, [&](int64_t b, int64_t e) { narrow(s + b, d + b, e - b); });
}

int64_t size_x(const ConvArgs& a) { return a.batch * a.in_channels * volume(a.in); }
int64_t size_y(const ConvArgs& a) { return a.batch * a.out_channels * volume(a.out); }
int64_t size_w(const ConvArgs& a) { return a.out_channels * (a.in_channels / a.groups) * volume(a.kernel); }

template <class T>
constexpr bool kSixteenBits = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;
template <class T>
constexpr bool kReal = std::is_same_v<T, float> || std::is_same_v<T, double>;

}  // namespace

void conv_output_size(ConvArgs& args) {
  for (int d = 0; d < args.rank && d < 3; ++d) {
    const int64_t reach = args.in[d] + 2 * args.padding[d] - args.dilation[d] * (args.kernel[d] - 1) - 1;
    args.out[d] = reach < 0 || args.stride[d] < 1 ? 0 : reach / args.stride[d] + 1;
  }
}

template <class T>
void conv_forward(const ConvArgs& args, const T* x, const T* w, const T* bias, Activation act, T* y) {
  const ConvArgs a = normalise(args, "conv_forward");
  if (size_y(a) == 0) return;
  if constexpr (kReal<T>) {
    forward(a, x, w, bias, act, y);
  } else if constexpr (kSixteenBits<T>) {
    Widened<T> xf(x, size_x(a)), wf(w, size_w(a)), bf(bias, a.out_channels);
    ScratchBuffer<float> yf(static_cast<size_t>(size_y(a)));
    forward<float>(a, xf.get(), wf.get(), bf.get(), act, yf.data());
    store(yf.data(), y, size_y(a));
  } else {
    RT_CHECK(act == Activation::None, NotImplemented, "conv_forward",
             "activations need a real floating-point type");
    detail::plain_forward(a, x, w, bias, y);
  }
}

template <class T>
void conv_backward_data(const ConvArgs& args, const T* grad_y, const T* w, T* grad_x) {
  const ConvArgs a = normalise(args, "conv_backward_data");
  if (size_x(a) == 0) return;
  if (size_y(a) == 0) {
    std::fill_n(grad_x, size_x(a), T(0));
  } else if constexpr (kReal<T>) {
    backward_data(a, grad_y, w, grad_x);
  } else if constexpr (kSixteenBits<T>) {
    Widened<T> gf(grad_y, size_y(a)), wf(w, size_w(a));
    ScratchBuffer<float> xf(static_cast<size_t>(size_x(a)));
    backward_data<float>(a, gf.get(), wf.get(), xf.data());
    store(xf.data(), grad_x, size_x(a));
  } else {
    detail::plain_backward_data(a, grad_y, w, grad_x);
  }
}

template <class T>
void conv_backward_weight(const ConvArgs& args, const T* x, const T* grad_y, T* grad_w) {
  const ConvArgs a = normalise(args, "conv_backward_weight");
  if (size_w(a) == 0) return;
  if (size_y(a) == 0) {
    std::fill_n(grad_w, size_w(a), T(0));
  } else if constexpr (kReal<T>) {
    backward_weight(a, x, grad_y, grad_w);
  } else if constexpr (kSixteenBits<T>) {
    Widened<T> xf(x, size_x(a)), gf(grad_y, size_y(a));
    ScratchBuffer<float> wf(static_cast<size_t>(size_w(a)));
    backward_weight<float>(a, xf.get(), gf.get(), wf.data());
    store(wf.data(), grad_w, size_w(a));
  } else {
    detail::plain_backward_weight(a, x, grad_y, grad_w);
  }
}

#define RT_CONV(T)                                                                              \
  template void conv_forward<T>(const ConvArgs&, const T*, const T*, const T*, Activation, T*); \
  template void conv_backward_data<T>(const ConvArgs&, const T*, const T*, T*);                 \
  template void conv_backward_weight<T>(const ConvArgs&, const T*, const T*, T*);
RT_CONV(float)
RT_CONV(double)
RT_CONV(Half)
RT_CONV(BFloat16)
RT_CONV(uint8_t)
RT_CONV(int8_t)
RT_CONV(int16_t)
RT_CONV(int32_t)
RT_CONV(int64_t)
RT_CONV(std::complex<float>)
RT_CONV(std::complex<double>)
#undef RT_CONV

}  // namespace rustorch::cpu
