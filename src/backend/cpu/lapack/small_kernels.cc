// The kernels of small_kernels.h: plain loops over contiguous runs, compiled once per instruction set.
#include "backend/cpu/lapack/small_kernels.h"

#include <cmath>
#include <utility>

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/lapack/small_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

template <class R>
inline R size_of(R x) {
  return x < 0 ? -x : x;
}
template <class R>
inline R size_of(const std::complex<R>& x) {
  return size_of(x.real()) + size_of(x.imag());
}
template <class R>
inline R conj_of(R x) {
  return x;
}
template <class R>
inline std::complex<R> conj_of(const std::complex<R>& x) {
  return {x.real(), -x.imag()};
}
template <class R>
inline R times(R a, R b) {
  return a * b;
}
// Without the checks for nan of std::complex, so that loops vectorise.
template <class R>
inline std::complex<R> times(const std::complex<R>& a, const std::complex<R>& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// y -= f * x
template <class T>
inline void subtract_scaled(int64_t n, T f, const T* __restrict x, T* __restrict y) {
  for (int64_t i = 0; i < n; ++i) y[i] -= times(f, x[i]);
}

// y -= sum over k of f[k * step] * x[k * ld ...], for a fixed number of elements held in registers.
template <int kWidth, class T>
inline void subtract_rows(int64_t count, const T* f, int64_t step, const T* x, int64_t ld, T* __restrict y) {
  T sum[kWidth];
  for (int j = 0; j < kWidth; ++j) sum[j] = y[j];
  for (int64_t k = 0; k < count; ++k) {
    const T factor = f[k * step];
    const T* __restrict row = x + k * ld;
    for (int j = 0; j < kWidth; ++j) sum[j] -= times(factor, row[j]);
  }
  for (int j = 0; j < kWidth; ++j) y[j] = sum[j];
}

template <class T>
int64_t cholesky(T* a, int64_t n, int64_t ld) {
  T column[kSmallOrder];
  for (int64_t k = 0; k < n; ++k) {
    const auto pivot = std::real(a[k * ld + k]);
    if (!(pivot > 0)) return k + 1;
    const auto root = std::sqrt(pivot);
    a[k * ld + k] = root;
    const auto scale = 1 / root;
    for (int64_t i = k + 1; i < n; ++i) {
      a[i * ld + k] *= scale;
      column[i] = conj_of(a[i * ld + k]);
    }
    for (int64_t i = k + 1; i < n; ++i)
      subtract_scaled(i - k, a[i * ld + k], column + k + 1, a + i * ld + k + 1);
  }
  return 0;
}

/// The first of the rows from..m - 1 whose element is largest; `from` when that one is nan.
template <class T>
int64_t largest(const T* column, int64_t from, int64_t m) {
  constexpr int kLanes = 64 / sizeof(T) > 4 ? 64 / sizeof(T) : 4;
  using R = decltype(size_of(column[0]));
  R best[kLanes], highest = size_of(column[from]);
  for (R& b : best) b = highest;
  int64_t i = from + 1;
  for (; i + kLanes <= m; i += kLanes)
    for (int j = 0; j < kLanes; ++j) {
      const R size = size_of(column[i + j]);
      best[j] = size > best[j] ? size : best[j];
    }
  for (; i < m; ++i) {
    const R size = size_of(column[i]);
    best[0] = size > best[0] ? size : best[0];
  }
  for (const R b : best) highest = b > highest ? b : highest;
  int64_t k = from;
  for (bool seen = false; k + kLanes <= m; k += kLanes) {
    for (int j = 0; j < kLanes; ++j) seen |= size_of(column[k + j]) == highest;
    if (seen) break;
  }
  for (; k < m; ++k)
    if (size_of(column[k]) == highest) return k;
  return from;
}

template <class T>
int64_t lu(T* a, int64_t m, int64_t n, int64_t ld, int* pivots) {
  int64_t info = 0;
  const int64_t steps = m < n ? m : n;
  for (int64_t k = 0; k < steps; ++k) {
    T* column = a + k * ld;
    const int64_t at = largest(column, k, m);
    pivots[k] = static_cast<int>(at);
    if (column[at] == T(0)) {
      if (info == 0) info = k + 1;
      continue;
    }
    if (at != k)
      for (int64_t j = 0; j < n; ++j) std::swap(a[j * ld + k], a[j * ld + at]);
    const T scale = T(1) / column[k];
    for (int64_t i = k + 1; i < m; ++i) column[i] = times(column[i], scale);
    for (int64_t j = k + 1; j < n; ++j)
      subtract_scaled(m - k - 1, a[j * ld + k], column + k + 1, a + j * ld + k + 1);
  }
  return info;
}

// Gauss-Jordan elimination with the exchanges of rows that LU would make.
template <class T>
int64_t inverse(T* a, int64_t n, int64_t ld, int* pivots) {
  for (int64_t k = 0; k < n; ++k) {
    int64_t at = k;
    auto best = size_of(a[k * ld + k]);
    for (int64_t i = k + 1; i < n; ++i)
      if (size_of(a[i * ld + k]) > best) {
        best = size_of(a[i * ld + k]);
        at = i;
      }
    pivots[k] = static_cast<int>(at);
    if (a[at * ld + k] == T(0)) return k + 1;
    T* row = a + k * ld;
    if (at != k)
      for (int64_t j = 0; j < n; ++j) std::swap(row[j], a[at * ld + j]);
    const T scale = T(1) / row[k];
    row[k] = T(1);
    for (int64_t j = 0; j < n; ++j) row[j] = times(row[j], scale);
    for (int64_t i = 0; i < n; ++i) {
      if (i == k) continue;
      T* other = a + i * ld;
      const T factor = other[k];
      other[k] = T(0);
      subtract_scaled(n, factor, row, other);
    }
  }
  for (int64_t k = n - 1; k >= 0; --k)
    if (pivots[k] != k)
      for (int64_t i = 0; i < n; ++i) std::swap(a[i * ld + k], a[i * ld + pivots[k]]);
  return 0;
}

// Right-hand sides in rows (contiguous), kWidth at a time.
template <int kWidth, class T>
inline void triangular_rows(const T* a, int64_t a_row, int64_t a_col, bool upper, int64_t n, const T* scales,
                            T* b, int64_t ld) {
  for (int64_t step = 0; step < n; ++step) {
    const int64_t i = upper ? n - 1 - step : step;
    const int64_t first = upper ? i + 1 : 0;
    T* row = b + i * ld;
    subtract_rows<kWidth>(step, a + i * a_row + first * a_col, a_col, b + first * ld, ld, row);
    if (scales != nullptr)
      for (int j = 0; j < kWidth; ++j) row[j] = times(row[j], scales[i]);
  }
}

// One right-hand side with stride `step`: columns of a when they are contiguous, else its rows.
template <class T>
inline void triangular_vector(const T* a, int64_t a_row, int64_t a_col, bool upper, int64_t n,
                              const T* scales, T* b, int64_t step) {
  for (int64_t k = 0; k < n; ++k) {
    const int64_t i = upper ? n - 1 - k : k;
    if (a_row == 1 && step == 1) {
      if (scales != nullptr) b[i] = times(b[i], scales[i]);
      const int64_t first = upper ? 0 : i + 1;
      subtract_scaled(n - 1 - k, b[i], a + first + i * a_col, b + first);
    } else {
      const int64_t first = upper ? i + 1 : 0;
      T sum = b[i * step];
      for (int64_t j = 0; j < k; ++j) sum -= times(a[i * a_row + (first + j) * a_col], b[(first + j) * step]);
      b[i * step] = scales != nullptr ? times(sum, scales[i]) : sum;
    }
  }
}

template <class T>
void triangular(const T* a, int64_t a_row, int64_t a_col, bool upper, bool unit, int64_t n, T* b,
                int64_t b_row, int64_t b_col, int64_t count) {
  constexpr int kWide = 64 * 4 / sizeof(T) < 64 ? 64 * 4 / sizeof(T) : 64, kNarrow = kWide / 4;
  T scale[kSmallOrder];
  const T* scales = nullptr;
  if (!unit) {
    for (int64_t i = 0; i < n; ++i) scale[i] = T(1) / a[i * a_row + i * a_col];
    scales = scale;
  }
  int64_t at = 0;
  if (b_col == 1) {
    for (; at + kWide <= count; at += kWide)
      triangular_rows<kWide>(a, a_row, a_col, upper, n, scales, b + at, b_row);
    for (; at + kNarrow <= count; at += kNarrow)
      triangular_rows<kNarrow>(a, a_row, a_col, upper, n, scales, b + at, b_row);
  } else {
    T rows[kSmallOrder * kWide];
    while (count - at >= kNarrow / 2) {
      const int64_t width = count - at < kWide ? count - at : kWide;
      const int64_t padded = width > kNarrow ? kWide : kNarrow;
      const int64_t taken = width < padded ? width : padded;
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < taken; ++j) rows[i * padded + j] = b[i * b_row + (at + j) * b_col];
        for (int64_t j = taken; j < padded; ++j) rows[i * padded + j] = T(0);
      }
      if (padded == kWide)
        triangular_rows<kWide>(a, a_row, a_col, upper, n, scales, rows, padded);
      else
        triangular_rows<kNarrow>(a, a_row, a_col, upper, n, scales, rows, padded);
      for (int64_t j = 0; j < taken; ++j)
        for (int64_t i = 0; i < n; ++i) b[i * b_row + (at + j) * b_col] = rows[i * padded + j];
      at += taken;
    }
  }
  for (; at < count; ++at) triangular_vector(a, a_row, a_col, upper, n, scales, b + at * b_col, b_row);
}

#define RT_EACH_TYPE(X) X(float, F32) X(double, F64) X(std::complex<float>, C64) X(std::complex<double>, C128)
#define RT_TARGET_FORMS(T, name)                                                                            \
  int64_t Cholesky##name(T* a, int64_t n, int64_t ld) { return cholesky(a, n, ld); }                        \
  int64_t Lu##name(T* a, int64_t m, int64_t n, int64_t ld, int* pivots) { return lu(a, m, n, ld, pivots); } \
  int64_t Inverse##name(T* a, int64_t n, int64_t ld, int* pivots) { return inverse(a, n, ld, pivots); }     \
  void Triangular##name(const T* a, int64_t a_row, int64_t a_col, bool upper, bool unit, int64_t n, T* b,   \
                        int64_t b_row, int64_t b_col, int64_t count) {                                      \
    triangular(a, a_row, a_col, upper, unit, n, b, b_row, b_col, count);                                    \
  }
RT_EACH_TYPE(RT_TARGET_FORMS)
#undef RT_TARGET_FORMS

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {

#define RT_DISPATCH_FORMS(T, name)                                                                        \
  HWY_EXPORT(Cholesky##name);                                                                             \
  HWY_EXPORT(Lu##name);                                                                                   \
  HWY_EXPORT(Inverse##name);                                                                              \
  HWY_EXPORT(Triangular##name);                                                                           \
  int64_t small_cholesky(T* a, int64_t n, int64_t ld) {                                                   \
    return HWY_DYNAMIC_DISPATCH(Cholesky##name)(a, n, ld);                                                \
  }                                                                                                       \
  int64_t small_lu(T* a, int64_t m, int64_t n, int64_t ld, int* pivots) {                                 \
    return HWY_DYNAMIC_DISPATCH(Lu##name)(a, m, n, ld, pivots);                                           \
  }                                                                                                       \
  int64_t small_inverse(T* a, int64_t n, int64_t ld, int* pivots) {                                       \
    return HWY_DYNAMIC_DISPATCH(Inverse##name)(a, n, ld, pivots);                                         \
  }                                                                                                       \
  void small_triangular(const T* a, int64_t a_row, int64_t a_col, bool upper, bool unit, int64_t n, T* b, \
                        int64_t b_row, int64_t b_col, int64_t count) {                                    \
    HWY_DYNAMIC_DISPATCH(Triangular##name)(a, a_row, a_col, upper, unit, n, b, b_row, b_col, count);      \
  }
RT_EACH_TYPE(RT_DISPATCH_FORMS)
#undef RT_DISPATCH_FORMS

}  // namespace rustorch::cpu
#endif  // HWY_ONCE
