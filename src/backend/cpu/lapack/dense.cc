#include "backend/cpu/lapack/dense.h"

#include <algorithm>
#include <utility>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/lapack/small_kernels.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

// Half of n, rounded so that blocks begin at multiples of 32.
int64_t half(int64_t n) { return n <= kSmallOrder ? n / 2 : (n / 2 + 31) / 32 * 32; }

constexpr int64_t kColumnUnit = 64;     // columns that small_triangular takes together: parts begin at such
constexpr double kColumnsWork = 1.5e6;  // n * n * columns from which threads take columns
constexpr int64_t kPanel = 16;          // columns that small_lu factors at a time

// Columns to divide into parts of `unit`: a single column left over is summed as a vector, in another order,
// so the last part takes it.
int64_t without_single(int64_t count, int64_t unit) {
  return count > 1 && count % unit == 1 ? count - 1 : count;
}

}  // namespace

template <class T>
void subtract_product(Block<T> c, Block<const T> a, Block<const T> b, int64_t m, int64_t n, int64_t k) {
  if (c.by_columns) {  // the transposed product has its rows contiguous
    std::swap(a, b);
    std::swap(m, n);
    a = a.transposed();
    b = b.transposed();
  }
  GemmArgs<T> g;
  g.trans_a = a.by_columns;
  g.trans_b = b.by_columns;
  g.m = m;
  g.n = n;
  g.k = k;
  g.alpha = T(-1);
  g.beta = T(1);
  g.a = a.data;
  g.lda = a.ld;
  g.b = b.data;
  g.ldb = b.ld;
  g.c = c.data;
  g.ldc = c.ld;
  gemm(g);
}

template <class T>
void triangular_left(Block<const T> a, bool upper, bool unit, int64_t n, Block<T> b, int64_t count) {
  if (n == 0 || count == 0) return;
  // Columns are independent, and the order of every sum depends on n alone: each thread takes some columns
  // through the whole recursion, instead of meeting the others after every step of it.
  const int64_t threads = in_parallel_region() ? 1 : get_num_threads();
  if (threads > 1 && count >= 2 * kColumnUnit && n > kSmallOrder &&
      static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(count) >= kColumnsWork) {
    const int64_t whole = without_single(count, kColumnUnit);
    const int64_t units = (whole + kColumnUnit - 1) / kColumnUnit, parts = std::min(units, 2 * threads);
    parallel_for(0, whole, (units + parts - 1) / parts * kColumnUnit, [&](int64_t begin, int64_t end) {
      triangular_left(a, upper, unit, n, b.from(0, begin), (end == whole ? count : end) - begin);
    });
    return;
  }
  if (n <= kSmallOrder) {
    const int64_t whole = without_single(count, 256);
    parallel_for(0, whole, 256, [&](int64_t begin, int64_t end) {
      small_triangular(a.data, a.row_stride(), a.col_stride(), upper, unit, n, b.at(0, begin), b.row_stride(),
                       b.col_stride(), (end == whole ? count : end) - begin);
    });
    return;
  }
  const int64_t top = half(n), rest = n - top;
  const Block<const T> corner = a.from(top, top);
  if (upper) {
    triangular_left<T>(corner, true, unit, rest, b.from(top, 0), count);
    subtract_product<T>(b, a.from(0, top), b.from(top, 0), top, count, rest);
    triangular_left<T>(a, true, unit, top, b, count);
  } else {
    triangular_left<T>(a, false, unit, top, b, count);
    subtract_product<T>(b.from(top, 0), a.from(top, 0), b, rest, count, top);
    triangular_left<T>(corner, false, unit, rest, b.from(top, 0), count);
  }
}

template <class T>
int64_t dense_cholesky(Block<T> a, int64_t n) {
  if (n <= kSmallOrder) return small_cholesky(a.data, n, a.ld);
  const int64_t top = half(n), rest = n - top;
  if (const int64_t info = dense_cholesky(a, top)) return info;
  Block<T> below = a.from(top, 0), corner = a.from(top, top);
  // below = below * factor^-H; products with the conjugate need a copy of it for complex types
  ScratchBuffer<T> copy(is_complex_type<T> ? static_cast<size_t>(std::max(top, rest) * top) : 0);
  auto conjugated = [&](Block<const T> from, int64_t rows) -> Block<const T> {
    if constexpr (is_complex_type<T>) {
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < top; ++j) copy[i * top + j] = std::conj(*from.at(i, j));
      return {copy.data(), top, false};
    } else {
      return from;
    }
  };
  triangular_right<T>(conjugated(a, top).transposed(), true, false, top, below, rest);
  const Block<const T> other = conjugated(below, rest);
  for (int64_t i = 0; i < rest; i += 128) {  // only the lower triangle of the corner is needed
    const int64_t rows = std::min<int64_t>(128, rest - i);
    subtract_product<T>(corner.from(i, 0), below.from(i, 0), other.transposed(), rows, i + rows, top);
  }
  const int64_t info = dense_cholesky(corner, rest);
  return info == 0 ? 0 : info + top;
}

template <class T>
void exchange_rows(Block<T> a, int64_t n, const int* pivots, int64_t count, bool backwards) {
  const int64_t row = a.row_stride(), col = a.col_stride();
  parallel_for(0, n, count >= 256 ? 16 : n, [&](int64_t begin, int64_t end) {
    if (col != 1)
      for (int64_t j = begin; j < end; ++j) {
        T* column = a.data + j * col;
        for (int64_t s = 0; s < count; ++s) {
          const int64_t k = backwards ? count - 1 - s : s;
          if (pivots[k] != k) std::swap(column[k * row], column[pivots[k] * row]);
        }
      }
    else
      for (int64_t s = 0; s < count; ++s) {
        const int64_t k = backwards ? count - 1 - s : s;
        if (pivots[k] == k) continue;
        for (int64_t j = begin; j < end; ++j) std::swap(a.data[k * row + j], a.data[pivots[k] * row + j]);
      }
  });
}

template <class T>
int64_t dense_lu(Block<T> a, int64_t m, int64_t n, int* pivots) {
  const int64_t steps = std::min(m, n);
  if (n <= kPanel || (m <= kSmallOrder && n <= kSmallOrder)) return small_lu(a.data, m, n, a.ld, pivots);
  const int64_t left = steps <= kPanel ? steps : (steps / 2 + kPanel - 1) / kPanel * kPanel, right = n - left;
  int64_t info = dense_lu(a, m, left, pivots);
  const Block<T> beside = a.from(0, left), corner = a.from(left, left);
  exchange_rows(beside, right, pivots, left);
  triangular_left<T>(a, false, true, left, beside, right);
  if (m == left) return info;
  subtract_product<T>(corner, a.from(left, 0), beside, m - left, right, left);
  const int64_t later = dense_lu(corner, m - left, right, pivots + left);
  exchange_rows(a.from(left, 0), left, pivots + left, steps - left);
  for (int64_t k = left; k < steps; ++k) pivots[k] += static_cast<int>(left);
  if (info == 0 && later != 0) info = later + left;
  return info;
}

template <class T>
void invert_upper(Block<T> a, int64_t n) {
  if (n == 0) return;
  if (n <= kSmallOrder) {
    ScratchBuffer<T> rows(static_cast<size_t>(n * n));
    std::fill(rows.begin(), rows.end(), T(0));
    for (int64_t i = 0; i < n; ++i) rows[i * n + i] = T(1);
    small_triangular(a.data, a.row_stride(), a.col_stride(), true, false, n, rows.data(), n, 1, n);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = i; j < n; ++j) *a.at(i, j) = rows[i * n + j];
    return;
  }
  const int64_t top = half(n), rest = n - top;
  const Block<T> beside = a.from(0, top), corner = a.from(top, top);
  // [U V; 0 W]^-1 = [U^-1, -U^-1 V W^-1; 0, W^-1]
  triangular_left<T>(a, true, false, top, beside, rest);
  triangular_right<T>(corner, true, false, rest, beside, top);
  for (int64_t j = 0; j < rest; ++j)
    for (int64_t i = 0; i < top; ++i) *beside.at(i, j) = -*beside.at(i, j);
  invert_upper(a, top);
  invert_upper(corner, rest);
}

#define RT_DENSE(T)                                                                                       \
  template void subtract_product<T>(Block<T>, Block<const T>, Block<const T>, int64_t, int64_t, int64_t); \
  template void triangular_left<T>(Block<const T>, bool, bool, int64_t, Block<T>, int64_t);               \
  template int64_t dense_cholesky<T>(Block<T>, int64_t);                                                  \
  template int64_t dense_lu<T>(Block<T>, int64_t, int64_t, int*);                                         \
  template void invert_upper<T>(Block<T>, int64_t);                                                       \
  template void exchange_rows<T>(Block<T>, int64_t, const int*, int64_t, bool);
RT_DENSE(float)
RT_DENSE(double)
RT_DENSE(std::complex<float>)
RT_DENSE(std::complex<double>)
#undef RT_DENSE

}  // namespace rustorch::cpu
