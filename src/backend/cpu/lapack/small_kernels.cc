// The kernels of small_kernels.h: plain loops over contiguous runs, compiled once per instruction set.
#include "backend/cpu/lapack/small_kernels.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/lapack/small_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Lanes of a vector, or as many complex numbers as fit one (at least two).
template <class T>
constexpr int kNarrow = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
template <class R>
constexpr int kNarrow<std::complex<R>> = kNarrow<R> >= 4 ? kNarrow<R> / 2 : 2;
/// Right-hand sides of a triangle that go together: four vectors, and what the padded copy has room for.
template <class T>
constexpr int kWide = 4 * kNarrow<T>;

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
  auto highest = size_of(column[from]);
  int64_t i = from + 1;
  if constexpr (std::is_floating_point_v<T>) {
    const hn::ScalableTag<T> d;
    constexpr int kLanes = kNarrow<T>;
    auto best = hn::Set(d, highest);
    for (; i + kLanes <= m; i += kLanes) {
      const auto size = hn::Abs(hn::LoadU(d, column + i));
      best = hn::IfThenElse(hn::Gt(size, best), size, best);
    }
    T lanes[kLanes];
    hn::StoreU(best, d, lanes);
    for (const T b : lanes) highest = b > highest ? b : highest;
  }
  for (; i < m; ++i) {
    const auto size = size_of(column[i]);
    highest = size > highest ? size : highest;
  }
  int64_t k = from;
  if constexpr (std::is_floating_point_v<T>) {
    const hn::ScalableTag<T> d;
    const auto wanted = hn::Set(d, highest);
    for (; k + kNarrow<T> <= m; k += kNarrow<T>)
      if (!hn::AllFalse(d, hn::Eq(hn::Abs(hn::LoadU(d, column + k)), wanted))) break;
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

// Triangles are lower here: an upper one is given from its last row and column on, with negative strides.

// Rows i ... i + kRows - 1 of kVectors vectors of right-hand sides (rows contiguous).
template <int kVectors, int kRows, class T>
HWY_INLINE void solve_rows(const T* a, int64_t a_row, int64_t a_col, int64_t i, const T* scales, T* b,
                           int64_t ld) {
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sum[kRows][kVectors], x[kVectors];
  T* const first = b + i * ld;
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) HWY_UNROLL(4)
  for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::LoadU(d, first + r * ld + v * kNarrow<T>);
  const T* factors = a + i * a_row;
  const T* row = b;
  for (int64_t k = 0; k < i; ++k, factors += a_col, row += ld) {
    HWY_UNROLL(4) for (int v = 0; v < kVectors; ++v) x[v] = hn::LoadU(d, row + v * kNarrow<T>);
    HWY_UNROLL(8) for (int r = 0; r < kRows; ++r) {
      const auto factor = hn::Set(d, factors[r * a_row]);
      HWY_UNROLL(4) for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::NegMulAdd(factor, x[v], sum[r][v]);
    }
  }
  HWY_UNROLL(8) for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(8) for (int s = 0; s < r; ++s) {
      const auto factor = hn::Set(d, factors[r * a_row + s * a_col]);
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::NegMulAdd(factor, sum[s][v], sum[r][v]);
    }
    HWY_UNROLL(4) for (int v = 0; v < kVectors; ++v) {
      if (scales != nullptr) sum[r][v] = hn::Mul(sum[r][v], hn::Set(d, scales[i + r]));
      hn::StoreU(sum[r][v], d, first + r * ld + v * kNarrow<T>);
    }
  }
}

template <int kVectors, class T>
HWY_NOINLINE void triangular_rows(const T* a, int64_t a_row, int64_t a_col, int64_t n, const T* scales, T* b,
                                  int64_t ld) {
  int64_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    constexpr int kRows = kVectors == 1 ? 8 : 2;  // eight sums at a time hide the latency of the additions
    for (; i + kRows <= n; i += kRows) solve_rows<kVectors, kRows>(a, a_row, a_col, i, scales, b, ld);
    for (; i < n; ++i) solve_rows<kVectors, 1>(a, a_row, a_col, i, scales, b, ld);
  } else {
    constexpr int kWidth = kVectors * kNarrow<T>;
    for (; i < n; ++i) {
      T* row = b + i * ld;
      T sum[kWidth];
      for (int j = 0; j < kWidth; ++j) sum[j] = row[j];
      for (int64_t k = 0; k < i; ++k)
        for (int j = 0; j < kWidth; ++j) sum[j] -= times(a[i * a_row + k * a_col], b[k * ld + j]);
      for (int j = 0; j < kWidth; ++j) row[j] = scales != nullptr ? times(sum[j], scales[i]) : sum[j];
    }
  }
}

// One right-hand side with stride `step`: columns of a when they are contiguous, else its rows.
template <class T>
void triangular_vector(const T* a, int64_t a_row, int64_t a_col, int64_t n, const T* scales, T* b,
                       int64_t step) {
  const bool unit_step = step == 1 || step == -1;
  if (unit_step && a_row == step) {
    for (int64_t i = 0; i < n; ++i) {
      T* x = b + i * step;
      if (scales != nullptr) *x = times(*x, scales[i]);
      const int64_t first = step > 0 ? i + 1 : n - 1, count = n - 1 - i;  // of those at the lowest address
      subtract_scaled(count, *x, a + first * a_row + i * a_col, b + first * step);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const T* row = a + i * a_row;
    T sum = b[i * step], more[3] = {};  // four chains of additions
    int64_t j = 0;
    for (; j + 4 <= i; j += 4) {
      const T* x = b + j * step;
      const T* f = row + j * a_col;
      sum -= times(f[0], x[0]);
      for (int c = 0; c < 3; ++c) more[c] += times(f[(c + 1) * a_col], x[(c + 1) * step]);
    }
    for (; j < i; ++j) sum -= times(row[j * a_col], b[j * step]);
    sum -= more[0] + more[1] + more[2];
    b[i * step] = scales != nullptr ? times(sum, scales[i]) : sum;
  }
}

template <class T>
void triangular(const T* a, int64_t a_row, int64_t a_col, bool upper, bool unit, int64_t n, T* b,
                int64_t b_row, int64_t b_col, int64_t count) {
  if (upper) {
    a += (n - 1) * (a_row + a_col), b += (n - 1) * b_row;
    a_row = -a_row, a_col = -a_col, b_row = -b_row;
  }
  T scale[kSmallOrder];
  const T* scales = nullptr;
  if (!unit) {
    for (int64_t i = 0; i < n; ++i) scale[i] = T(1) / a[i * a_row + i * a_col];
    scales = scale;
  }
  int64_t at = 0;
  if (b_col == 1) {
    for (; at + kWide<T> <= count; at += kWide<T>)
      triangular_rows<4>(a, a_row, a_col, n, scales, b + at, b_row);
    for (; at + kNarrow<T> <= count; at += kNarrow<T>)
      triangular_rows<1>(a, a_row, a_col, n, scales, b + at, b_row);
  }
  T rows[kSmallOrder * kWide<T>];
  while (count - at > 1) {  // through a copy, padded to whole vectors
    const int64_t taken = std::min<int64_t>(count - at, kWide<T>);
    const int64_t padded = taken > kNarrow<T> ? kWide<T> : kNarrow<T>;
    for (int64_t i = 0; i < n; ++i) {
      T* row = rows + i * padded;
      for (int64_t j = 0; j < taken; ++j) row[j] = b[i * b_row + (at + j) * b_col];
      for (int64_t j = taken; j < padded; ++j) row[j] = T(0);
    }
    if (padded == kWide<T>)
      triangular_rows<4>(a, a_row, a_col, n, scales, rows, padded);
    else
      triangular_rows<1>(a, a_row, a_col, n, scales, rows, padded);
    for (int64_t j = 0; j < taken; ++j)
      for (int64_t i = 0; i < n; ++i) b[i * b_row + (at + j) * b_col] = rows[i * padded + j];
    at += taken;
  }
  if (at < count) triangular_vector(a, a_row, a_col, n, scales, b + at * b_col, b_row);
}

void exchange(char* rows, int64_t step, int64_t bytes, const int* pivots, int64_t count, bool backwards) {
  const hn::ScalableTag<uint8_t> d;
  constexpr int64_t kLanes = kNarrow<uint8_t>;
  for (int64_t s = 0; s < count; ++s) {
    const int64_t k = backwards ? count - 1 - s : s;
    if (pivots[k] == k) continue;
    auto* x = reinterpret_cast<uint8_t*>(rows + k * step);
    auto* y = reinterpret_cast<uint8_t*>(rows + pivots[k] * step);
    int64_t j = 0;
    for (; j + kLanes <= bytes; j += kLanes) {
      const auto held = hn::LoadU(d, x + j);
      hn::StoreU(hn::LoadU(d, y + j), d, x + j);
      hn::StoreU(held, d, y + j);
    }
    std::swap_ranges(x + j, x + bytes, y + j);
  }
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

HWY_EXPORT(exchange);
void small_exchange(void* rows, int64_t step, int64_t bytes, const int* pivots, int64_t count,
                    bool backwards) {
  HWY_DYNAMIC_DISPATCH(exchange)(static_cast<char*>(rows), step, bytes, pivots, count, backwards);
}

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
