// Vector math functions, inline, for float and double lanes (first version: Highway contrib where good).
#if defined(RUSTORCH_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_MATH_INL_H_
#undef RUSTORCH_MATH_INL_H_
#else
#define RUSTORCH_MATH_INL_H_
#endif

#include <cmath>
#include <type_traits>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace simd {
namespace hn = hwy::HWY_NAMESPACE;

/// Applies a scalar function to every lane. Float lanes are computed in double and rounded once.
template <class D, class V, class F>
HWY_INLINE V per_lane(D d, V x, F f) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T a[hn::MaxLanes(d)];
  hn::Store(x, d, a);
  for (size_t k = 0; k < hn::Lanes(d); ++k) a[k] = static_cast<T>(f(a[k]));
  return hn::Load(d, a);
}
template <class D, class V, class F>
HWY_INLINE V per_lane2(D d, V x, V y, F f) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T a[hn::MaxLanes(d)];
  HWY_ALIGN T b[hn::MaxLanes(d)];
  hn::Store(x, d, a);
  hn::Store(y, d, b);
  for (size_t k = 0; k < hn::Lanes(d); ++k) a[k] = static_cast<T>(f(a[k], b[k]));
  return hn::Load(d, a);
}

}  // namespace simd
}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
#endif
