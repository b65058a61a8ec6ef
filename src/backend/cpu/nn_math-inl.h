// Vector helpers of the neural-network kernels: partial loads and stores, exp of non-positive numbers, sums.
//
// Included once per ISA target (Highway's foreach_target). T is float or double.
#if defined(RUSTORCH_NN_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_NN_MATH_INL_H_
#undef RUSTORCH_NN_MATH_INL_H_
#else
#define RUSTORCH_NN_MATH_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The first n lanes from p, `fill` in the others. Never reads past p + n.
template <class D, class T>
HWY_INLINE hn::Vec<D> load_n(D d, const T* p, size_t n, T fill) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN T buffer[hn::MaxLanes(d)];
  for (size_t i = 0; i < hn::Lanes(d); ++i) buffer[i] = i < n ? p[i] : fill;
  return hn::Load(d, buffer);
#else
  const auto mask = hn::FirstN(d, n);
  return hn::IfThenElse(mask, hn::MaskedLoad(mask, d, p), hn::Set(d, fill));
#endif
}

/// Writes the first n lanes to p.
template <class D, class V, class T>
HWY_INLINE void store_n(D d, V v, T* p, size_t n) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN T buffer[hn::MaxLanes(d)];
  hn::Store(v, d, buffer);
  for (size_t i = 0; i < n; ++i) p[i] = buffer[i];
#else
  hn::BlendedStore(v, hn::FirstN(d, n), d, p);
#endif
}

/// Calls f(load, store) for every vector of a row; load(p) reads p[i...] (0 behind the end), store(v, p)
/// writes.
template <class T, class F>
HWY_INLINE void each_vector(int64_t n, F&& f) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    f([&](const T* p) HWY_ATTR { return hn::LoadU(d, p + i); },
      [&](auto v, T* p) HWY_ATTR { hn::StoreU(v, d, p + i); });
  if (i < n) {
    const size_t rest = static_cast<size_t>(n - i);
    f([&](const T* p) HWY_ATTR { return load_n(d, p + i, rest, T(0)); },
      [&](auto v, T* p) HWY_ATTR { store_n(d, v, p + i, rest); });
  }
}

/// exp(x) for x <= 0 (up to about 88 the result is right too, without care for the last binade); results
/// under the smallest normal number become 0. NaN stays NaN. At most 1 ulp (float), 2 ulp (double).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_neg(D d, V x) {
  using T = hn::TFromD<D>;
  const hn::RebindToUnsigned<D> du;
  using TU = hn::TFromD<decltype(du)>;
  constexpr bool kF32 = sizeof(T) == 4;
  constexpr int kMantissa = kF32 ? 23 : 52;
  const V magic = hn::Set(d, kF32 ? T(12582912.0) : T(6755399441055744.0));
  const V t = hn::MulAdd(x, hn::Set(d, T(1.4426950408889634)), magic);
  const V n = hn::Sub(t, magic);
  V r;
  V p;
  if constexpr (kF32) {
    r = hn::NegMulAdd(n, hn::Set(d, T(0.693359375)), x);
    r = hn::NegMulAdd(n, hn::Set(d, T(-2.12194440e-4)), r);
    p = hn::Set(d, T(1.9875691500e-4));
    for (const double c :
         {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1})
      p = hn::MulAdd(p, r, hn::Set(d, static_cast<T>(c)));
  } else {
    r = hn::NegMulAdd(n, hn::Set(d, T(6.93147180369123816490e-01)), x);
    r = hn::NegMulAdd(n, hn::Set(d, T(1.90821492927058770002e-10)), r);
    p = hn::Set(d, T(1.0 / 6227020800.0));
    for (const double c : {1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0,
                           1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5})
      p = hn::MulAdd(p, r, hn::Set(d, static_cast<T>(c)));
  }
  p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, T(1)));
  const auto bits = hn::Add(hn::ShiftLeft<kMantissa>(hn::BitCast(du, t)),
                            hn::Set(du, (kF32 ? TU(127) : TU(1023)) << kMantissa));
  const V y = hn::Mul(p, hn::BitCast(d, bits));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, kF32 ? T(-87.3365478515625) : T(-708.396418532264))), y);
}

/// Sum of the lanes as a number.
template <class D, class V>
HWY_INLINE hn::TFromD<D> sum_lanes(D d, V v) {
  return hn::GetLane(hn::SumOfLanes(d, v));
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#endif  // include toggle
