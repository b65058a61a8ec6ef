// Two-number reductions of contiguous blocks: mean with squared deviations, and maximum with sum of
// exponentials.
//
// Moments take two passes over a block that is in cache; blocks are merged by Chan's formula in double.
#include <cmath>
#include <limits>

#include "backend/cpu/reduce_kernels.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/reduce_moments_kernels.cc"
#include "hwy/foreach_target.h"
// After foreach_target.
#include "backend/cpu/reduce_fold-inl.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

#ifndef RT_REDUCE_MOMENTS_ONCE
#define RT_REDUCE_MOMENTS_ONCE
namespace rustorch::cpu {
namespace {

/// (mean, m2) of na + nb elements from those of na and of nb.
inline void merge_moments(double* mean, double* m2, double na, double mean_b, double m2_b, double nb) {
  const double total = na + nb, delta = mean_b - *mean;
  *mean = na == 0 ? mean_b : *mean + delta * (nb / total);
  *m2 += m2_b + (na == 0 ? 0.0 : delta * delta * (na * nb / total));
}

void merge_moment_states(double* a, int64_t sa, int64_t na, const double* b, int64_t sb, int64_t nb,
                         int64_t count) {
  for (int64_t c = 0; c < count; ++c)
    merge_moments(a + c, a + sa + c, static_cast<double>(na), b[c], b[sb + c], static_cast<double>(nb));
}

/// The maximum to subtract: an infinite one would turn every term into nan.
template <class T>
inline T finite_shift(T m) {
  return std::isinf(m) ? T(0) : m;
}

/// (m, s) stand for log(sum exp) = m + log(s); infinite m for itself.
inline void merge_exponentials(double* m, double* s, double mb, double sb) {
  if (mb != mb || *m != *m) {
    *m = *s = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  if (mb > *m) {
    *s = sb + (std::isinf(*m) || std::isinf(mb) ? 0.0 : *s * std::exp(*m - mb));
    *m = mb;
  } else if (mb == *m) {
    *s += sb;
  } else if (!std::isinf(*m) && !std::isinf(mb)) {
    *s += sb * std::exp(mb - *m);
  }
}

void merge_exponential_states(double* a, int64_t sa, int64_t, const double* b, int64_t sb, int64_t,
                              int64_t count) {
  for (int64_t c = 0; c < count; ++c) merge_exponentials(a + c, a + sa + c, b[c], b[sb + c]);
}

}  // namespace
}  // namespace rustorch::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace {

template <class T>
void moment_rows(const T* x, int64_t nrows, int64_t row_stride, int64_t n, double* state,
                 int64_t comp_stride) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < nrows; ++r) {
    const T* HWY_RESTRICT p = x + r * row_stride;
    const T shift = static_cast<T>(fold_row<SumOp>(p, n) / static_cast<T>(n));
    const auto vshift = hn::Set(d, shift);
    auto s0 = hn::Zero(d), s1 = s0, q0 = s0, q1 = s0;
    int64_t i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
      const auto a = hn::Sub(hn::LoadU(d, p + i), vshift), b = hn::Sub(hn::LoadU(d, p + i + lanes), vshift);
      s0 = hn::Add(s0, a);
      s1 = hn::Add(s1, b);
      q0 = hn::MulAdd(a, a, q0);
      q1 = hn::MulAdd(b, b, q1);
    }
    for (; i < n; i += lanes) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(n - i < lanes ? n - i : lanes));
      const auto a = hn::IfThenElseZero(mask, hn::Sub(hn::MaskedLoad(mask, d, p + i), vshift));
      s0 = hn::Add(s0, a);
      q0 = hn::MulAdd(a, a, q0);
    }
    const double rest = fold_lanes<SumOp>(d, hn::Add(s0, s1)),
                 squares = fold_lanes<SumOp>(d, hn::Add(q0, q1));
    const double count = static_cast<double>(n);
    state[r] = static_cast<double>(shift) + rest / count;
    state[comp_stride + r] = squares - rest * rest / count;
  }
}

/// out: shift, sum of (x - shift), sum of (x - shift)^2 per column.
template <class T>
void moment_cols(const T* HWY_RESTRICT x, int64_t nrows, int64_t stride, int64_t ncols, T* HWY_RESTRICT out,
                 int64_t comp_stride) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  fold_columns<SumOp>(x, nrows, stride, ncols, out);
  T* HWY_RESTRICT sums = out + comp_stride;
  T* HWY_RESTRICT squares = out + 2 * comp_stride;
  const auto scale = hn::Set(d, T(1) / static_cast<T>(nrows));
  for (int64_t r = 0; r < nrows; r += 4) {
    const int64_t rows = nrows - r < 4 ? nrows - r : 4;
    for (int64_t c = 0; c < ncols; c += lanes) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(ncols - c < lanes ? ncols - c : lanes));
      auto shift = hn::MaskedLoad(mask, d, out + c);
      auto s = hn::Zero(d), q = s;
      if (r == 0) {
        shift = hn::Mul(shift, scale);
        hn::BlendedStore(shift, mask, d, out + c);
      } else {
        s = hn::MaskedLoad(mask, d, sums + c);
        q = hn::MaskedLoad(mask, d, squares + c);
      }
      for (int64_t k = 0; k < rows; ++k) {
        const auto v = hn::Sub(hn::MaskedLoad(mask, d, x + (r + k) * stride + c), shift);
        s = hn::Add(s, v);
        q = hn::MulAdd(v, v, q);
      }
      hn::BlendedStore(s, mask, d, sums + c);
      hn::BlendedStore(q, mask, d, squares + c);
    }
  }
}

template <class T>
void moment_merge_cols(double* state, int64_t ss, int64_t na, const T* piece, int64_t ps, int64_t nb,
                       int64_t ncols) {
  const double a = static_cast<double>(na), b = static_cast<double>(nb);
  const double inverse = 1 / b, weight = b / (a + b), spread = a * b / (a + b);
  for (int64_t c = 0; c < ncols; ++c) {
    const double rest = static_cast<double>(piece[ps + c]);
    const double mean_b = static_cast<double>(piece[c]) + rest * inverse;
    const double m2_b = static_cast<double>(piece[2 * ps + c]) - rest * rest * inverse;
    const double delta = na == 0 ? 0.0 : mean_b - state[c];
    state[c] = na == 0 ? mean_b : state[c] + delta * weight;
    state[ss + c] += m2_b + delta * delta * spread;
  }
}

template <class T>
void exponential_rows(const T* x, int64_t nrows, int64_t row_stride, int64_t n, double* state,
                      int64_t comp_stride) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < nrows; ++r) {
    const T* HWY_RESTRICT p = x + r * row_stride;
    const T m = fold_row<MaxOp>(p, n);
    state[r] = m;
    if (!std::isfinite(m)) {
      state[comp_stride + r] = m != m ? m : T(1);
      continue;
    }
    const auto shift = hn::Set(d, m);
    auto s = hn::Zero(d);
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) s = hn::Add(s, hn::Exp(d, hn::Sub(hn::LoadU(d, p + i), shift)));
    if (i < n) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(n - i));
      s = hn::Add(s, hn::IfThenElseZero(mask, hn::Exp(d, hn::Sub(hn::MaskedLoad(mask, d, p + i), shift))));
    }
    state[comp_stride + r] = fold_lanes<SumOp>(d, s);
  }
}

/// out: maximum m, sum of exp(x - m) per column.
template <class T>
void exponential_cols(const T* HWY_RESTRICT x, int64_t nrows, int64_t stride, int64_t ncols,
                      T* HWY_RESTRICT out, int64_t comp_stride) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  fold_columns<MaxOp>(x, nrows, stride, ncols, out);
  T* HWY_RESTRICT sums = out + comp_stride;
  for (int64_t r = 0; r < nrows; r += 4) {
    const int64_t rows = nrows - r < 4 ? nrows - r : 4;
    for (int64_t c = 0; c < ncols; c += lanes) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(ncols - c < lanes ? ncols - c : lanes));
      const auto m = hn::MaskedLoad(mask, d, out + c);
      const auto shift =
          hn::IfThenElseZero(hn::Lt(hn::Abs(m), hn::Set(d, std::numeric_limits<T>::infinity())), m);
      auto s = r == 0 ? hn::Zero(d) : hn::MaskedLoad(mask, d, sums + c);
      for (int64_t k = 0; k < rows; ++k)
        s = hn::Add(s, hn::Exp(d, hn::Sub(hn::MaskedLoad(mask, d, x + (r + k) * stride + c), shift)));
      hn::BlendedStore(s, mask, d, sums + c);
    }
  }
}

template <class T>
void exponential_merge_cols(double* state, int64_t ss, int64_t, const T* piece, int64_t ps, int64_t,
                            int64_t ncols) {
  for (int64_t c = 0; c < ncols; ++c)
    merge_exponentials(state + c, state + ss + c, static_cast<double>(piece[c]),
                       static_cast<double>(piece[ps + c]));
}

template <class T>
ReduceKernel<T> make_moments() {
  ReduceKernel<T> k;
  k.comps = 2;
  k.col_comps = 3;
  k.piece_rows = 32;
  k.rows = moment_rows<T>;
  k.cols = moment_cols<T>;
  k.merge_cols = moment_merge_cols<T>;
  k.merge = merge_moment_states;
  return k;
}

template <class T>
ReduceKernel<T> make_exponentials() {
  ReduceKernel<T> k;
  k.comps = 2;
  k.col_comps = 2;
  k.piece_rows = 128;
  k.initial[0] = -std::numeric_limits<double>::infinity();
  k.rows = exponential_rows<T>;
  k.cols = exponential_cols<T>;
  k.merge_cols = exponential_merge_cols<T>;
  k.merge = merge_exponential_states;
  return k;
}

}  // namespace

const void* moments_f32() {
  static const ReduceKernel<float> k = make_moments<float>();
  return &k;
}
const void* moments_f64() {
  static const ReduceKernel<double> k = make_moments<double>();
  return &k;
}
const void* exponentials_f32() {
  static const ReduceKernel<float> k = make_exponentials<float>();
  return &k;
}
const void* exponentials_f64() {
  static const ReduceKernel<double> k = make_exponentials<double>();
  return &k;
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
namespace {
HWY_EXPORT(moments_f32);
HWY_EXPORT(moments_f64);
HWY_EXPORT(exponentials_f32);
HWY_EXPORT(exponentials_f64);
}  // namespace

#define RT_KERNEL(FUNCTION, T, NAME)                                                          \
  template <>                                                                                 \
  const ReduceKernel<T>& FUNCTION<T>() {                                                      \
    static const auto* k = static_cast<const ReduceKernel<T>*>(HWY_DYNAMIC_DISPATCH(NAME)()); \
    return *k;                                                                                \
  }
RT_KERNEL(moments_kernel, float, moments_f32)
RT_KERNEL(moments_kernel, double, moments_f64)
RT_KERNEL(logsumexp_kernel, float, exponentials_f32)
RT_KERNEL(logsumexp_kernel, double, exponentials_f64)
#undef RT_KERNEL

}  // namespace rustorch::cpu
#endif
