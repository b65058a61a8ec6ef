// The kernels of reflector_kernels.h, compiled once per instruction set.
#include "backend/cpu/lapack/reflector_kernels.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/lapack/reflector_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag<T>()));

// Columns that are summed or changed together.
constexpr int64_t kTogether = 4;

// Up to a vector of numbers; the lanes behind them are zero, and are not stored.
template <class T>
HWY_INLINE hn::Vec<Tag<T>> load_some(const T* p, int64_t count) {
  const Tag<T> d;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T lanes[kLanes<T>] = {};
  std::copy_n(p, count, lanes);
  return hn::Load(d, lanes);
#endif
}
template <class T>
HWY_INLINE void store_some(hn::Vec<Tag<T>> v, T* p, int64_t count) {
  const Tag<T> d;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T lanes[kLanes<T>];
  hn::Store(v, d, lanes);
  std::copy_n(lanes, count, p);
#endif
}
template <class T>
HWY_INLINE T sum_of_lanes(hn::Vec<Tag<T>> v) {
  const Tag<T> d;
  return hn::GetLane(hn::SumOfLanes(d, v));
}

template <class T>
T sum_of_squares(const T* x, int64_t n) {
  const Tag<T> d;
  constexpr int64_t kL = kLanes<T>;
  auto s0 = hn::Zero(d), s1 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * kL <= n; i += 2 * kL) {
    const auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + kL);
    s0 = hn::MulAdd(a, a, s0);
    s1 = hn::MulAdd(b, b, s1);
  }
  for (; i < n; i += kL) {
    const auto a = load_some(x + i, std::min(kL, n - i));
    s0 = hn::MulAdd(a, a, s0);
  }
  return sum_of_lanes<T>(hn::Add(s0, s1));
}

template <class T>
T dot_product(const T* x, const T* y, int64_t n) {
  const Tag<T> d;
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const int64_t some = std::min(kLanes<T>, n - i);
    sum = hn::MulAdd(load_some(x + i, some), load_some(y + i, some), sum);
  }
  return sum_of_lanes<T>(sum);
}

template <class T>
void scale(T* x, int64_t n, T factor) {
  const Tag<T> d;
  const auto f = hn::Set(d, factor);
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const int64_t some = std::min(kLanes<T>, n - i);
    store_some(hn::Mul(f, load_some(x + i, some)), x + i, some);
  }
}

/// The reflection that makes (alpha, x) a multiple of the first unit vector: returns tau, leaves the multiple
/// in alpha and the rest of the vector in x.
template <class T>
T make_reflector(T& alpha, T* x, int64_t n) {
  constexpr bool kSingle = std::is_same_v<T, float>;
  // Outside of these the squares may have overflowed or lost digits.
  constexpr T kLeast = kSingle ? T(1e-28) : T(1e-280), kMost = kSingle ? T(1e37) : T(1e300);
  T squares = sum_of_squares(x, n), unit = 1;
  if (!(squares >= kLeast && squares + alpha * alpha <= kMost)) {
    T most = 0;
    for (int64_t i = 0; i < n; ++i) most = std::max(most, std::abs(x[i]));
    if (squares == 0 && most == 0) return 0;
    unit = std::max(most, std::abs(alpha));
    if (unit > 0 && std::isfinite(unit)) {
      for (int64_t i = 0; i < n; ++i) x[i] /= unit;
      alpha /= unit;
      squares = sum_of_squares(x, n);
    } else {
      unit = 1;  // nan or infinity goes its way
    }
  }
  const T beta = -std::copysign(std::sqrt(alpha * alpha + squares), alpha);
  const T tau = (beta - alpha) / beta;
  scale(x, n, 1 / (alpha - beta));
  alpha = beta * unit;
  return tau;
}

/// Applies I - tau v v^T, v = (1, x), to kCount columns whose first elements are at a.
template <int kCount, class T>
HWY_INLINE void reflect_columns(const T* x, int64_t n, T tau, T* a, int64_t ld) {
  const Tag<T> d;
  constexpr int64_t kL = kLanes<T>;
  hn::Vec<Tag<T>> sums[kCount], more[kCount];
  HWY_UNROLL(4) for (int j = 0; j < kCount; ++j) sums[j] = more[j] = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * kL <= n; i += 2 * kL) {
    const auto v = hn::LoadU(d, x + i), w = hn::LoadU(d, x + i + kL);
    HWY_UNROLL(4) for (int j = 0; j < kCount; ++j) {
      const T* c = a + j * ld + 1 + i;
      sums[j] = hn::MulAdd(v, hn::LoadU(d, c), sums[j]);
      more[j] = hn::MulAdd(w, hn::LoadU(d, c + kL), more[j]);
    }
  }
  for (; i < n; i += kL) {
    const int64_t some = std::min(kL, n - i);
    const auto v = load_some(x + i, some);
    HWY_UNROLL(4)
    for (int j = 0; j < kCount; ++j) sums[j] = hn::MulAdd(v, load_some(a + j * ld + 1 + i, some), sums[j]);
  }
  HWY_UNROLL(4) for (int j = 0; j < kCount; ++j) {
    const T f = tau * (a[j * ld] + sum_of_lanes<T>(hn::Add(sums[j], more[j])));
    a[j * ld] -= f;
    sums[j] = hn::Set(d, f);
  }
  for (i = 0; i + kL <= n; i += kL) {
    const auto v = hn::LoadU(d, x + i);
    HWY_UNROLL(4) for (int j = 0; j < kCount; ++j) {
      T* c = a + j * ld + 1 + i;
      hn::StoreU(hn::NegMulAdd(sums[j], v, hn::LoadU(d, c)), d, c);
    }
  }
  if (i < n) {
    const int64_t some = n - i;
    const auto v = load_some(x + i, some);
    HWY_UNROLL(4) for (int j = 0; j < kCount; ++j) {
      T* c = a + j * ld + 1 + i;
      store_some(hn::NegMulAdd(sums[j], v, load_some<T>(c, some)), c, some);
    }
  }
}

template <class T>
void panel(T* a, int64_t m, int64_t n, int64_t ld, T* tau) {
  const int64_t steps = std::min(m, n);
  for (int64_t k = 0; k < steps; ++k) {
    T* x = a + k * ld + k + 1;
    const int64_t below = m - k - 1;
    tau[k] = make_reflector(x[-1], x, below);
    if (tau[k] == 0) continue;
    int64_t j = k + 1;
    for (; j + kTogether <= n; j += kTogether)
      reflect_columns<kTogether>(x, below, tau[k], a + j * ld + k, ld);
    for (; j < n; ++j) reflect_columns<1>(x, below, tau[k], a + j * ld + k, ld);
  }
}

/// The pass over the triangle that each column of the reduction takes: columns first.. of a -= v w^T + w v^T,
/// and y = a x. Four columns together; rows from the first vector that holds one of them.
template <class T>
void update_and_multiply(T* a, int64_t n, int64_t ld, int64_t first, const T* v, const T* w, const T* x,
                         T* y) {
  const Tag<T> d;
  constexpr int64_t kL = kLanes<T>;
  for (int64_t c = first / kTogether * kTogether; c < n; c += kTogether) {
    hn::Vec<Tag<T>> vc[kTogether], wc[kTogether], xc[kTogether], sums[kTogether];
    const int64_t count = std::min(kTogether, n - c);
    T* columns[kTogether];
    HWY_UNROLL(4) for (int64_t j = 0; j < kTogether; ++j) {
      // A column that is not there is the last one unchanged: v, w and x are zero from n on.
      columns[j] = a + std::min(c + j, n - 1) * ld;
      vc[j] = hn::Set(d, v[c + j]), wc[j] = hn::Set(d, w[c + j]), xc[j] = hn::Set(d, x[c + j]);
      sums[j] = hn::Zero(d);
    }
    int64_t i = c / kL * kL;
    for (; i < c + kTogether && i < n; i += kL) {  // the diagonal passes through here
      const auto vi = hn::Load(d, v + i), wi = hn::Load(d, w + i), xi = hn::Load(d, x + i);
      auto yi = hn::Load(d, y + i);
      for (int64_t j = 0; j < count; ++j) {
        const int64_t above = std::clamp<int64_t>(c + j - i, 0, kL),
                      through = std::clamp<int64_t>(c + j + 1 - i, 0, kL);
        T* p = columns[j] + i;
        const auto before = hn::Load(d, p);
        auto e = hn::NegMulAdd(wi, vc[j], hn::NegMulAdd(vi, wc[j], before));
        e = hn::IfThenZeroElse(hn::FirstN(d, static_cast<size_t>(above)), e);
        hn::Store(hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(above)), before, e), d, p);
        sums[j] = hn::MulAdd(e, xi, sums[j]);
        yi = hn::MulAdd(hn::IfThenZeroElse(hn::FirstN(d, static_cast<size_t>(through)), e), xc[j], yi);
      }
      hn::Store(yi, d, y + i);
    }
    if (count == kTogether) {
      for (; i < n; i += kL) {
        const auto vi = hn::Load(d, v + i), wi = hn::Load(d, w + i), xi = hn::Load(d, x + i);
        auto yi = hn::Load(d, y + i);
        HWY_UNROLL(4) for (int64_t j = 0; j < kTogether; ++j) {
          T* p = columns[j] + i;
          const auto e = hn::NegMulAdd(wi, vc[j], hn::NegMulAdd(vi, wc[j], hn::Load(d, p)));
          hn::Store(e, d, p);
          sums[j] = hn::MulAdd(e, xi, sums[j]);
          yi = hn::MulAdd(e, xc[j], yi);
        }
        hn::Store(yi, d, y + i);
      }
    }
    HWY_UNROLL(4) for (int64_t j = 0; j < kTogether; ++j) {
      const T sum = sum_of_lanes<T>(sums[j]);
      if (j < count) y[c + j] += sum;
    }
  }
}

template <class T>
void tridiagonal(T* a, int64_t n, int64_t ld, T* diagonal, T* beside, T* tau, T* work) {
  T *v = work, *w = v + ld, *x = w + ld, *y = x + ld;
  std::fill_n(work, 4 * ld, T(0));
  for (int64_t k = 0; k < n; ++k) {
    T* column = a + k * ld;
    for (int64_t i = k; i < n; ++i) column[i] -= v[i] * w[k] + w[i] * v[k];
    diagonal[k] = column[k];
    if (k + 1 == n) return;
    const int64_t below = n - k - 1;
    tau[k] = make_reflector(column[k + 1], column + k + 2, below - 1);
    beside[k] = column[k + 1];
    v[k] = w[k] = x[k] = T(0);  // rows of columns that are done
    x[k + 1] = T(1);
    std::copy_n(column + k + 2, below - 1, x + k + 2);
    std::fill_n(y, ld, T(0));
    update_and_multiply(a, n, ld, k + 1, v, w, x, y);
    // w = p - tau (p^T x) x / 2 with p = tau y
    const T back = tau[k] * tau[k] * dot_product(y + k + 1, x + k + 1, below) / 2;
    for (int64_t i = k + 1; i < n; ++i) w[i] = tau[k] * y[i] - back * x[i];
    std::swap(v, x);
    std::fill_n(x, k + 2, T(0));
  }
}

#define RT_EACH_TYPE(X) X(float, F32) X(double, F64)
#define RT_TARGET_FORMS(T, name)                                                                \
  void Panel##name(T* a, int64_t m, int64_t n, int64_t ld, T* tau) { panel(a, m, n, ld, tau); } \
  void Tridiagonal##name(T* a, int64_t n, int64_t ld, T* d, T* e, T* tau, T* work) {            \
    tridiagonal(a, n, ld, d, e, tau, work);                                                     \
  }
RT_EACH_TYPE(RT_TARGET_FORMS)
#undef RT_TARGET_FORMS

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {

#define RT_DISPATCH_FORMS(T, name)                                                    \
  HWY_EXPORT(Panel##name);                                                            \
  HWY_EXPORT(Tridiagonal##name);                                                      \
  void reflect_panel(T* a, int64_t m, int64_t n, int64_t ld, T* tau) {                \
    HWY_DYNAMIC_DISPATCH(Panel##name)(a, m, n, ld, tau);                              \
  }                                                                                   \
  void reduce_tridiagonal(T* a, int64_t n, int64_t ld, T* d, T* e, T* tau, T* work) { \
    HWY_DYNAMIC_DISPATCH(Tridiagonal##name)(a, n, ld, d, e, tau, work);               \
  }
RT_EACH_TYPE(RT_DISPATCH_FORMS)
#undef RT_DISPATCH_FORMS

}  // namespace rustorch::cpu
#endif  // HWY_ONCE
