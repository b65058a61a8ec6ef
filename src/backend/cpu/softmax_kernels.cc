// Vector kernels of softmax.h, compiled once per instruction set.
#include <cmath>
#include <limits>

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/softmax_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "backend/cpu/nn_math-inl.h"
#include "backend/cpu/softmax.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

template <class T>
constexpr T kLowest = -std::numeric_limits<T>::infinity();

// f(i, load) for every vector of a row: load(p, fill) gives p[i...] with `fill` behind the end; four vectors
// a turn with separate accumulators are what hides the latency of the sums.
template <class T, class F>
HWY_INLINE void for_vectors(int64_t n, F&& f) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  int k = 0;
  for (; i + lanes <= n; i += lanes, k = (k + 1) & 3) f(i, k, lanes, true);
  if (i < n) f(i, k, n - i, false);
}

template <class T>
HWY_INLINE T row_max(const T* x, int64_t n) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto m0 = hn::Set(d, kLowest<T>), m1 = m0, m2 = m0, m3 = m0;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    m0 = hn::Max(m0, hn::LoadU(d, x + i));
    m1 = hn::Max(m1, hn::LoadU(d, x + i + lanes));
    m2 = hn::Max(m2, hn::LoadU(d, x + i + 2 * lanes));
    m3 = hn::Max(m3, hn::LoadU(d, x + i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) m0 = hn::Max(m0, hn::LoadU(d, x + i));
  if (i < n) m1 = hn::Max(m1, load_n(d, x + i, static_cast<size_t>(n - i), kLowest<T>));
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(m0, m1), hn::Max(m2, m3))));
}

// Sum of f(vector of x) over a row; f gives 0 for the fill.
template <class T, class F>
HWY_INLINE T row_sum(int64_t n, F&& f) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::Add(s0, f(i, lanes));
    s1 = hn::Add(s1, f(i + lanes, lanes));
    s2 = hn::Add(s2, f(i + 2 * lanes, lanes));
    s3 = hn::Add(s3, f(i + 3 * lanes, lanes));
  }
  for (; i + lanes <= n; i += lanes) s0 = hn::Add(s0, f(i, lanes));
  if (i < n) s1 = hn::Add(s1, f(i, n - i));
  return sum_lanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

template <class D, class T>
HWY_INLINE hn::Vec<D> load_some(D d, const T* p, int64_t count, T fill) {
  return count == static_cast<int64_t>(hn::Lanes(d)) ? hn::LoadU(d, p)
                                                     : load_n(d, p, static_cast<size_t>(count), fill);
}
template <class D, class V, class T>
HWY_INLINE void store_some(D d, V v, T* p, int64_t count) {
  if (count == static_cast<int64_t>(hn::Lanes(d)))
    hn::StoreU(v, d, p);
  else
    store_n(d, v, p, static_cast<size_t>(count));
}

// A finite shift for rows of -inf only keeps exp(-inf - shift) at 0 where PyTorch gives nan: it subtracts
// -inf.
template <class T>
T softmax_row(const T* x, T* y, int64_t n) {
  const hn::ScalableTag<T> d;
  const T max = row_max(x, n);
  const auto shift = hn::Set(d, max);
  const T total = row_sum<T>(n, [&](int64_t i, int64_t count) HWY_ATTR {
    const auto e = exp_neg(d, hn::Sub(load_some(d, x + i, count, kLowest<T>), shift));
    store_some(d, e, y + i, count);
    return count == static_cast<int64_t>(hn::Lanes(d))
               ? e
               : hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(count)), e);
  });
  const auto scale = hn::Set(d, T(1) / total);
  for_vectors<T>(n, [&](int64_t i, int, int64_t count, bool) HWY_ATTR {
    store_some(d, hn::Mul(load_some(d, y + i, count, T(0)), scale), y + i, count);
  });
  return std::log(total) + max;
}

template <class T>
HWY_INLINE T exp_sum(const T* x, int64_t n, T max) {
  const hn::ScalableTag<T> d;
  const auto shift = hn::Set(d, max);
  return row_sum<T>(n, [&](int64_t i, int64_t count) HWY_ATTR {
    const auto e = exp_neg(d, hn::Sub(load_some(d, x + i, count, kLowest<T>), shift));
    return count == static_cast<int64_t>(hn::Lanes(d))
               ? e
               : hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(count)), e);
  });
}

template <class T>
void log_softmax_row(const T* x, T* y, int64_t n) {
  const hn::ScalableTag<T> d;
  const T max = row_max(x, n);
  const T log_total = std::log(exp_sum(x, n, max));
  const auto vmax = hn::Set(d, max), vlog = hn::Set(d, log_total);
  for_vectors<T>(n, [&](int64_t i, int, int64_t count, bool) HWY_ATTR {
    store_some(d, hn::Sub(hn::Sub(load_some(d, x + i, count, T(0)), vmax), vlog), y + i, count);
  });
}

template <class T>
void lse_row(const T* x, int64_t n, T* max, T* log_total) {
  *max = row_max(x, n);
  *log_total = std::log(exp_sum(x, n, *max));
}

template <class T>
T dot_row(const T* x, const T* w, int64_t n) {
  const hn::ScalableTag<T> d;
  return row_sum<T>(n, [&](int64_t i, int64_t count) HWY_ATTR {
    return hn::Mul(load_some(d, x + i, count, T(0)), load_some(d, w + i, count, T(0)));
  });
}

template <class T>
T sum_row(const T* x, int64_t n) {
  const hn::ScalableTag<T> d;
  return row_sum<T>(n, [&](int64_t i, int64_t count) HWY_ATTR { return load_some(d, x + i, count, T(0)); });
}

template <class T>
void softmax_backward_row(const T* x, const T* g, T* y, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto dot = hn::Set(d, dot_row(x, g, n));
  for_vectors<T>(n, [&](int64_t i, int, int64_t count, bool) HWY_ATTR {
    const auto v = load_some(d, x + i, count, T(0)), gv = load_some(d, g + i, count, T(0));
    store_some(d, hn::Mul(v, hn::Sub(gv, dot)), y + i, count);
  });
}

template <class T>
void log_softmax_backward_row(const T* x, const T* g, T* y, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto total = hn::Set(d, sum_row(g, n));
  for_vectors<T>(n, [&](int64_t i, int, int64_t count, bool) HWY_ATTR {
    const auto e = exp_neg(d, load_some(d, x + i, count, T(0)));
    store_some(d, hn::NegMulAdd(e, total, load_some(d, g + i, count, T(0))), y + i, count);
  });
}

// max[j] and sum[j] of exp(x - max) over column j; when y is given the exponentials are kept there.
template <class T>
HWY_INLINE void column_stats(const T* x, T* y, int64_t n, int64_t stride, int64_t width, T* max, T* sum) {
  const hn::ScalableTag<T> d;
  for_vectors<T>(width, [&](int64_t j, int, int64_t count, bool) HWY_ATTR {
    store_some(d, hn::Set(d, kLowest<T>), max + j, count);
    store_some(d, hn::Zero(d), sum + j, count);
  });
  for (int64_t i = 0; i < n; ++i)
    for_vectors<T>(width, [&](int64_t j, int, int64_t count, bool) HWY_ATTR {
      const auto v = load_some(d, x + i * stride + j, count, T(0));
      store_some(d, hn::Max(load_some(d, max + j, count, T(0)), v), max + j, count);
    });
  for (int64_t i = 0; i < n; ++i)
    for_vectors<T>(width, [&](int64_t j, int, int64_t count, bool) HWY_ATTR {
      const auto v = load_some(d, x + i * stride + j, count, T(0));
      const auto e = exp_neg(d, hn::Sub(v, load_some(d, max + j, count, T(0))));
      if (y != nullptr) store_some(d, e, y + i * stride + j, count);
      store_some(d, hn::Add(load_some(d, sum + j, count, T(0)), e), sum + j, count);
    });
}

template <class T>
void lse_columns(const T* x, T* max, T* log_total, int64_t n, int64_t stride, int64_t width) {
  column_stats<T>(x, nullptr, n, stride, width, max, log_total);
  for (int64_t j = 0; j < width; ++j) log_total[j] = std::log(log_total[j]);
}

template <class T>
HWY_INLINE void columns_forward(bool log, const T* x, T* y, int64_t n, int64_t stride, int64_t width,
                                T* scratch) {
  const hn::ScalableTag<T> d;
  T* max = scratch;
  T* sum = scratch + width;
  column_stats<T>(x, log ? nullptr : y, n, stride, width, max, sum);
  for (int64_t j = 0; j < width; ++j) sum[j] = log ? std::log(sum[j]) : T(1) / sum[j];
  for (int64_t i = 0; i < n; ++i)
    for_vectors<T>(width, [&](int64_t j, int, int64_t count, bool) HWY_ATTR {
      const auto s = load_some(d, sum + j, count, T(0));
      T* to = y + i * stride + j;
      if (log)
        store_some(d,
                   hn::Sub(hn::Sub(load_some(d, x + i * stride + j, count, T(0)),
                                   load_some(d, max + j, count, T(0))),
                           s),
                   to, count);
      else
        store_some(d, hn::Mul(load_some(d, to, count, T(0)), s), to, count);
    });
}

template <class T>
HWY_INLINE void columns_backward(bool log, const T* x, const T* g, T* y, int64_t n, int64_t stride,
                                 int64_t width, T* sum) {
  const hn::ScalableTag<T> d;
  for (int64_t j = 0; j < width; ++j) sum[j] = T(0);
  for (int64_t i = 0; i < n; ++i)
    for_vectors<T>(width, [&](int64_t j, int, int64_t count, bool) HWY_ATTR {
      const auto gv = load_some(d, g + i * stride + j, count, T(0));
      const auto v = log ? gv : hn::Mul(gv, load_some(d, x + i * stride + j, count, T(0)));
      store_some(d, hn::Add(load_some(d, sum + j, count, T(0)), v), sum + j, count);
    });
  for (int64_t i = 0; i < n; ++i)
    for_vectors<T>(width, [&](int64_t j, int, int64_t count, bool) HWY_ATTR {
      const auto gv = load_some(d, g + i * stride + j, count, T(0));
      const auto v = load_some(d, x + i * stride + j, count, T(0));
      const auto s = load_some(d, sum + j, count, T(0));
      const auto r = log ? hn::NegMulAdd(exp_neg(d, v), s, gv) : hn::Mul(v, hn::Sub(gv, s));
      store_some(d, r, y + i * stride + j, count);
    });
}

template <class T>
void columns(int kind, const T* x, const T* g, T* y, int64_t n, int64_t stride, int64_t width, T* scratch) {
  if (kind < 2)
    columns_forward<T>(kind == 1, x, y, n, stride, width, scratch);
  else
    columns_backward<T>(kind == 3, x, g, y, n, stride, width, scratch);
}

template <class T>
void ce_grad_row(const T* x, T* y, int64_t n, T max, T log_total, T a, T s, const T* b) {
  const hn::ScalableTag<T> d;
  const auto shift = hn::Set(d, max), rest = hn::Set(d, log_total), scale = hn::Set(d, a), vs = hn::Set(d, s);
  for_vectors<T>(n, [&](int64_t i, int, int64_t count, bool) HWY_ATTR {
    const auto e = exp_neg(d, hn::Sub(hn::Sub(load_some(d, x + i, count, T(0)), shift), rest));
    const auto sub = b == nullptr ? vs : hn::Mul(vs, load_some(d, b + i, count, T(0)));
    store_some(d, hn::MulSub(e, scale, sub), y + i, count);
  });
}

template <class T>
void ce_grad_across(const T* x, T* y, int64_t width, const T* max, const T* log_total, const T* a, const T* s,
                    T b) {
  const hn::ScalableTag<T> d;
  const auto vb = hn::Set(d, b);
  for_vectors<T>(width, [&](int64_t j, int, int64_t count, bool) HWY_ATTR {
    const auto shifted = hn::Sub(load_some(d, x + j, count, T(0)), load_some(d, max + j, count, T(0)));
    const auto e = exp_neg(d, hn::Sub(shifted, load_some(d, log_total + j, count, T(0))));
    const auto sub = hn::Mul(load_some(d, s + j, count, T(0)), vb);
    store_some(d, hn::MulSub(e, load_some(d, a + j, count, T(0)), sub), y + j, count);
  });
}

template <class T>
constexpr SoftmaxKernels<T> kTable = {
    softmax_row<T>, log_softmax_row<T>, softmax_backward_row<T>, log_softmax_backward_row<T>, columns<T>,
    lse_row<T>,     lse_columns<T>,     ce_grad_row<T>,          ce_grad_across<T>,           sum_row<T>,
    dot_row<T>};

const SoftmaxKernels<float>* softmax_table_f32() { return &kTable<float>; }
const SoftmaxKernels<double>* softmax_table_f64() { return &kTable<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
HWY_EXPORT(softmax_table_f32);
HWY_EXPORT(softmax_table_f64);

const SoftmaxKernels<float>& softmax_kernels(float) {
  static const SoftmaxKernels<float>& table = *HWY_DYNAMIC_DISPATCH(softmax_table_f32)();
  return table;
}
const SoftmaxKernels<double>& softmax_kernels(double) {
  static const SoftmaxKernels<double>& table = *HWY_DYNAMIC_DISPATCH(softmax_table_f64)();
  return table;
}
}  // namespace rustorch::cpu
#endif
