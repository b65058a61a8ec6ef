// Householder reflections in blocks: QR, products with Q, eigenvectors of symmetric matrices; real types.
//
// A block of reflections is I - V T V^T (compact WY form; Schreiber and Van Loan 1989), so applying it is two
// products. Columns are changed in stripes, which threads share; the cuts depend on the shape alone, and so
// do the bits. Matrices have their columns contiguous, as LAPACK's. Packed vectors are those of LAPACK's
// geqrf: vector k has its 1 at row k (not stored) and the rest below it in column k.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

/// Reflections of fewer columns are better left to LAPACK.
inline constexpr int64_t kReflectorsLeast = 48;

/// QR of the m x n matrix a, as geqrf: R on and above the diagonal, packed vectors below, scales in tau.
template <class T>
void dense_qr(T* a, int64_t m, int64_t n, int64_t ld, T* tau);

/// The first n columns (k <= n <= m) of the product of k reflections packed in a, in their place.
template <class T>
void reflection_product(T* a, int64_t m, int64_t n, int64_t k, int64_t ld, const T* tau);

/// Eigenvalues (ascending, in w) and eigenvectors (in place of a, by columns) of the symmetric matrix of
/// which a holds one triangle. Returns LAPACK's info, or -1 with a unchanged where LAPACK should take the
/// whole: elements that are not finite or whose squares are not, or a matrix beyond the caches.
template <class T>
int symmetric_eigenvectors(T* a, int64_t n, int64_t ld, bool upper, T* w);

}  // namespace rustorch::cpu
