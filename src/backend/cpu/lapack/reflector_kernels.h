// Kernels of Householder reflections on columns: a panel of QR, and the reduction to tridiagonal form.
//
// A reflection is H = I - tau v v^T with v[0] = 1; tau is 0 where nothing is to reflect (LAPACK's larfg).
// Everything runs on the calling thread; sums go in an order that depends on the sizes alone.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

/// Numbers from one column to the next, and working room, are multiples of this in reduce_tridiagonal.
inline constexpr int64_t kReflectorPad = 16;

/// reflect_panel: QR of the m x n panel a (columns contiguous, ld apart): R on and above the diagonal, below
/// it the vectors, in tau min(m, n) scales.
/// reduce_tridiagonal: A = Q S Q^T for the symmetric A of order n in the lower triangle of a (columns ld
/// apart, ld a multiple of kReflectorPad, a aligned to 64 bytes, rows from n to ld zero; what lies above the
/// diagonal is neither used nor kept). S has the diagonal d and e beside it; Q = H1 H2 ... with the vector of
/// Hk in column k from row k + 1 on, where e took the place of the 1. work: 4 ld numbers, aligned to 64
/// bytes.
#define RT_REFLECTOR_KERNELS(T)                                       \
  void reflect_panel(T* a, int64_t m, int64_t n, int64_t ld, T* tau); \
  void reduce_tridiagonal(T* a, int64_t n, int64_t ld, T* d, T* e, T* tau, T* work);
RT_REFLECTOR_KERNELS(float)
RT_REFLECTOR_KERNELS(double)
#undef RT_REFLECTOR_KERNELS

}  // namespace rustorch::cpu
