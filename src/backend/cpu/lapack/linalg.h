// Entry of the linear algebra family on the CPU, and the pieces that its files share.
#pragma once
#include <algorithm>
#include <complex>
#include <cstdint>

#include "backend/families_linalg.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "rustorch/error.h"

namespace rustorch::cpu {

void linalg(const LinalgCall& call);

template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
};
template <class T>
using real_of = typename RealOf<T>::type;
template <class T>
inline constexpr bool is_complex_type = !std::is_same_v<T, real_of<T>>;

/// A batch of matrices as the kernels see it: `ld` elements from one row or column to the next.
template <class T>
struct Matrices {
  T* data;
  int64_t batch, rows, cols, ld, step;
  bool by_columns;
  T* at(int64_t i) const { return data + i * step; }
};

template <class T>
Matrices<T> layout_of(const Tensor& t, T* data, bool prefer_columns) {
  const TensorImpl& i = *t.impl();
  Matrices<T> m{data, i.size(0), i.size(1), i.size(2), 0, i.size(0) == 1 ? 0 : i.stride(0), false};
  const bool columns = (i.stride(1) == 1 || m.rows == 1) && (m.cols == 1 || i.stride(2) >= m.rows);
  const bool rows = (i.stride(2) == 1 || m.cols == 1) && (m.rows == 1 || i.stride(1) >= m.cols);
  m.by_columns = columns && (prefer_columns || !rows);
  m.ld = m.by_columns ? (m.cols == 1 ? std::max<int64_t>(m.rows, 1) : i.stride(2))
                      : (m.rows == 1 ? std::max<int64_t>(m.cols, 1) : i.stride(1));
  return m;
}
template <class T>
Matrices<T> writable(const Tensor& t, bool prefer_columns = true) {
  return layout_of(t, t.impl()->mutable_data<T>(), prefer_columns);
}
template <class T>
Matrices<const T> readable(const Tensor& t, bool prefer_columns = true) {
  return layout_of(t, t.impl()->data<T>(), prefer_columns);
}

/// Runs f(begin, end) over a batch in chunks worth about `flops` operations each matrix.
template <class F>
void for_batch(int64_t batch, double flops, F&& f) {
  constexpr double kChunk = 40000;
  const int64_t grain = flops >= kChunk ? 1 : static_cast<int64_t>(kChunk / (flops < 1 ? 1 : flops));
  parallel_for(0, batch, grain, f);
}

/// Conjugates n numbers in place; nothing for real ones.
template <class T>
void conjugate(T* p, int64_t n) {
  if constexpr (is_complex_type<T>)
    for (int64_t i = 0; i < n; ++i) p[i] = std::conj(p[i]);
}

template <class T>
void cholesky(const LinalgCall& call);
template <class T>
void lu(const LinalgCall& call);
template <class T>
void lu_solve(const LinalgCall& call);
template <class T>
void solve_triangular(const LinalgCall& call);
template <class T>
void inverse(const LinalgCall& call);
template <class T>
void qr(const LinalgCall& call);
template <class T>
void qr_vectors(const LinalgCall& call);
template <class T>
void svd(const LinalgCall& call);
template <class T>
void eigh(const LinalgCall& call);
template <class T>
void eig(const LinalgCall& call);
template <class T>
void least_squares(const LinalgCall& call);
template <class T>
void ldl(const LinalgCall& call);
template <class T>
void ldl_solve(const LinalgCall& call);
void permutation(const LinalgCall& call);
void distances(const LinalgCall& call);

#define RT_LINALG_INSTANTIATE(f)                           \
  template void f<float>(const LinalgCall&);               \
  template void f<double>(const LinalgCall&);              \
  template void f<std::complex<float>>(const LinalgCall&); \
  template void f<std::complex<double>>(const LinalgCall&);

}  // namespace rustorch::cpu
