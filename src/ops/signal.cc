// Bodies of ops/signal.ops: short-time Fourier transforms (over the primitives of torch.fft, sliding views
// and their transposes, so that gradients come by themselves) and the windows of the top level.
#include <cmath>

#include "core/layout_algebra.h"
#include "gen/impl_signal.h"
#include "ops/make.h"
#include "ops/view_grad.h"
#include "rustorch/error.h"
#include "rustorch/fft.h"
#include "rustorch/ops.h"
#include "rustorch/signal.h"

namespace rustorch::impl {
namespace {

enum Normalization : int64_t { kNone = 0, kByRoot = 1, kByCount = 2 };

/// What stft and istft have in common.
struct Windows {
  int64_t n_fft, hop, length;
  Tensor weights;  // [n_fft], or undefined for ones
};

Windows windows_of(const char* op, const Tensor& self, int64_t n_fft, std::optional<int64_t> hop,
                   std::optional<int64_t> length, const std::optional<Tensor>& window) {
  if (window)
    RT_CHECK(window->device() == self.device(), Device, op, op,
             " input and window must be on the same device but got self on ", self.device(),
             " and window on ", window->device());
  return {n_fft, hop.value_or(n_fft >> 2), length.value_or(n_fft), window ? *window : Tensor()};
}

/// Centres the weights within n_fft points.
void widen(Windows& w, DType dtype, Device device) {
  if (w.length >= w.n_fft) return;
  const int64_t left = (w.n_fft - w.length) / 2;
  const Tensor weights = w.weights.defined() ? w.weights : rustorch::ones({w.length}, dtype, device);
  w.weights = rustorch::constant_pad_nd(weights, {left, w.n_fft - w.length - left}, 0);
}

void check_stft(const Windows& w, int64_t points) {
  constexpr const char* kOp = "stft";
  RT_CHECK(w.n_fft > 0 && w.n_fft <= points, Value, kOp, "expected 0 < n_fft < ", points,
           ", but got n_fft=", w.n_fft);
  RT_CHECK(w.hop > 0, Value, kOp, "expected hop_length > 0, but got hop_length=", w.hop);
  RT_CHECK(w.length > 0 && w.length <= w.n_fft, Value, kOp,
           "expected 0 < win_length <= n_fft, but got win_length=", w.length);
  if (w.weights.defined())
    RT_CHECK(w.weights.dim() == 1 && w.weights.size(0) == w.length, Shape, kOp,
             "expected a 1D window tensor of size equal to win_length=", w.length,
             ", but got window with size ", w.weights.sizes());
}

void check_istft(const Windows& w, const Tensor& self, bool onesided) {
  constexpr const char* kOp = "istft";
  RT_CHECK(self.numel() > 0, Shape, kOp, "istft(", self.sizes(), ") input tensor cannot be empty.");
  RT_CHECK(self.dim() == 2 || self.dim() == 3, Shape, kOp,
           "expected a tensor with 2 or 3 dimensions (without the one of real and imaginary part), but got ",
           self.dim());
  const int64_t bins = self.size(-2), expected = onesided ? w.n_fft / 2 + 1 : w.n_fft;
  RT_CHECK(bins == expected, Shape, kOp,
           "expected the frequency dimension (3rd to the last) of the input tensor to match ",
           onesided ? "n_fft / 2 + 1 when onesided=True" : "n_fft when onesided=False", ", but got ", bins);
  RT_CHECK(w.hop > 0 && w.hop <= w.length, Value, kOp, "expected 0 < hop_length <= win_length");
  RT_CHECK(w.length > 0 && w.length <= w.n_fft, Value, kOp, "expected 0 < win_length <= n_fft");
  if (w.weights.defined())
    RT_CHECK(w.weights.dim() == 1 && w.weights.size(0) == w.length, Shape, kOp,
             "Invalid window shape. window has to be 1D and length of `win_length`");
}

/// Sums of overlapping windows [batch, n, size], hop apart.
Tensor overlap_add(const Tensor& windows, int64_t hop) {
  const int64_t points = (windows.size(1) - 1) * hop + windows.size(2);
  return unfold_backward(windows, {windows.size(0), points}, 1, windows.size(2), hop);
}

// ---- windows of the top level

using Type = std::optional<DType>;
using Where = std::optional<Device>;

/// `formula` of the places 0 .. n - 1 (float64), where n - 1 intervals make the period.
template <class F>
Tensor window(const char* op, int64_t length, bool periodic, Type dtype, Where device, bool requires_grad,
              F&& formula) {
  const DType t = dtype.value_or(get_default_dtype());
  RT_CHECK(is_floating_point(t) || is_complex(t), DType, op, op, " expects floating point dtypes, got: ", t);
  RT_CHECK(length >= 0, Value, op, op, " requires non-negative window_length, got window_length=", length);
  Tensor out;
  if (length < 2) {
    out = rustorch::ones({length}, t, device);
  } else {
    const int64_t n = length + (periodic ? 1 : 0);
    out = rustorch::slice(formula(rustorch::arange(n, kFloat64), static_cast<double>(n - 1)), 0, 0, length)
              .contiguous()
              .to(t);
    if (device) out = out.to(*device);
  }
  if (requires_grad) out.requires_grad_(true);
  return out;
}

constexpr double kPi = 3.14159265358979323846;

}  // namespace

Tensor stft(const Tensor& self, int64_t n_fft, std::optional<int64_t> hop_length,
            std::optional<int64_t> win_length, const std::optional<Tensor>& window, bool center,
            std::string_view pad_mode, bool normalized, std::optional<bool> onesided,
            std::optional<bool> return_complex, std::optional<bool> align_to_window) {
  constexpr const char* kOp = "stft";
  Windows w = windows_of(kOp, self, n_fft, hop_length, win_length, window);
  const bool align = align_to_window.value_or(false);
  RT_CHECK(!(center && align), Value, kOp, "stft align_to_window should only be set when center = false.");
  const bool complex = is_complex(self.dtype()) || (w.weights.defined() && is_complex(w.weights.dtype()));
  RT_CHECK(
      complex || return_complex, Value, kOp,
      "stft requires the return_complex parameter be given for real inputs, and will further require that "
      "return_complex=True in a future PyTorch release.");
  RT_CHECK(is_floating_point(self.dtype()) || is_complex(self.dtype()), NotImplemented, kOp,
           "expected a tensor of floating point or complex values, but got ", self.dtype());
  RT_CHECK(self.dim() == 1 || self.dim() == 2, Shape, kOp, "expected a 1D or 2D tensor, but got ", self.dim(),
           "D");
  Tensor in = self.dim() == 1 ? self.unsqueeze(0) : self;
  if (center) in = rustorch::pad(in.unsqueeze(0), {n_fft / 2, n_fft / 2}, pad_mode).squeeze(0);
  if (align && w.length < n_fft) {
    const int64_t left = (n_fft - w.length) / 2;
    in = rustorch::constant_pad_nd(in, {left, n_fft - w.length - left}, 0);
  }
  check_stft(w, in.size(1));
  widen(w, real_type(self.dtype()), self.device());
  Tensor frames = in.unfold(1, n_fft, w.hop);
  if (w.weights.defined()) frames = frames.mul(w.weights);
  const int64_t normalization = normalized ? kByRoot : kNone;
  Tensor out;
  if (complex) {
    RT_CHECK(!onesided.value_or(false), Value, kOp,
             "Cannot have onesided output if window or input is complex");
    out = rustorch::_fft_c2c(frames, {2}, normalization, true);
  } else {
    out = rustorch::_fft_r2c(frames, {2}, normalization, onesided.value_or(true));
  }
  out = out.transpose(1, 2);
  if (self.dim() == 1) out = out.squeeze(0);
  return return_complex.value_or(complex) ? out : rustorch::view_as_real(out);
}

Tensor istft(const Tensor& self, int64_t n_fft, std::optional<int64_t> hop_length,
             std::optional<int64_t> win_length, const std::optional<Tensor>& window, bool center,
             bool normalized, std::optional<bool> onesided, std::optional<int64_t> length,
             bool return_complex) {
  constexpr const char* kOp = "istft";
  Windows w = windows_of(kOp, self, n_fft, hop_length, win_length, window);
  RT_CHECK(is_complex(self.dtype()), Type, kOp,
           "istft requires a complex-valued input tensor matching the output from stft with "
           "return_complex=True.");
  const bool half = onesided.value_or(self.dim() > 1 && self.size(-2) != n_fft);
  check_istft(w, self, half);
  const DType real = real_type(self.dtype());
  if (!w.weights.defined()) w.weights = rustorch::ones({w.length}, real, self.device());
  widen(w, real, self.device());
  Tensor in = (self.dim() == 2 ? self.unsqueeze(0) : self).transpose(1, 2);  // [batch, frame, frequency]
  const int64_t normalization = normalized ? kByRoot : kByCount;
  if (return_complex) {
    RT_CHECK(!half, Value, kOp, "cannot have onesided output if window or input is complex");
    in = rustorch::_fft_c2c(in, {2}, normalization, false);
  } else {
    RT_CHECK(!is_complex(w.weights.dtype()), Value, kOp,
             "Complex windows are incompatible with return_complex=False");
    if (!half) in = rustorch::slice(in, -1, 0, n_fft / 2 + 1);
    in = rustorch::_fft_c2r(in, {2}, normalization, n_fft);
  }
  const int64_t points = n_fft + w.hop * (in.size(1) - 1), start = center ? n_fft / 2 : 0;
  const int64_t end = length ? start + *length : center ? points - n_fft / 2 : points;
  const Tensor squares = w.weights.square().expand({1, in.size(1), n_fft});
  const Tensor sum = rustorch::slice(overlap_add(in.mul(w.weights), w.hop), 1, start, end);
  const Tensor envelope = rustorch::slice(overlap_add(squares, w.hop), 1, start, end);
  const double least = envelope.numel() == 0 ? 1.0 : envelope.abs().min().item().to_double();
  RT_CHECK(least > 1e-11, Value, kOp, "window overlap add min: ", least, " is not above 1e-11");
  Tensor out = sum.div(envelope);
  if (self.dim() == 2) out = out.squeeze(0);
  if (end > points) out = rustorch::constant_pad_nd(out, {0, end - points}, 0);
  return out;
}

Tensor bartlett_window(int64_t length, bool periodic, Type dtype, Where device, bool requires_grad) {
  return window("bartlett_window", length, periodic, dtype, device, requires_grad,
                [](const Tensor& at, double last) {
                  const Tensor rise = at * (2.0 / last);
                  return rustorch::minimum(rise, rise.neg() + 2.0);
                });
}

Tensor blackman_window(int64_t length, bool periodic, Type dtype, Where device, bool requires_grad) {
  return window("blackman_window", length, periodic, dtype, device, requires_grad,
                [](const Tensor& at, double last) {
                  const Tensor x = at * (2.0 * kPi / last);
                  return (x * 2.0).cos() * 0.08 - x.cos() * 0.5 + 0.42;
                });
}

Tensor hann_window(int64_t length, bool periodic, Type dtype, Where device, bool requires_grad) {
  return window("hann_window", length, periodic, dtype, device, requires_grad,
                [](const Tensor& at, double last) { return (at * (2.0 * kPi / last)).cos() * -0.5 + 0.5; });
}

Tensor hamming_window(int64_t length, bool periodic, double alpha, double beta, Type dtype, Where device,
                      bool requires_grad) {
  return window(
      "hamming_window", length, periodic, dtype, device, requires_grad,
      [=](const Tensor& at, double last) { return (at * (2.0 * kPi / last)).cos() * -beta + alpha; });
}

Tensor kaiser_window(int64_t length, bool periodic, double beta, Type dtype, Where device,
                     bool requires_grad) {
  return window("kaiser_window", length, periodic, dtype, device, requires_grad,
                [=](const Tensor& at, double last) {
                  const Tensor x = at * (2.0 / last) - 1.0;
                  const Tensor top = rustorch::i0(((x * x).neg() + 1.0).clamp_min(0.0).sqrt() * beta);
                  return top / rustorch::i0(rustorch::full({}, beta, kFloat64));
                });
}

}  // namespace rustorch::impl
