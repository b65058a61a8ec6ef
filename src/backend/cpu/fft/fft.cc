// The family `fft` on tensors: one dimension after the other, the last one first.
#include "backend/cpu/fft/fft.h"

#include <complex>

#include "backend/cpu/fft/transform.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

struct Axis {
  int64_t outer = 1, n = 1, inner = 1;
};
Axis axis_of(const Tensor& t, int64_t dim) {
  Axis a;
  for (int64_t d = 0; d < t.dim(); ++d) (d < dim ? a.outer : d > dim ? a.inner : a.n) *= t.size(d);
  return a;
}

template <class T>
void complex_transform(const FftCall& call) {
  const T* src = static_cast<const T*>(static_cast<const void*>(call.in.impl()->data<std::complex<T>>()));
  T* dst = static_cast<T*>(static_cast<void*>(call.out.impl()->mutable_data<std::complex<T>>()));
  uint64_t left = call.dim_mask;
  for (int64_t d = call.in.dim() - 1; d >= 0; --d) {
    if ((left >> d & 1) == 0) continue;
    left &= ~(uint64_t{1} << d);
    const Axis a = axis_of(call.in, d);
    fft::complex_columns<T>(a.n, a.outer, a.inner, src, dst, call.inverse,
                            left == 0 ? static_cast<T>(call.scale) : T(1));
    src = dst;
  }
}

template <class T>
void real_transform(const FftCall& call) {
  const bool forward = call.kind == FftKind::RealForward;
  const Axis a = axis_of(forward ? call.in : call.out, call.dim);
  if (forward) {
    T* dst = static_cast<T*>(static_cast<void*>(call.out.impl()->mutable_data<std::complex<T>>()));
    fft::real_forward<T>(a.n, a.outer, a.inner, call.in.impl()->data<T>(), dst, static_cast<T>(call.scale));
  } else {
    const T* src = static_cast<const T*>(static_cast<const void*>(call.in.impl()->data<std::complex<T>>()));
    fft::real_inverse<T>(a.n, a.outer, a.inner, src, call.out.impl()->mutable_data<T>(),
                         static_cast<T>(call.scale));
  }
}

/// out[i, k] = in[i, k], or conj(in[-i, n - k]) past the middle.
template <class T>
void mirror(const FftCall& call) {
  const Tensor& out = call.out;
  const std::complex<T>* src = call.in.impl()->data<std::complex<T>>();
  std::complex<T>* dst = out.impl()->mutable_data<std::complex<T>>();
  const Axis a = axis_of(out, call.dim);
  const int64_t half = a.n / 2 + 1, lines = a.outer * a.inner;
  parallel_for(0, lines, std::max<int64_t>(1, (int64_t{1} << 14) / a.n), [&](int64_t b, int64_t e) {
    for (int64_t line = b; line < e; ++line) {
      // The line at the mirrored place of the other transformed dimensions.
      int64_t rest = line, step = 1, other = 0;
      for (int64_t d = out.dim() - 1; d >= 0; --d) {
        if (d == call.dim) continue;
        const int64_t size = out.size(d), at = rest % size;
        rest /= size;
        other += step * ((call.dim_mask >> d & 1) && at > 0 ? size - at : at);
        step *= size;
      }
      auto start = [&](int64_t l, int64_t n) { return l / a.inner * n * a.inner + l % a.inner; };
      const std::complex<T>* from = src + start(line, half);
      const std::complex<T>* back = src + start(other, half);
      std::complex<T>* to = dst + start(line, a.n);
      for (int64_t k = 0; k < half; ++k) to[k * a.inner] = from[k * a.inner];
      for (int64_t k = half; k < a.n; ++k) to[k * a.inner] = std::conj(back[(a.n - k) * a.inner]);
    }
  });
}

template <class T>
void run(const FftCall& call) {
  switch (call.kind) {
    case FftKind::Complex:
      return complex_transform<T>(call);
    case FftKind::RealForward:
    case FftKind::RealInverse:
      return real_transform<T>(call);
    case FftKind::Mirror:
      return mirror<T>(call);
  }
}

}  // namespace

void fourier(const FftCall& call) {
  const DType t = call.in.dtype();
  t == kFloat32 || t == kComplex64 ? run<float>(call) : run<double>(call);
}

}  // namespace rustorch::cpu
