// Scans over (outer, n, inner) views of contiguous tensors.
//
// A long row is cut into segments whose totals are taken first. Floats are accumulated in double. Cuts depend
// on the shape only.
#include "backend/cpu/scan.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "backend/cpu/dispatch.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

constexpr int kChains = 8;
constexpr int64_t kGrain = 1 << 15;
constexpr int64_t kSegment = 1 << 13;

template <class T>
struct Wider {
  using type = T;
};
template <>
struct Wider<float> {
  using type = double;
};
template <>
struct Wider<std::complex<float>> {
  using type = std::complex<double>;
};
template <class T>
using wider_t = typename Wider<T>::type;

struct SumStep {
  template <class A>
  static A identity() {
    return A(0);
  }
  template <class A>
  static A apply(A a, A b) {
    if constexpr (std::is_integral_v<A>) {
      return static_cast<A>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    } else {
      return a + b;
    }
  }
};

struct ProdStep {
  template <class A>
  static A identity() {
    return A(1);
  }
  template <class A>
  static A apply(A a, A b) {
    if constexpr (std::is_integral_v<A>) {
      return static_cast<A>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    } else {
      return a * b;
    }
  }
};

/// One row after acc.
template <class Step, class T>
void scan_row(const T* in, T* out, int64_t n, wider_t<T> acc) {
  if constexpr (std::is_arithmetic_v<T>) {
    const auto& kernel = scan_kernels<T>();
    (std::is_same_v<Step, SumStep> ? kernel.sum_row : kernel.prod_row)(in, out, n, acc);
  } else {
    for (int64_t i = 0; i < n; ++i) {
      acc = Step::apply(acc, static_cast<wider_t<T>>(in[i]));
      out[i] = static_cast<T>(acc);
    }
  }
}

/// Combination of n elements, several chains wide.
template <class Step, class A, class T>
A total(const T* x, int64_t n) {
  A a[kChains];
  std::fill_n(a, kChains, Step::template identity<A>());
  int64_t i = 0;
  for (; i + kChains <= n; i += kChains)
    for (int k = 0; k < kChains; ++k) a[k] = Step::apply(a[k], static_cast<A>(x[i + k]));
  A sum = Step::template identity<A>();
  for (int k = 0; k < kChains; ++k) sum = Step::apply(sum, a[k]);
  for (; i < n; ++i) sum = Step::apply(sum, static_cast<A>(x[i]));
  return sum;
}

/// One long row: segments are totalled, then each is scanned from what precedes it.
template <class Step, class T>
void scan_long_row(const T* in, T* out, int64_t n) {
  using A = wider_t<T>;
  const int64_t segments = (n + kSegment - 1) / kSegment;
  ScratchBuffer<A> before(static_cast<size_t>(segments));
  const auto length = [&](int64_t s) { return std::min(kSegment, n - s * kSegment); };
  parallel_for(0, segments, kChains, [&](int64_t b, int64_t e) {
    for (int64_t s = b; s < e; ++s) before[s] = total<Step, A>(in + s * kSegment, length(s));
  });
  A run = Step::template identity<A>();
  for (int64_t s = 0; s < segments; ++s) {
    const A here = before[s];
    before[s] = run;
    run = Step::apply(run, here);
  }
  parallel_for(0, segments, kChains, [&](int64_t b, int64_t e) {
    for (int64_t s = b; s < e; ++s)
      scan_row<Step>(in + s * kSegment, out + s * kSegment, length(s), before[s]);
  });
}

template <class Step, class T>
void scan_rows(const T* in, T* out, int64_t outer, int64_t n) {
  if (outer < 16 && n >= 2 * kChains * kSegment) {
    for (int64_t o = 0; o < outer; ++o) scan_long_row<Step>(in + o * n, out + o * n, n);
    return;
  }
  parallel_for(0, outer, std::max<int64_t>(1, kGrain / n), [&](int64_t b, int64_t e) {
    for (int64_t o = b; o < e; ++o)
      scan_row<Step>(in + o * n, out + o * n, n, Step::template identity<wider_t<T>>());
  });
}

template <class Step, class T>
void plain_columns(const T* in, T* out, int64_t rows, int64_t stride, int64_t cols, wider_t<T>* acc) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      acc[c] = Step::apply(acc[c], static_cast<wider_t<T>>(in[r * stride + c]));
      out[r * stride + c] = static_cast<T>(acc[c]);
    }
}

template <class Step, class T>
void scan_columns(const T* in, T* out, int64_t outer, int64_t n, int64_t inner) {
  using A = wider_t<T>;
  constexpr int64_t kTile = 256;
  const int64_t tiles = (inner + kTile - 1) / kTile;
  parallel_for(0, outer * tiles, std::max<int64_t>(1, kGrain / (n * std::min(inner, kTile))),
               [&](int64_t b, int64_t e) {
                 A acc[kTile];
                 for (int64_t t = b; t < e; ++t) {
                   const int64_t first = t % tiles * kTile, cols = std::min(kTile, inner - first);
                   const int64_t at = t / tiles * n * inner + first;
                   std::fill_n(acc, cols, Step::template identity<A>());
                   if constexpr (std::is_arithmetic_v<T>) {
                     const auto& kernel = scan_kernels<T>();
                     (std::is_same_v<Step, SumStep> ? kernel.sum_columns : kernel.prod_columns)(
                         in + at, out + at, n, inner, cols, acc);
                   } else {
                     plain_columns<Step>(in + at, out + at, n, inner, cols, acc);
                   }
                 }
               });
}

struct Shape3 {
  int64_t outer = 1, n = 1, inner = 1;
};

Shape3 shape_around(const TensorImpl& t, int64_t dim) {
  Shape3 s;
  for (int64_t d = 0; d < t.dim(); ++d) {
    const int64_t size = t.size(static_cast<int>(d));
    (d < dim ? s.outer : d == dim ? s.n : s.inner) *= size;
  }
  return s;
}

template <class Step, class T>
void fold_scan(const ScanCall& call, const Shape3& s) {
  const T* in = call.in.impl()->data<T>();
  T* out = call.out.impl()->mutable_data<T>();
  if (s.inner == 1) {
    scan_rows<Step>(in, out, s.outer, s.n);
  } else {
    scan_columns<Step>(in, out, s.outer, s.n, s.inner);
  }
}

template <class T>
void extreme_row(const T* in, T* out, int64_t* index, int64_t n, bool max) {
  T best = in[0];
  int64_t place = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T x = in[i];
    if (max ? !(x < best) : !(x > best)) {  // larger, equal, or one of them nan
      if (x != x || best == best) {
        best = x;
        place = i;
      }
    }
    out[i] = best;
    index[i] = place;
  }
}

template <class T>
void extreme_scan(const ScanCall& call, const Shape3& s) {
  const T* in = call.in.impl()->data<T>();
  T* out = call.out.impl()->mutable_data<T>();
  int64_t* index = call.indices.impl()->mutable_data<int64_t>();
  const bool max = call.kind == ScanKind::CumMax;
  if (s.inner == 1) {
    parallel_for(0, s.outer, std::max<int64_t>(1, kGrain / s.n), [&](int64_t b, int64_t e) {
      for (int64_t o = b; o < e; ++o) extreme_row(in + o * s.n, out + o * s.n, index + o * s.n, s.n, max);
    });
    return;
  }
  constexpr int64_t kTile = 64;
  const int64_t tiles = (s.inner + kTile - 1) / kTile;
  parallel_for(0, s.outer * tiles, std::max<int64_t>(1, kGrain / (s.n * std::min(s.inner, kTile))),
               [&](int64_t b, int64_t e) {
                 for (int64_t t = b; t < e; ++t) {
                   const int64_t first = t % tiles * kTile, cols = std::min(kTile, s.inner - first);
                   const int64_t at = t / tiles * s.n * s.inner + first;
                   T best[kTile];
                   int64_t place[kTile];
                   for (int64_t r = 0; r < s.n; ++r) {
                     const int64_t row = at + r * s.inner;
                     for (int64_t c = 0; c < cols; ++c) {
                       const T x = in[row + c];
                       const bool take =
                           r == 0 || x != x || (best[c] == best[c] && (max ? x >= best[c] : x <= best[c]));
                       best[c] = take ? x : best[c];
                       place[c] = take ? r : place[c];
                       out[row + c] = best[c];
                       index[row + c] = place[c];
                     }
                   }
                 }
               });
}

template <class T>
void exponential_scan(const ScanCall& call, const Shape3& s) {
  const T* in = call.in.impl()->data<T>();
  T* out = call.out.impl()->mutable_data<T>();
  parallel_for(0, s.outer * s.inner, std::max<int64_t>(1, 1024 / s.n), [&](int64_t b, int64_t e) {
    for (int64_t t = b; t < e; ++t) {
      const int64_t at = t / s.inner * s.n * s.inner + t % s.inner;
      // sum = log(total exp); new sums are added to the larger of the two.
      double m = -std::numeric_limits<double>::infinity(), total = 0;
      for (int64_t r = 0; r < s.n; ++r) {
        const double x = static_cast<double>(in[at + r * s.inner]);
        if (m != m || x != x) {
          out[at + r * s.inner] = std::numeric_limits<T>::quiet_NaN();
          m = x != x ? x : m;
          continue;
        }
        if (x > m) {
          total = std::isinf(m) ? 1 : total * std::exp(m - x) + 1;
          m = x;
        } else if (!std::isinf(m)) {
          total += std::exp(x - m);
        }
        out[at + r * s.inner] = static_cast<T>(std::isinf(m) ? m : m + std::log(total));
      }
    }
  });
}

/// log(exp(a) + exp(b)); the angle counts on from that of the larger one, as in PyTorch.
std::complex<double> log_add_exp(std::complex<double> a, std::complex<double> b) {
  if (a.real() < b.real()) std::swap(a, b);
  if (std::isinf(b.real()) && b.real() < 0) return a;
  if (std::isinf(a.real()) && a.real() == b.real()) return std::log(std::exp(a) + std::exp(b));
  return a + std::log(1.0 + std::exp(b - a));
}

/// The same for complex numbers.
template <class C>
void complex_exponential_scan(const ScanCall& call, const Shape3& s) {
  using Z = std::complex<double>;
  const C* in = call.in.impl()->data<C>();
  C* out = call.out.impl()->mutable_data<C>();
  parallel_for(0, s.outer * s.inner, std::max<int64_t>(1, 512 / s.n), [&](int64_t b, int64_t e) {
    for (int64_t t = b; t < e; ++t) {
      const int64_t at = t / s.inner * s.n * s.inner + t % s.inner;
      Z total(-std::numeric_limits<double>::infinity(), 0);
      for (int64_t r = 0; r < s.n; ++r) {
        total = log_add_exp(Z(in[at + r * s.inner]), total);
        out[at + r * s.inner] = static_cast<C>(total);
      }
    }
  });
}

}  // namespace

void scan(const ScanCall& call) {
  if (call.in.numel() == 0) return;
  Shape3 s = shape_around(*call.in.impl(), call.dim);
  const DType t = call.in.dtype();
  switch (call.kind) {
    case ScanKind::CumSum:
      // A complex sum is two real ones side by side.
      if (is_complex(t)) s.inner *= 2;
      if (t == kInt64) return fold_scan<SumStep, int64_t>(call, s);
      if (real_type(t) == kFloat64) return fold_scan<SumStep, double>(call, s);
      return fold_scan<SumStep, float>(call, s);
    case ScanKind::CumProd:
      if (t == kInt64) return fold_scan<ProdStep, int64_t>(call, s);
      if (t == kFloat64) return fold_scan<ProdStep, double>(call, s);
      if (t == kComplex64) return fold_scan<ProdStep, std::complex<float>>(call, s);
      if (t == kComplex128) return fold_scan<ProdStep, std::complex<double>>(call, s);
      return fold_scan<ProdStep, float>(call, s);
    case ScanKind::CumMax:
    case ScanKind::CumMin:
      if (t == kInt64) return extreme_scan<int64_t>(call, s);
      if (t == kInt32) return extreme_scan<int32_t>(call, s);
      if (t == kFloat64) return extreme_scan<double>(call, s);
      return extreme_scan<float>(call, s);
    case ScanKind::LogCumSumExp:
      if (t == kComplex64) return complex_exponential_scan<std::complex<float>>(call, s);
      if (t == kComplex128) return complex_exponential_scan<std::complex<double>>(call, s);
      if (t == kFloat64) return exponential_scan<double>(call, s);
      return exponential_scan<float>(call, s);
  }
}

}  // namespace rustorch::cpu
