// Vector trigonometric functions for float and double lanes, inline. Conventions as in math-inl.h.
//
// Arguments beyond the range of the vector reduction (1e5 for float, 1e6 and more for double) are computed by
// libm, lane by lane; other lanes are not touched by that.
#if defined(RUSTORCH_MATH_TRIG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_MATH_TRIG_INL_H_
#undef RUSTORCH_MATH_TRIG_INL_H_
#else
#define RUSTORCH_MATH_TRIG_INL_H_
#endif

#include "backend/cpu/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace simd {

/// Range within which reduce_quarter is exact enough.
template <class D>
inline constexpr double kTrigLimit = kSingle<D> ? 1e5 : (HWY_NATIVE_FMA ? 1e8 : 1e6);

/// x = n pi/2 + r, |r| <= pi/4 (a little more by rounding of n).
template <class D, class V>
HWY_INLINE V reduce_quarter(D d, V x, V& n) {
  n = hn::Round(hn::Mul(x, set(d, 0.6366197723675813430755351)));
  if constexpr (kSingle<D>) {
#if HWY_NATIVE_FMA
    V r = hn::NegMulAdd(n, set(d, 1.57079637050628662109375), x);
    r = hn::NegMulAdd(n, set(d, -4.371138828673792886547744e-8), r);
    return hn::NegMulAdd(n, set(d, -1.715124499442882805816507e-15), r);
#else
    // Products in double are exact enough.
    return via_double2(d, x, n, [](auto dd, auto v, auto m) HWY_ATTR {
      return hn::Sub(hn::Sub(v, hn::Mul(m, set(dd, 1.57079632673412561416626))),
                     hn::Mul(m, set(dd, 6.077100506506192601475e-11)));
    });
#endif
  } else {
#if HWY_NATIVE_FMA
    V r = hn::NegMulAdd(n, set(d, 1.570796326794896557998982), x);
    r = hn::NegMulAdd(n, set(d, 6.12323399573676603586882e-17), r);
    return hn::NegMulAdd(n, set(d, -1.497384904859169776815449e-33), r);
#else
    // 33-bit pieces: products with n < 2^20 are exact.
    V r = hn::Sub(x, hn::Mul(n, set(d, 1.57079632673412561416626)));
    r = hn::Sub(r, hn::Mul(n, set(d, 6.077100506303965976595549e-11)));
    return hn::Sub(r, hn::Mul(n, set(d, 2.022266248795950732399685e-21)));
#endif
  }
}
template <class D, class V>
HWY_INLINE V sin_poly(D d, V r) {
  const V z = hn::Mul(r, r);
  V p;
  if constexpr (kSingle<D>)
    p = poly(d, z, -1.6666654611E-1, 8.3321608736E-3, -1.9515295891E-4);
  else
    p = poly(d, z, -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
             2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10);
  return hn::MulAdd(hn::Mul(z, r), p, r);
}
template <class D, class V>
HWY_INLINE V cos_poly(D d, V r) {
  const V z = hn::Mul(r, r);
  V p;
  if constexpr (kSingle<D>)
    p = poly(d, z, 4.166664568298827E-2, -1.388731625493765E-3, 2.443315711809948E-5);
  else
    p = poly(d, z, 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
             -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11);
  const V h = hn::Mul(set(d, 0.5), z), w = hn::Sub(set(d, 1), h);
  // 1 - z/2 with the rounding error of the subtraction put back.
  const V lost = hn::Sub(hn::Sub(set(d, 1), w), h);
  return hn::Add(w, hn::MulAdd(hn::Mul(z, z), p, lost));
}
/// sin(x + quarter pi/2) within the limit.
template <int kQuarter, class D, class V>
HWY_INLINE V sin_limited(D d, V x) {
  V n;
  const V r = reduce_quarter(d, x, n);
  n = hn::Add(n, set(d, kQuarter));
  const V s = sin_poly(d, r), c = cos_poly(d, r);
  // n mod 4 without integers: odd picks the cosine, n/2 odd flips the sign.
  const V half = hn::Floor(hn::Mul(n, set(d, 0.5)));
  const auto odd = hn::Gt(hn::NegMulAdd(set(d, 2), half, n), set(d, 0.5));
  const V quarter = hn::Floor(hn::Mul(half, set(d, 0.5)));
  const auto flip = hn::Gt(hn::NegMulAdd(set(d, 2), quarter, half), set(d, 0.5));
  const V v = hn::IfThenElse(odd, c, s);
  return hn::IfThenElse(flip, hn::Neg(v), v);
}
/// f on the lanes whose |x| exceeds the limit (also inf and nan), r elsewhere.
template <class D, class V, class F>
HWY_INLINE V large_by_lane(D d, V x, V r, F f) {
  using T = hn::TFromD<D>;
  const auto ok = hn::Le(hn::Abs(x), set(d, kTrigLimit<D>));
  if (HWY_LIKELY(hn::AllTrue(d, ok))) return r;
  HWY_ALIGN T a[hn::MaxLanes(d)];
  hn::Store(x, d, a);
  for (size_t k = 0; k < hn::Lanes(d); ++k)
    a[k] = std::fabs(a[k]) <= static_cast<T>(kTrigLimit<D>) ? T{0}
                                                            : static_cast<T>(f(static_cast<double>(a[k])));
  return hn::IfThenElse(ok, r, hn::Load(d, a));
}
template <class D, class V>
HWY_INLINE V sin(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::sin(v); });
  const V r = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, sin_limited<0>(d, x));
  return large_by_lane(d, x, r, [](double v) { return std::sin(v); });
}
template <class D, class V>
HWY_INLINE V cos(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::cos(v); });
  return large_by_lane(d, x, sin_limited<1>(d, x), [](double v) { return std::cos(v); });
}
template <class D, class V>
HWY_INLINE V tan(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::tan(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::tan(dd, v); });
  } else {
    V n;
    const V r = reduce_quarter(d, x, n);
    const V s = sin_poly(d, r), c = cos_poly(d, r);
    const V half = hn::Floor(hn::Mul(n, set(d, 0.5)));
    const auto odd = hn::Gt(hn::NegMulAdd(set(d, 2), half, n), set(d, 0.5));
    const V t = hn::Div(hn::IfThenElse(odd, hn::Neg(c), s), hn::IfThenElse(odd, s, c));
    return large_by_lane(d, x, hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, t),
                         [](double v) { return std::tan(v); });
  }
}

/// (asin(s) - s) / s for s^2 = z <= 1/4 (fdlibm).
template <class D, class V>
HWY_INLINE V asin_ratio(D d, V z) {
  const V p = poly(d, z, 1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
                   -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05);
  const V q = poly(d, z, 1.0, -2.40339491173441421878e+00, 2.02094576023350569471e+00,
                   -6.88283971605453293030e-01, 7.70381505559019352791e-02);
  return hn::Div(hn::Mul(z, p), q);
}
template <class D, class V>
HWY_INLINE V asin(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::asin(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::asin(dd, v); });
  } else {
    const V a = hn::Abs(x);
    const auto small = hn::Lt(a, set(d, 0.5));
    const V z = hn::IfThenElse(small, hn::Mul(a, a), hn::Mul(set(d, 0.5), hn::Sub(set(d, 1), a)));
    const V s = hn::IfThenElse(small, a, hn::Sqrt(z));
    const V t = hn::MulAdd(s, asin_ratio(d, z), s);
    const V large =
        hn::Sub(set(d, 1.57079632679489655800), hn::Sub(hn::Add(t, t), set(d, 6.12323399573676603587e-17)));
    return hn::CopySign(hn::IfThenElse(small, t, large), x);
  }
}
template <class D, class V>
HWY_INLINE V acos(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::acos(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::acos(dd, v); });
  } else {
    const V a = hn::Abs(x);
    const auto small = hn::Lt(a, set(d, 0.5));
    const V z = hn::IfThenElse(small, hn::Mul(a, a), hn::Mul(set(d, 0.5), hn::Sub(set(d, 1), a)));
    const V s = hn::IfThenElse(small, x, hn::Sqrt(z));
    const V ratio = asin_ratio(d, z);
    const V t = hn::MulAdd(s, ratio, s);
    const V middle = hn::Sub(set(d, 1.57079632679489655800),
                             hn::Sub(s, hn::Sub(set(d, 6.12323399573676603587e-17), hn::Mul(s, ratio))));
    const V right = hn::Add(t, t);
    const V left =
        hn::Sub(set(d, 3.14159265358979311600), hn::Sub(right, set(d, 1.22464679914735317723e-16)));
    return hn::IfThenElse(
        small, middle, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), right, hn::IfThenElse(hn::IsNaN(x), x, left)));
  }
}
/// atan of num / den for num, den >= 0 without forming the quotient first; 0/0 is nan (double lanes).
template <class D, class V>
HWY_INLINE V atan_positive(D d, V a) {
  // fdlibm's centres: 0, 1/2, 1, 3/2, infinity.
  const V one = set(d, 1);
  V num = a, den = one, high = hn::Zero(d), low = hn::Zero(d);
  const auto step = [&](double from, V n, V q, double h, double l) HWY_ATTR {
    const auto take = hn::Ge(a, set(d, from));
    num = hn::IfThenElse(take, n, num);
    den = hn::IfThenElse(take, q, den);
    high = hn::IfThenElse(take, set(d, h), high);
    low = hn::IfThenElse(take, set(d, l), low);
  };
  step(0.4375, hn::Sub(hn::Add(a, a), one), hn::Add(set(d, 2), a), 4.63647609000806093515e-01,
       2.26987774529616870924e-17);
  step(0.6875, hn::Sub(a, one), hn::Add(a, one), 7.85398163397448278999e-01, 3.06161699786838301793e-17);
  step(1.1875, hn::Sub(a, set(d, 1.5)), hn::MulAdd(set(d, 1.5), a, one), 9.82793723247329054082e-01,
       1.39033110312309984516e-17);
  step(2.4375, set(d, -1), a, 1.57079632679489655800e+00, 6.12323399573676603587e-17);
  const V t = hn::Div(num, den), z = hn::Mul(t, t);
  const V p = poly(d, z, 3.33333333333329318027e-01, -1.99999999998764832476e-01, 1.42857142725034663711e-01,
                   -1.11111104054623557880e-01, 9.09088713343650656196e-02, -7.69187620504482999495e-02,
                   6.66107313738753120669e-02, -5.83357013379057348645e-02, 4.97687799461593236017e-02,
                   -3.65315727442169155270e-02, 1.62858201153657823623e-02);
  const V s = hn::Mul(hn::Mul(t, z), p);
  return hn::Sub(high, hn::Sub(hn::Sub(s, low), t));
}
template <class D, class V>
HWY_INLINE V atan(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::atan(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::atan(dd, v); });
  } else {
    return hn::CopySign(atan_positive(d, hn::Abs(x)), x);
  }
}
template <class D, class V>
HWY_INLINE V atan2(D d, V y, V x) {
  if constexpr (kScalarTarget) return per_lane2(d, y, x, [](auto a, auto b) { return std::atan2(a, b); });
  if constexpr (kSingle<D>) {
    return via_double2(d, y, x, [](auto dd, auto a, auto b) HWY_ATTR { return simd::atan2(dd, a, b); });
  } else {
    const hn::RebindToSigned<D> di;
    const V ay = hn::Abs(y), ax = hn::Abs(x);
    V t = hn::Div(ay, ax);
    t = hn::IfThenElse(hn::And(hn::Eq(ay, hn::Zero(d)), hn::Eq(ax, hn::Zero(d))), hn::Zero(d), t);
    t = hn::IfThenElse(hn::And(hn::Eq(ay, infinity(d)), hn::Eq(ax, infinity(d))), set(d, 1), t);
    const V z = atan_positive(d, t);
    const V left = hn::Sub(set(d, 3.14159265358979311600), hn::Sub(z, set(d, 1.22464679914735317723e-16)));
    const auto negative = hn::RebindMask(d, hn::Lt(hn::BitCast(di, x), hn::Zero(di)));
    const V r = hn::CopySign(hn::IfThenElse(negative, left, z), y);
    return hn::IfThenElse(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), hn::Add(x, y), r);
  }
}

}  // namespace simd
}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
#endif
