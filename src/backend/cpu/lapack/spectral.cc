// Singular values and eigenvalues by LAPACK.
#include <cmath>

#include "backend/cpu/lapack/lapack.h"
#include "backend/cpu/lapack/reflectors.h"

namespace rustorch::cpu {

// The matrix lies by rows, so LAPACK sees its transpose: its left vectors are our right ones and the other
// way round, and both come out by rows.
template <class T>
void svd(const LinalgCall& call) {
  using R = real_of<T>;
  const Matrices<T> a = writable<T>(call.a, false);
  const int m = static_cast<int>(a.cols), n = static_cast<int>(a.rows), k = std::min(m, n);
  const int lda = static_cast<int>(a.ld);
  R* s = call.s.impl()->mutable_data<R>();
  int* info = call.info.impl()->mutable_data<int>();
  Matrices<T> left{}, right{};
  char job = 'N';
  if (call.vectors) {
    left = writable<T>(call.v, false);  // [*, m, columns] of the transpose
    right = writable<T>(call.u, false);
    job = left.rows == m && right.cols == n ? 'A' : 'S';
  }
  const int ldu = call.vectors ? static_cast<int>(left.ld) : 1,
            ldv = call.vectors ? static_cast<int>(right.ld) : 1;
  T size(0);
  R rsize(0);
  int isize = 0;
  lapack::gesdd(job, m, n, a.data, lda, s, left.data, ldu, right.data, ldv, &size, -1, &rsize, &isize);
  const int lwork = lapack::queried(size);
  const int64_t most = std::max(m, n);
  const size_t lrwork = !is_complex_type<T> ? 0
                        : call.vectors
                            ? static_cast<size_t>(k * std::max<int64_t>(5 * k + 7, 2 * most + 2 * k + 1))
                            : static_cast<size_t>(7 * k);
  for_batch(a.batch, 10.0 * m * n * k, [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> work(static_cast<size_t>(lwork));
    ScratchBuffer<R> rwork(lrwork);
    ScratchBuffer<int> iwork(static_cast<size_t>(8 * k));
    for (int64_t i = begin; i < end; ++i)
      info[i] = lapack::gesdd(job, m, n, a.at(i), lda, s + i * k, call.vectors ? left.at(i) : nullptr, ldu,
                              call.vectors ? right.at(i) : nullptr, ldv, work.data(), lwork, rwork.data(),
                              iwork.data());
  });
}

template <class T>
void eigh(const LinalgCall& call) {
  using R = real_of<T>;
  const Matrices<T> a = writable<T>(call.a);
  const int n = static_cast<int>(a.rows), ld = static_cast<int>(a.ld);
  const char job = call.vectors ? 'V' : 'N', uplo = call.upper ? 'U' : 'L';
  R* w = call.s.impl()->mutable_data<R>();
  int* info = call.info.impl()->mutable_data<int>();
  bool ours = false;
  if constexpr (!is_complex_type<T>) {
    ours = call.vectors && n >= kReflectorsLeast;
    if (ours && a.batch == 1) {
      info[0] = symmetric_eigenvectors<T>(a.data, n, ld, call.upper, w);
      if (info[0] >= 0) return;
    }
  }
  T size(0);
  R rsize(0);
  int isize = 0;
  lapack::syevd(job, uplo, n, a.data, ld, w, &size, -1, &rsize, -1, &isize, -1);
  const int lwork = lapack::queried(size), lrwork = lapack::queried(rsize), liwork = std::max(isize, 1);
  for_batch(a.batch, 9.0 * n * n * n, [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> work(static_cast<size_t>(lwork));
    ScratchBuffer<R> rwork(static_cast<size_t>(lrwork));
    ScratchBuffer<int> iwork(static_cast<size_t>(liwork));
    for (int64_t i = begin; i < end; ++i) {
      if constexpr (!is_complex_type<T>) {
        if (ours && (info[i] = symmetric_eigenvectors<T>(a.at(i), n, ld, call.upper, w + i * n)) >= 0)
          continue;
      }
      info[i] = lapack::syevd(job, uplo, n, a.at(i), ld, w + i * n, work.data(), lwork, rwork.data(), lrwork,
                              iwork.data(), liwork);
    }
  });
}

namespace {

// Real matrices have real eigenvectors or pairs (re, im) in neighbouring columns.
template <class R>
void unpack_pairs(int64_t n, const R* imag, const R* from, std::complex<R>* to, int64_t ld) {
  for (int64_t j = 0; j < n; ++j) {
    const R* re = from + j * n;
    if (imag[j] == 0 || j + 1 == n) {
      for (int64_t i = 0; i < n; ++i) to[j * ld + i] = re[i];
      continue;
    }
    const R* im = re + n;
    for (int64_t i = 0; i < n; ++i) {
      to[j * ld + i] = {re[i], im[i]};
      to[(j + 1) * ld + i] = {re[i], -im[i]};
    }
    ++j;
  }
}

}  // namespace

template <class T>
void eig(const LinalgCall& call) {
  using R = real_of<T>;
  using C = std::complex<R>;
  const Matrices<T> a = writable<T>(call.a);
  const int n = static_cast<int>(a.rows), ld = static_cast<int>(a.ld);
  const char job = call.vectors ? 'V' : 'N';
  C* w = call.u.impl()->mutable_data<C>();
  int* info = call.info.impl()->mutable_data<int>();
  Matrices<C> v{};
  if (call.vectors) v = writable<C>(call.v);
  T size(0);
  R rsize(0);
  lapack::geev(job, n, a.data, ld, static_cast<T*>(nullptr), static_cast<T*>(nullptr), n, &size, -1, &rsize);
  const int lwork = lapack::queried(size);
  for_batch(a.batch, 25.0 * n * n * n, [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> work(static_cast<size_t>(lwork));
    ScratchBuffer<R> rwork(static_cast<size_t>(2 * n));
    if constexpr (is_complex_type<T>) {
      for (int64_t i = begin; i < end; ++i)
        info[i] = lapack::geev(job, n, a.at(i), ld, w + i * n, call.vectors ? v.at(i) : nullptr,
                               call.vectors ? static_cast<int>(v.ld) : 1, work.data(), lwork, rwork.data());
    } else {
      ScratchBuffer<R> vectors(call.vectors ? static_cast<size_t>(n) * n : 0);
      for (int64_t i = begin; i < end; ++i) {
        R* parts = rwork.data();
        info[i] = lapack::geev(job, n, a.at(i), ld, parts, vectors.data(), n, work.data(), lwork, parts);
        for (int64_t j = 0; j < n; ++j) w[i * n + j] = C(parts[j], parts[n + j]);
        if (call.vectors) unpack_pairs(n, parts + n, vectors.data(), v.at(i), v.ld);
      }
    }
  });
}

RT_LINALG_INSTANTIATE(svd)
RT_LINALG_INSTANTIATE(eigh)
RT_LINALG_INSTANTIATE(eig)

}  // namespace rustorch::cpu
