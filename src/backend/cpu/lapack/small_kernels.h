// Unblocked kernels for matrices of some dozen rows, and for the diagonal blocks of larger ones.
#pragma once
#include <complex>
#include <cstdint>

namespace rustorch::cpu {

/// What dense.cc leaves to these kernels: triangles up to this order ...
inline constexpr int64_t kSmallOrder = 32;
/// ... and inverses up to this one.
inline constexpr int64_t kSmallInverse = 64;

/// Declarations of the kernels for one element type T.
/// small_cholesky: lower factor of the n x n matrix a (rows contiguous, ld apart), in place; the order of the
/// first minor that is not positive, or 0.
/// small_lu: LU of the m x n matrix a (columns contiguous) with exchanges of rows, 0-based in pivots; the
/// place (1-based) of the first zero pivot, or 0. small_inverse: inverse of a (rows contiguous) in place;
/// pivots is scratch of n; result as small_lu. small_triangular: solves in place for n x count right-hand
/// sides; a(i, j) is a[i * row + j * col], the same for b.
#define RT_SMALL_KERNELS(T)                                                                               \
  int64_t small_cholesky(T* a, int64_t n, int64_t ld);                                                    \
  int64_t small_lu(T* a, int64_t m, int64_t n, int64_t ld, int* pivots);                                  \
  int64_t small_inverse(T* a, int64_t n, int64_t ld, int* pivots);                                        \
  void small_triangular(const T* a, int64_t a_row, int64_t a_col, bool upper, bool unit, int64_t n, T* b, \
                        int64_t b_row, int64_t b_col, int64_t count);

/// Exchanges row k with row pivots[k] for k = 0 ... count - 1 (backwards: count - 1 ... 0); rows of `bytes`
/// bytes, `step` bytes apart.
void small_exchange(void* rows, int64_t step, int64_t bytes, const int* pivots, int64_t count,
                    bool backwards);

RT_SMALL_KERNELS(float)
RT_SMALL_KERNELS(double)
RT_SMALL_KERNELS(std::complex<float>)
RT_SMALL_KERNELS(std::complex<double>)
#undef RT_SMALL_KERNELS

}  // namespace rustorch::cpu
