// Factorisations: Cholesky and LU by our own recursion, QR and LDL by LAPACK.
#include <vector>

#include "backend/cpu/lapack/dense.h"
#include "backend/cpu/lapack/lapack.h"
#include "backend/cpu/lapack/reflectors.h"
#include "backend/cpu/lapack/small_kernels.h"

namespace rustorch::cpu {

template <class T>
void cholesky(const LinalgCall& call) {
  const Matrices<T> a = writable<T>(call.a, false);
  const int64_t n = a.rows;
  int* info = call.info.impl()->mutable_data<int>();
  const double flops = static_cast<double>(n) * n * n / 3;
  auto one = [&](int64_t i) {
    T* p = a.at(i);
    if (call.upper)  // A = U^H U: the lower factor of the same matrix is U^H
      for (int64_t r = 0; r < n; ++r)
        for (int64_t c = r + 1; c < n; ++c) {
          T& low = p[c * a.ld + r];
          low = p[r * a.ld + c];
          if constexpr (is_complex_type<T>) low = std::conj(low);
        }
    info[i] = static_cast<int>(dense_cholesky<T>({p, a.ld, false}, n));
    for (int64_t r = 0; r < n; ++r)
      for (int64_t c = r + 1; c < n; ++c) {
        T &low = p[c * a.ld + r], &high = p[r * a.ld + c];
        if (call.upper) {
          high = low;
          if constexpr (is_complex_type<T>) high = std::conj(low);
          low = T(0);
        } else {
          high = T(0);
        }
      }
  };
  if (n >= 256) {  // the products inside use the threads
    for (int64_t i = 0; i < a.batch; ++i) one(i);
    return;
  }
  for_batch(a.batch, flops, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) one(i);
  });
}

template <class T>
void lu(const LinalgCall& call) {
  const Matrices<T> a = writable<T>(call.a);
  const int64_t k = std::min(a.rows, a.cols);
  int* pivots = call.pivots.impl()->mutable_data<int>();
  int* info = call.info.impl()->mutable_data<int>();
  auto one = [&](int64_t i) {
    int* p = pivots + i * k;
    info[i] = static_cast<int>(dense_lu<T>(block(a, i), a.rows, a.cols, p));
    for (int64_t j = 0; j < k; ++j) ++p[j];
  };
  if (k >= 256) {
    for (int64_t i = 0; i < a.batch; ++i) one(i);
    return;
  }
  for_batch(a.batch, static_cast<double>(a.rows) * a.cols * k * 2 / 3, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) one(i);
  });
}

void permutation(const LinalgCall& call) {
  const int64_t batch = call.pivots.size(0), k = call.pivots.size(1), n = call.b.size(1);
  const int* pivots = call.pivots.impl()->data<int>();
  int64_t* out = call.b.impl()->mutable_data<int64_t>();
  for (int64_t i = 0; i < batch; ++i) {
    int64_t* p = out + i * n;
    for (int64_t j = 0; j < n; ++j) p[j] = j;
    for (int64_t j = 0; j < k; ++j) {
      const int64_t other = pivots[i * k + j] - 1;
      RT_CHECK(other >= 0 && other < n, Value, "lu_unpack", "LU_pivots contains an invalid value; got ",
               other + 1, "; expected 1 to ", n);
      std::swap(p[j], p[other]);
    }
  }
}

namespace {

// Runs f(i) for the matrices of a batch: one after the other where each has work for all threads.
template <class F>
void for_each_matrix(int64_t batch, int64_t order, double flops, F&& f) {
  if (batch == 1 || order >= 256) {
    for (int64_t i = 0; i < batch; ++i) f(i);
    return;
  }
  for_batch(batch, flops, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

}  // namespace

template <class T>
void qr(const LinalgCall& call) {
  const Matrices<T> a = writable<T>(call.a);
  const int m = static_cast<int>(a.rows), n = static_cast<int>(a.cols), ld = static_cast<int>(a.ld);
  T* tau = call.b.impl()->mutable_data<T>();
  if constexpr (!is_complex_type<T>) {
    const int64_t k = std::min(a.rows, a.cols);
    if (k >= kReflectorsLeast)
      return for_each_matrix(a.batch, k, 2.0 * m * n * k,
                             [&](int64_t i) { dense_qr<T>(a.at(i), m, n, ld, tau + i * k); });
  }
  T size;
  lapack::geqrf(m, n, a.data, ld, tau, &size, -1);
  const int lwork = lapack::queried(size), k = std::min(m, n);
  for_batch(a.batch, 2.0 * m * n * k, [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> work(static_cast<size_t>(lwork));
    for (int64_t i = begin; i < end; ++i) lapack::geqrf(m, n, a.at(i), ld, tau + i * k, work.data(), lwork);
  });
}

template <class T>
void qr_vectors(const LinalgCall& call) {
  const Matrices<T> a = writable<T>(call.a);
  const int m = static_cast<int>(a.rows), n = static_cast<int>(a.cols), ld = static_cast<int>(a.ld);
  const int k = static_cast<int>(call.b.size(1));
  const T* tau = call.b.impl()->data<T>();
  if constexpr (!is_complex_type<T>) {
    if (k >= kReflectorsLeast)
      return for_each_matrix(a.batch, k, 2.0 * m * n * k,
                             [&](int64_t i) { reflection_product<T>(a.at(i), m, n, k, ld, tau + i * k); });
  }
  T size;
  lapack::orgqr(m, n, k, a.data, ld, tau, &size, -1);
  const int lwork = lapack::queried(size);
  for_batch(a.batch, 2.0 * m * n * k, [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> work(static_cast<size_t>(lwork));
    for (int64_t i = begin; i < end; ++i)
      lapack::orgqr(m, n, k, a.at(i), ld, tau + i * k, work.data(), lwork);
  });
}

template <class T>
void ldl(const LinalgCall& call) {
  const Matrices<T> a = writable<T>(call.a);
  const int n = static_cast<int>(a.rows), ld = static_cast<int>(a.ld);
  int* pivots = call.pivots.impl()->mutable_data<int>();
  int* info = call.info.impl()->mutable_data<int>();
  T size;
  lapack::sytrf(call.hermitian, 'L', n, a.data, ld, pivots, &size, -1);
  const int lwork = lapack::queried(size);
  for_batch(a.batch, static_cast<double>(n) * n * n / 3, [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> work(static_cast<size_t>(lwork));
    for (int64_t i = begin; i < end; ++i)
      info[i] = lapack::sytrf(call.hermitian, 'L', n, a.at(i), ld, pivots + i * n, work.data(), lwork);
  });
}

template <class T>
void ldl_solve(const LinalgCall& call) {
  const Matrices<const T> a = readable<T>(call.a);
  const Matrices<T> b = writable<T>(call.b);
  const int n = static_cast<int>(a.rows), ld = static_cast<int>(a.ld);
  const int* pivots = call.pivots.impl()->data<int>();
  for_batch(b.batch, 2.0 * n * n * b.cols, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      lapack::sytrs(call.hermitian, 'L', n, static_cast<int>(b.cols), a.at(i), ld, pivots + i * n, b.at(i),
                    static_cast<int>(b.ld));
  });
}

RT_LINALG_INSTANTIATE(cholesky)
RT_LINALG_INSTANTIATE(lu)
RT_LINALG_INSTANTIATE(qr)
RT_LINALG_INSTANTIATE(qr_vectors)
RT_LINALG_INSTANTIATE(ldl)
RT_LINALG_INSTANTIATE(ldl_solve)

}  // namespace rustorch::cpu
