// Triangular solves, Cholesky and LU of matrices of any size, by recursion on our own matrix product.
//
// Halves are solved, the rest is a product (gemm), so nearly all work is done by the packed kernels, on all
// threads when not inside a batch, and with the same bits for any number of threads. No LAPACK is needed
// here.
#pragma once
#include "backend/cpu/lapack/linalg.h"

namespace rustorch::cpu {

/// Part of a matrix: element (i, j) is data[i + j * ld] by columns, data[i * ld + j] by rows.
template <class T>
struct Block {
  T* data;
  int64_t ld;
  bool by_columns;
  T* at(int64_t i, int64_t j) const { return by_columns ? data + i + j * ld : data + i * ld + j; }
  Block from(int64_t i, int64_t j) const { return {at(i, j), ld, by_columns}; }
  Block transposed() const { return {data, ld, !by_columns}; }
  int64_t row_stride() const { return by_columns ? 1 : ld; }
  int64_t col_stride() const { return by_columns ? ld : 1; }
  operator Block<const T>() const { return {data, ld, by_columns}; }
};

template <class T>
Block<T> block(const Matrices<T>& m, int64_t i) {
  return {m.at(i), m.ld, m.by_columns};
}

/// Order from which LU goes panel by panel.
inline constexpr int64_t kAhead = 192;

/// to[j * to_ld + i] = from[i * from_ld + j] for i < rows, j < cols.
template <class T>
void transpose_copy(const T* from, int64_t from_ld, int64_t rows, int64_t cols, T* to, int64_t to_ld);

/// c (m x n) -= a (m x k) b (k x n)
template <class T>
void subtract_product(Block<T> c, Block<const T> a, Block<const T> b, int64_t m, int64_t n, int64_t k);

/// Solves a x = b in place for the n x n triangle of a and n x count right-hand sides.
template <class T>
void triangular_left(Block<const T> a, bool upper, bool unit, int64_t n, Block<T> b, int64_t count);
/// Solves x a = b in place for count x n right-hand sides.
template <class T>
void triangular_right(Block<const T> a, bool upper, bool unit, int64_t n, Block<T> b, int64_t count) {
  triangular_left<T>(a.transposed(), !upper, unit, n, b.transposed(), count);
}

/// Lower Cholesky factor in the lower triangle of a (by rows); the order of the first minor that is not
/// positive, or 0.
template <class T>
int64_t dense_cholesky(Block<T> a, int64_t n);
/// LU of a (m x n), exchanges 0-based in pivots; the place of the first zero pivot, or 0. By rows is the
/// faster way from kAhead on (exchanges of rows are most of the difference), by columns below it.
template <class T>
int64_t dense_lu(Block<T> a, int64_t m, int64_t n, int* pivots);
/// out (by rows) = (L U)^-1 from the n x n factors that dense_lu leaves; columns are not exchanged back.
template <class T>
void invert_lu(Block<const T> factors, int64_t n, Block<T> out);
/// Exchanges row k with row pivots[k] for k = 0 ... count - 1 (backwards: count - 1 ... 0) of n columns.
template <class T>
void exchange_rows(Block<T> a, int64_t n, const int* pivots, int64_t count, bool backwards = false);

}  // namespace rustorch::cpu
