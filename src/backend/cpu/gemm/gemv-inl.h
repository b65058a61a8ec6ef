// Matrix-vector kernels: bound by reading the matrix once. Included once per instruction set.
//
// Rows: several dot products side by side, each with four accumulators, combined in one fixed order. Columns:
// the vectors of y stay in registers while k ascends.
#if defined(RT_GEMM_GEMV_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RT_GEMM_GEMV_INL
#undef RT_GEMM_GEMV_INL
#else
#define RT_GEMM_GEMV_INL
#endif

#include "backend/cpu/gemm/micro_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// ROWS dot products over k contiguous elements. Element order: four interleaved vector sums, then a scalar
// tail.
template <int ROWS, class T>
HWY_INLINE void dot_rows(const T* a, int64_t lda, int64_t k, const T* x, T* out) {
  const Tag<T> d;
  constexpr int64_t kLanes = lanes_of<T>();
  Vec<T> acc[ROWS][4];
#pragma GCC unroll 4
  for (int r = 0; r < ROWS; ++r) {
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) acc[r][u] = hn::Zero(d);
  }
  int64_t i = 0;
  for (; i + 4 * kLanes <= k; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      const auto xv = hn::LoadU(d, x + i + u * kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < ROWS; ++r) {
        acc[r][u] = hn::MulAdd(hn::LoadU(d, a + r * lda + i + u * kLanes), xv, acc[r][u]);
      }
    }
  }
  for (; i + kLanes <= k; i += kLanes) {
    const auto xv = hn::LoadU(d, x + i);
#pragma GCC unroll 4
    for (int r = 0; r < ROWS; ++r) acc[r][0] = hn::MulAdd(hn::LoadU(d, a + r * lda + i), xv, acc[r][0]);
  }
#pragma GCC unroll 4
  for (int r = 0; r < ROWS; ++r) {
    const auto sum = hn::Add(hn::Add(acc[r][0], acc[r][1]), hn::Add(acc[r][2], acc[r][3]));
    T total = hn::GetLane(hn::SumOfLanes(d, sum));
    for (int64_t q = i; q < k; ++q) total += a[r * lda + q] * x[q];
    out[r] = total;
  }
}

template <class T>
void gemv_rows(const T* a, int64_t lda, int64_t m, int64_t k, const T* x, T alpha, T beta, T* y,
               int64_t incy) {
  T out[4];
  for (int64_t i = 0; i < m;) {
    const int rows = m - i >= 4 ? 4 : 1;
    if (rows == 4) {
      dot_rows<4>(a + i * lda, lda, k, x, out);
    } else {
      dot_rows<1>(a + i * lda, lda, k, x, out);
    }
    for (int r = 0; r < rows; ++r, ++i) {
      T* p = y + i * incy;
      *p = beta == T(0) ? alpha * out[r] : alpha * out[r] + beta * *p;
    }
  }
}

template <int NV, class T>
HWY_INLINE void columns_strip(const T* a, int64_t lda, int64_t k, const T* x, int64_t incx, T* out) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
  Vec<T> acc[NV];
#pragma GCC unroll 8
  for (int j = 0; j < NV; ++j) acc[j] = hn::Zero(d);
  for (int64_t i = 0; i < k; ++i, a += lda) {
    const auto xv = hn::Set(d, x[i * incx]);
#pragma GCC unroll 8
    for (int j = 0; j < NV; ++j) acc[j] = hn::MulAdd(xv, hn::LoadU(d, a + j * kLanes), acc[j]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < NV; ++j) hn::StoreU(acc[j], d, out + j * kLanes);
}

template <class T>
void gemv_columns(const T* a, int64_t lda, int64_t k, int64_t n, const T* x, int64_t incx, T alpha, T beta,
                  T* y, int64_t incy) {
  constexpr int kLanes = lanes_of<T>(), kWide = 8 * kLanes;
  HWY_ALIGN T out[kWide];
  for (int64_t j = 0; j < n;) {
    int64_t cols = kWide;
    if (n - j >= kWide) {
      columns_strip<8>(a + j, lda, k, x, incx, out);
    } else if (n - j >= kLanes) {
      cols = kLanes;
      columns_strip<1>(a + j, lda, k, x, incx, out);
    } else {
      cols = n - j;
      for (int64_t q = 0; q < cols; ++q) out[q] = T(0);
      for (int64_t i = 0; i < k; ++i) {
        const T xv = x[i * incx];
        for (int64_t q = 0; q < cols; ++q) out[q] += xv * a[i * lda + j + q];
      }
    }
    for (int64_t q = 0; q < cols; ++q) {
      T* p = y + (j + q) * incy;
      *p = beta == T(0) ? alpha * out[q] : alpha * out[q] + beta * *p;
    }
    j += cols;
  }
}

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
