// The seam between the scheduling code (compiled once) and the SIMD kernels (compiled once per instruction
// set).
//
// Packed layouts. A: panels of `mr` rows, each k column stored as `a_stride` consecutive elements (what lies
// beyond the panel's rows is unspecified). B: panels of `nr` columns, each k row stored as `nr` consecutive
// elements, zero beyond the last column. A panel of K columns takes K * a_stride (or K * nr) elements. Every
// kernel sums over k in ascending order with one accumulator per element.
#pragma once
#include <cstdint>

#include "backend/cpu/gemm/gemm.h"

namespace rustorch::cpu::detail {

/// A block of C: rows m, columns n, depth k. Operands are given as panels, packed or in place.
template <class T>
struct BlockArgs {
  int64_t m, n, k;
  T alpha, beta;
  const T* a;
  int64_t a_rs, a_cs;  ///< element (i, k) of a panel is a[i * a_rs + k * a_cs]
  int64_t a_panel;     ///< elements from one panel of mr rows to the next
  bool a_packed;       ///< a_rs == 1 and a_cs == a_stride
  const T* b;
  int64_t b_ks;          ///< elements from one k row of a panel to the next
  int64_t b_panel;       ///< elements from one panel of nr columns to the next
  T* b_copy;             ///< B is in place and each panel is packed here by its first tile; or null
  int64_t b_copy_panel;  ///< elements from one packed panel to the next; 0: there is room for one
  const T* b_after;      ///< panel that is read after this block, to be fetched; null: the first one
  T* c;
  int64_t ldc;
  const T* bias;   ///< for the first column of the block (row, if bias_rows), or null
  bool bias_rows;  ///< one value per row instead of per column
  Activation act;
  bool last;              ///< true when this is the last block along k, so that bias and act apply
  const void* next[2];    ///< what the next product reads: fetched meanwhile
  int64_t next_bytes[2];  ///< 0: nothing
};

/// Kernels of one instruction set for one element type.
template <class T>
struct KernelTable {
  int mr, nr;     ///< rows and columns of the full tile
  int a_stride;   ///< elements per k column of a packed A panel, >= mr
  bool direct_b;  ///< block() may read B in place: partial panels are loaded under a mask
  /// Packs m x k elements, (i, k) at a[i * rs + k * cs] with rs == 1 or cs == 1, into panels `panel` elements
  /// apart.
  void (*pack_a)(T* dst, int64_t panel, const T* a, int64_t rs, int64_t cs, int64_t m, int64_t k);
  /// Packs k x n elements, (k, j) at b[k * ks + j * ns] with ks == 1 or ns == 1, into panels `panel` elements
  /// apart.
  void (*pack_b)(T* dst, int64_t panel, const T* b, int64_t ks, int64_t ns, int64_t k, int64_t n);
  /// C block = alpha * A B + beta * C, then bias and activation when `last`.
  void (*block)(const BlockArgs<T>& args);
  /// C = act(C + bias) on m x n elements; bias by row or by column, or null.
  void (*epilogue)(T* c, int64_t ldc, int64_t m, int64_t n, const T* bias, bool per_row, Activation act);
  /// y[j] = sum_k x[k * incx] * a[k * lda + j] for j < n, k ascending, added as alpha * sum + beta * y.
  void (*gemv_columns)(const T* a, int64_t lda, int64_t k, int64_t n, const T* x, int64_t incx, T alpha,
                       T beta, T* y, int64_t incy);
  /// y[i * incy] = alpha * dot(a + i * lda, x) + beta * y, for i < m, over k contiguous elements.
  void (*gemv_rows)(const T* a, int64_t lda, int64_t m, int64_t k, const T* x, T alpha, T beta, T* y,
                    int64_t incy);
  /// dst[c * ds + r] = src[r * ld + c] for r < rows, c < cols.
  void (*transpose)(T* dst, int64_t ds, const T* src, int64_t ld, int64_t rows, int64_t cols);
};

const KernelTable<float>& kernels_f32();
const KernelTable<double>& kernels_f64();

template <class T>
const KernelTable<T>& kernels();
template <>
inline const KernelTable<float>& kernels<float>() {
  return kernels_f32();
}
template <>
inline const KernelTable<double>& kernels<double>() {
  return kernels_f64();
}

}  // namespace rustorch::cpu::detail
