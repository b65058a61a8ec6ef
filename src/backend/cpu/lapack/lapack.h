// LAPACK for C++: one function per routine, overloaded by element type; the library is opened at the first
// call.
//
// Matrices are column-major with 32-bit sizes; every call is made on one thread and may come from several at
// once. Functions return LAPACK's info. Workspaces come from the CPU allocator. Throws BackendUnavailable
// when no library is found.
#pragma once
#include <algorithm>
#include <complex>
#include <cstdint>

#include "backend/cpu/lapack/linalg.h"
#include "memory/scratch.h"

namespace rustorch::cpu::lapack {

/// Routines by the name of their real form; the complex form of some is called otherwise.
#define RT_LAPACK_ROUTINES(X) \
  X(potrf, "potrf", "potrf")  \
  X(getrf, "getrf", "getrf")  \
  X(getrs, "getrs", "getrs")  \
  X(getri, "getri", "getri")  \
  X(trsm, "trsm", "trsm")     \
  X(geqrf, "geqrf", "geqrf")  \
  X(orgqr, "orgqr", "ungqr")  \
  X(gesdd, "gesdd", "gesdd")  \
  X(syevd, "syevd", "heevd")  \
  X(stedc, "stedc", "stedc")  \
  X(geev, "geev", "geev")     \
  X(gels, "gels", "gels")     \
  X(gelsy, "gelsy", "gelsy")  \
  X(gelsd, "gelsd", "gelsd")  \
  X(gelss, "gelss", "gelss")  \
  X(sytrf, "sytrf", "sytrf")  \
  X(sytrs, "sytrs", "sytrs")  \
  X(hetrf, "", "hetrf")       \
  X(hetrs, "", "hetrs")

#define RT_LAPACK_NAME(name, real, complex) name,
enum class Routine : int { RT_LAPACK_ROUTINES(RT_LAPACK_NAME) count };
#undef RT_LAPACK_NAME

/// Entry point of a routine for element type `type` (0 s, 1 d, 2 c, 3 z).
void* entry(Routine routine, int type);
/// Path or name of the library in use, and why there is none (empty when there is one).
const char* library_name();
const char* library_problem();

template <class T>
constexpr int type_index() {
  return (is_complex_type<T> ? 2 : 0) + (sizeof(real_of<T>) == 8 ? 1 : 0);
}

// Arguments are pointers; the lengths of character arguments follow at the end, as Fortran compilers pass
// them.
template <class T, class... Args>
void invoke(Routine routine, Args... args) {
  reinterpret_cast<void (*)(Args...)>(entry(routine, type_index<T>()))(args...);
}

template <class T>
int potrf(char uplo, int n, T* a, int lda) {
  int info = 0;
  invoke<T>(Routine::potrf, &uplo, &n, a, &lda, &info, size_t{1});
  return info;
}

template <class T>
int getrf(int m, int n, T* a, int lda, int* pivots) {
  int info = 0;
  invoke<T>(Routine::getrf, &m, &n, a, &lda, pivots, &info);
  return info;
}

template <class T>
int getrs(char trans, int n, int nrhs, const T* a, int lda, const int* pivots, T* b, int ldb) {
  int info = 0;
  invoke<T>(Routine::getrs, &trans, &n, &nrhs, a, &lda, pivots, b, &ldb, &info, size_t{1});
  return info;
}

template <class T>
void trsm(char side, char uplo, char trans, char diag, int m, int n, const T* a, int lda, T* b, int ldb) {
  const T one(1);
  invoke<T>(Routine::trsm, &side, &uplo, &trans, &diag, &m, &n, &one, a, &lda, b, &ldb, size_t{1}, size_t{1},
            size_t{1}, size_t{1});
}

/// The size that a workspace query left in its first element.
template <class T>
int queried(T value) {
  return std::max(1, static_cast<int>(std::real(value)));
}

template <class T>
int getri(int n, T* a, int lda, const int* pivots, T* work, int lwork) {
  int info = 0;
  invoke<T>(Routine::getri, &n, a, &lda, pivots, work, &lwork, &info);
  return info;
}

template <class T>
int geqrf(int m, int n, T* a, int lda, T* tau, T* work, int lwork) {
  int info = 0;
  invoke<T>(Routine::geqrf, &m, &n, a, &lda, tau, work, &lwork, &info);
  return info;
}

template <class T>
int orgqr(int m, int n, int k, T* a, int lda, const T* tau, T* work, int lwork) {
  int info = 0;
  invoke<T>(Routine::orgqr, &m, &n, &k, a, &lda, tau, work, &lwork, &info);
  return info;
}

/// jobz: 'A' all vectors, 'S' the first min(m, n), 'N' none. iwork has 8 min(m, n) elements.
template <class T>
int gesdd(char jobz, int m, int n, T* a, int lda, real_of<T>* s, T* u, int ldu, T* vt, int ldvt, T* work,
          int lwork, [[maybe_unused]] real_of<T>* rwork, int* iwork) {
  int info = 0;
  if constexpr (is_complex_type<T>)
    invoke<T>(Routine::gesdd, &jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, rwork, iwork,
              &info, size_t{1});
  else
    invoke<T>(Routine::gesdd, &jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work, &lwork, iwork, &info,
              size_t{1});
  return info;
}

/// syevd or heevd; the three lengths -1 ask for sizes.
template <class T>
int syevd(char jobz, char uplo, int n, T* a, int lda, real_of<T>* w, T* work, int lwork,
          [[maybe_unused]] real_of<T>* rwork, [[maybe_unused]] int lrwork, int* iwork, int liwork) {
  int info = 0;
  if constexpr (is_complex_type<T>)
    invoke<T>(Routine::syevd, &jobz, &uplo, &n, a, &lda, w, work, &lwork, rwork, &lrwork, iwork, &liwork,
              &info, size_t{1}, size_t{1});
  else
    invoke<T>(Routine::syevd, &jobz, &uplo, &n, a, &lda, w, work, &lwork, iwork, &liwork, &info, size_t{1},
              size_t{1});
  return info;
}

/// Eigenvalues (ascending, in d) and eigenvectors of a real tridiagonal matrix; e is destroyed. The lengths
/// -1 ask for sizes.
template <class T>
int stedc(int n, T* d, T* e, T* z, int ldz, T* work, int lwork, int* iwork, int liwork) {
  static_assert(!is_complex_type<T>);
  int info = 0;
  const char own = 'I';
  invoke<T>(Routine::stedc, &own, &n, d, e, z, &ldz, work, &lwork, iwork, &liwork, &info, size_t{1});
  return info;
}

/// Right eigenvectors only. w: complex types n values; real ones n real parts, then n imaginary parts.
template <class T>
int geev(char jobvr, int n, T* a, int lda, T* w, T* vr, int ldvr, T* work, int lwork,
         [[maybe_unused]] real_of<T>* rwork) {
  int info = 0;
  const char none = 'N';
  const int one = 1;
  T unused(0);
  if constexpr (is_complex_type<T>)
    invoke<T>(Routine::geev, &none, &jobvr, &n, a, &lda, w, &unused, &one, vr, &ldvr, work, &lwork, rwork,
              &info, size_t{1}, size_t{1});
  else
    invoke<T>(Routine::geev, &none, &jobvr, &n, a, &lda, w, w + n, &unused, &one, vr, &ldvr, work, &lwork,
              &info, size_t{1}, size_t{1});
  return info;
}

template <class T>
int gels(int m, int n, int nrhs, T* a, int lda, T* b, int ldb, T* work, int lwork) {
  int info = 0;
  const char trans = 'N';
  invoke<T>(Routine::gels, &trans, &m, &n, &nrhs, a, &lda, b, &ldb, work, &lwork, &info, size_t{1});
  return info;
}

/// pivots: n zeros on entry. rwork: 2n for complex types.
template <class T>
int gelsy(int m, int n, int nrhs, T* a, int lda, T* b, int ldb, int* pivots, real_of<T> rcond, int* rank,
          T* work, int lwork, [[maybe_unused]] real_of<T>* rwork) {
  int info = 0;
  if constexpr (is_complex_type<T>)
    invoke<T>(Routine::gelsy, &m, &n, &nrhs, a, &lda, b, &ldb, pivots, &rcond, rank, work, &lwork, rwork,
              &info);
  else
    invoke<T>(Routine::gelsy, &m, &n, &nrhs, a, &lda, b, &ldb, pivots, &rcond, rank, work, &lwork, &info);
  return info;
}

template <class T>
int gelsd(int m, int n, int nrhs, T* a, int lda, T* b, int ldb, real_of<T>* s, real_of<T> rcond, int* rank,
          T* work, int lwork, [[maybe_unused]] real_of<T>* rwork, int* iwork) {
  int info = 0;
  if constexpr (is_complex_type<T>)
    invoke<T>(Routine::gelsd, &m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, rwork, iwork,
              &info);
  else
    invoke<T>(Routine::gelsd, &m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, iwork, &info);
  return info;
}

/// rwork: 5 min(m, n) for complex types.
template <class T>
int gelss(int m, int n, int nrhs, T* a, int lda, T* b, int ldb, real_of<T>* s, real_of<T> rcond, int* rank,
          T* work, int lwork, [[maybe_unused]] real_of<T>* rwork) {
  int info = 0;
  if constexpr (is_complex_type<T>)
    invoke<T>(Routine::gelss, &m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, rwork, &info);
  else
    invoke<T>(Routine::gelss, &m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work, &lwork, &info);
  return info;
}

template <class T>
int sytrf(bool hermitian, char uplo, int n, T* a, int lda, int* pivots, T* work, int lwork) {
  int info = 0;
  invoke<T>(is_complex_type<T> && hermitian ? Routine::hetrf : Routine::sytrf, &uplo, &n, a, &lda, pivots,
            work, &lwork, &info, size_t{1});
  return info;
}

template <class T>
int sytrs(bool hermitian, char uplo, int n, int nrhs, const T* a, int lda, const int* pivots, T* b, int ldb) {
  int info = 0;
  invoke<T>(is_complex_type<T> && hermitian ? Routine::hetrs : Routine::sytrs, &uplo, &n, &nrhs, a, &lda,
            pivots, b, &ldb, &info, size_t{1});
  return info;
}

}  // namespace rustorch::cpu::lapack
