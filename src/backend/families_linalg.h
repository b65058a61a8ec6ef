// The call of the linear algebra family. See families.h for the conventions.
//
// Matrices are tensors [batch, rows, columns], vectors [batch, length]; nothing is empty. "Columns" below
// means that the columns of a matrix are contiguous (stride(1) is 1), "rows" that the rows are. Element types
// are float32, float64, complex64 and complex128.
#pragma once
#include <cstdint>

#include "rustorch/tensor.h"

namespace rustorch {

enum class LinalgKind : uint8_t {
  /// a (rows, square): its triangle `upper` -> the factor; the other triangle becomes zero. info.
  Cholesky,
  /// a (rows or columns) -> L and U; pivots (int32) -> row exchanges. info.
  Lu,
  /// pivots (int32) -> b (int64 [batch, n]): the permutation that they make.
  Permutation,
  /// b (rows or columns) -> solutions with the factors a (the same) and pivots; with A^H when adjoint.
  LuSolve,
  /// b (rows or columns) -> solutions with the triangular a (rows or columns); flags upper, left, unit.
  SolveTriangular,
  /// a (rows, square) -> its inverse. info.
  Inverse,
  /// a (columns) -> R and reflectors; b [batch, min(m, n)] -> tau.
  Qr,
  /// a (columns, with b's number of reflectors in its first columns) -> orthonormal columns.
  QrVectors,
  /// a (rows) is destroyed; s -> singular values; u, v (rows) -> U and Vh when vectors. info.
  Svd,
  /// a (columns) -> eigenvectors when vectors, else destroyed; s -> eigenvalues; triangle `upper`. info.
  Eigh,
  /// a (columns) is destroyed; u -> complex eigenvalues; v (columns, complex) -> eigenvectors if vectors.
  /// info.
  Eig,
  /// a (columns) is destroyed; b (columns, max(m, n) rows) -> solutions and residuals; rank (int64), s ->
  /// singular values (drivers gelsd, gelss); driver: last letter of its name ('s' of gels, else y, d, S).
  /// info.
  LeastSquares,
  /// a (columns) -> factors of its lower triangle; pivots (int32); hermitian. info.
  Ldl,
  /// b (columns) -> solutions with the factors a (columns) and pivots; hermitian.
  LdlSolve,
  /// b [batch, n, m] = p-norm distances (param) of the rows of a [batch, n, k] and u [batch, m, k].
  Distances,
};

struct LinalgCall {
  LinalgKind kind;
  Tensor a = {}, b = {}, s = {}, u = {}, v = {}, pivots = {}, rank = {};
  Tensor info = {};  // int32 [batch]: 0, or what LAPACK's info says
  bool upper = false, left = true, unit = false, adjoint = false, hermitian = false, vectors = true;
  char driver = 0;
  double param = 0;  // LeastSquares: rcond; Distances: p
};

}  // namespace rustorch
