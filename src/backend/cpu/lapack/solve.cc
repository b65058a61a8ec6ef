// Solutions of linear systems: triangular, from LU factors, inverses, least squares.
#include <algorithm>
#include <limits>

#include "backend/cpu/lapack/dense.h"
#include "backend/cpu/lapack/lapack.h"
#include "backend/cpu/lapack/small_kernels.h"

namespace rustorch::cpu {

template <class T>
void solve_triangular(const LinalgCall& call) {
  const Matrices<const T> a = readable<T>(call.a);
  const Matrices<T> b = writable<T>(call.b);
  const int64_t n = a.rows, count = call.left ? b.cols : b.rows;
  auto one = [&](int64_t i) {
    const Block<const T> triangle = block(a, i);
    if (call.left)
      triangular_left<T>(triangle, call.upper, call.unit, n, block(b, i), count);
    else
      triangular_right<T>(triangle, call.upper, call.unit, n, block(b, i), count);
  };
  const double flops = static_cast<double>(n) * n * count;
  if (flops > 4e6) {
    for (int64_t i = 0; i < b.batch; ++i) one(i);
    return;
  }
  for_batch(b.batch, flops, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) one(i);
  });
}

namespace {

template <class T>
void conjugate_all(const Matrices<T>& b, int64_t i) {
  const int64_t runs = b.by_columns ? b.cols : b.rows, length = b.by_columns ? b.rows : b.cols;
  for (int64_t j = 0; j < runs; ++j) conjugate(b.at(i) + j * b.ld, length);
}

}  // namespace

template <class T>
void lu_solve(const LinalgCall& call) {
  const Matrices<const T> a = readable<T>(call.a);
  const Matrices<T> b = writable<T>(call.b);
  const int64_t n = a.rows, count = call.left ? b.cols : b.rows;
  const int64_t pivot_step = call.pivots.size(0) == 1 ? 0 : call.pivots.stride(0);
  const int* pivots = call.pivots.impl()->data<int>();
  auto one = [&](int64_t i, int* exchanges) {
    for (int64_t k = 0; k < n; ++k) {
      exchanges[k] = pivots[i * pivot_step + k] - 1;
      RT_CHECK(exchanges[k] >= 0 && exchanges[k] < n, Value, "linalg.lu_solve",
               "pivots contains an invalid value; got ", exchanges[k] + 1, "; expected 1 to ", n);
    }
    // x A = b is A^T x^T = b^T, and A^H x = b is A^T conj(x) = conj(b)
    const Block<const T> factors = block(a, i), turned = factors.transposed();
    const Block<T> x = call.left ? block(b, i) : block(b, i).transposed();
    if (call.left != call.adjoint) {
      if (call.adjoint) conjugate_all(b, i);
      exchange_rows<T>(x, count, exchanges, n);
      triangular_left<T>(factors, false, true, n, x, count);
      triangular_left<T>(factors, true, false, n, x, count);
    } else {
      if (call.adjoint) conjugate_all(b, i);
      triangular_left<T>(turned, false, false, n, x, count);
      triangular_left<T>(turned, true, true, n, x, count);
      exchange_rows<T>(x, count, exchanges, n, true);
    }
    if (call.adjoint) conjugate_all(b, i);
  };
  const double flops = 2.0 * n * n * count;
  if (flops > 4e6) {
    ScratchBuffer<int> exchanges(static_cast<size_t>(n));
    for (int64_t i = 0; i < b.batch; ++i) one(i, exchanges.data());
    return;
  }
  for_batch(b.batch, flops, [&](int64_t begin, int64_t end) {
    ScratchBuffer<int> exchanges(static_cast<size_t>(n));
    for (int64_t i = begin; i < end; ++i) one(i, exchanges.data());
  });
}

namespace {

// Exchanges the columns of every row as the pivots of the factors ask, last pivot first.
template <class T>
void restore_columns(T* a, int64_t n, int64_t ld, const int* pivots) {
  ScratchBuffer<int64_t> place(static_cast<size_t>(n));  // of the column that ends up at j
  for (int64_t j = 0; j < n; ++j) place.data()[j] = j;
  for (int64_t k = n - 1; k >= 0; --k) std::swap(place.data()[k], place.data()[pivots[k]]);
  ScratchBuffer<T> row(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i, a += ld) {
    for (int64_t j = 0; j < n; ++j) row.data()[j] = a[place.data()[j]];
    std::copy_n(row.data(), n, a);
  }
}

// Inverse through LU of a copy; columns exchanged back.
template <class T>
int64_t inverse_by_lu(T* a, int64_t n, int64_t ld, T* copy, int* pivots) {
  const Block<T> factors{copy, n, n < kAhead};
  if (factors.by_columns)
    transpose_copy(a, ld, n, n, copy, n);
  else
    for (int64_t i = 0; i < n; ++i) std::copy_n(a + i * ld, n, copy + i * n);
  if (const int64_t info = dense_lu(factors, n, n, pivots)) return info;
  invert_lu<T>(factors, n, {a, ld, false});
  restore_columns(a, n, ld, pivots);
  return 0;
}

}  // namespace

template <class T>
void inverse(const LinalgCall& call) {
  const Matrices<T> a = writable<T>(call.a, false);
  const int64_t n = a.rows;
  int* info = call.info.impl()->mutable_data<int>();
  const bool small = n <= kSmallInverse;
  auto run = [&](int64_t begin, int64_t end) {
    ScratchBuffer<int> pivots(static_cast<size_t>(n));
    ScratchBuffer<T> copy(small ? 0 : static_cast<size_t>(n * n));
    for (int64_t i = begin; i < end; ++i)
      info[i] = static_cast<int>(small ? small_inverse(a.at(i), n, a.ld, pivots.data())
                                       : inverse_by_lu(a.at(i), n, a.ld, copy.data(), pivots.data()));
  };
  if (n >= 256) return run(0, a.batch);
  for_batch(a.batch, 2.0 * n * n * n, run);
}

template <class T>
void least_squares(const LinalgCall& call) {
  using R = real_of<T>;
  const Matrices<T> a = writable<T>(call.a), b = writable<T>(call.b);
  const int m = static_cast<int>(a.rows), n = static_cast<int>(a.cols), nrhs = static_cast<int>(b.cols);
  const int lda = static_cast<int>(a.ld), ldb = static_cast<int>(b.ld), k = std::min(m, n);
  int* info = call.info.impl()->mutable_data<int>();
  int64_t* ranks = call.rank.defined() ? call.rank.impl()->mutable_data<int64_t>() : nullptr;
  R* values = call.s.defined() ? call.s.impl()->mutable_data<R>() : nullptr;
  const R rcond = static_cast<R>(call.param);
  auto run = [&](int64_t i, T* work, int lwork, R* rwork, int* iwork) {
    T *pa = a.at(i), *pb = b.at(i);
    R* s = values == nullptr ? nullptr : values + i * k;
    int rank = 0, result = 0;
    switch (call.driver) {
      case 's':
        return lapack::gels(m, n, nrhs, pa, lda, pb, ldb, work, lwork);
      case 'y':
        if (lwork >= 0) std::fill(iwork, iwork + n, 0);
        result = lapack::gelsy(m, n, nrhs, pa, lda, pb, ldb, iwork, rcond, &rank, work, lwork, rwork);
        break;
      case 'd':
        result = lapack::gelsd(m, n, nrhs, pa, lda, pb, ldb, s, rcond, &rank, work, lwork, rwork, iwork);
        break;
      default:
        result = lapack::gelss(m, n, nrhs, pa, lda, pb, ldb, s, rcond, &rank, work, lwork, rwork);
    }
    if (ranks != nullptr && lwork >= 0) ranks[i] = rank;
    return result;
  };
  T size(0);
  R rsize[1] = {0};
  int isize[1] = {0};
  run(0, &size, -1, rsize, isize);
  // What the documentation of gelsd asks for when the query does not tell.
  int levels = 1;
  for (int s = k; s > 25; s /= 2) ++levels;
  const int lwork = lapack::queried(size);
  const int64_t wide = std::max<int64_t>(26 * 26, static_cast<int64_t>(n) * (1 + nrhs) + 2 * nrhs);
  const size_t lrwork = static_cast<size_t>(
      std::max<int64_t>({static_cast<int64_t>(rsize[0]), 5 * k, 2 * n,
                         10 * n + 50 * k + 8 * static_cast<int64_t>(k) * levels + 3 * 25 * nrhs + wide}));
  const size_t liwork = static_cast<size_t>(std::max<int64_t>(
      {isize[0], n, 3 * static_cast<int64_t>(k) * (levels + 1) + 11 * static_cast<int64_t>(k), 1}));
  for_batch(a.batch, 4.0 * m * n * k, [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> work(static_cast<size_t>(lwork));
    ScratchBuffer<R> rwork(is_complex_type<T> ? lrwork : 0);
    ScratchBuffer<int> iwork(liwork);
    for (int64_t i = begin; i < end; ++i) info[i] = run(i, work.data(), lwork, rwork.data(), iwork.data());
  });
}

RT_LINALG_INSTANTIATE(solve_triangular)
RT_LINALG_INSTANTIATE(lu_solve)
RT_LINALG_INSTANTIATE(inverse)
RT_LINALG_INSTANTIATE(least_squares)

}  // namespace rustorch::cpu
