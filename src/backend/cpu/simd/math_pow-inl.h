// Vector pow, hypot and division with rounding (fmod, remainder, floordiv) for float and double lanes,
// inline. Conventions as in math-inl.h.
#if defined(RUSTORCH_MATH_POW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_MATH_POW_INL_H_
#undef RUSTORCH_MATH_POW_INL_H_
#else
#define RUSTORCH_MATH_POW_INL_H_
#endif

#include "backend/cpu/simd/math-inl.h"
#include "expr/host_math.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace simd {

/// A value as the unevaluated sum hi + lo (double lanes; needs fused multiply-add).
template <class V>
struct Pair {
  V hi, lo;
};
template <class V>
HWY_INLINE Pair<V> two_sum(V a, V b) {
  const V s = hn::Add(a, b), t = hn::Sub(s, a);
  return {s, hn::Add(hn::Sub(a, hn::Sub(s, t)), hn::Sub(b, t))};
}
template <class V>
HWY_INLINE Pair<V> fast_sum(V a, V b) {  // |a| >= |b|
  const V s = hn::Add(a, b);
  return {s, hn::Sub(b, hn::Sub(s, a))};
}
template <class V>
HWY_INLINE Pair<V> mul(Pair<V> a, Pair<V> b) {
  const V p = hn::Mul(a.hi, b.hi);
  const V e = hn::MulSub(a.hi, b.hi, p);
  return fast_sum(p, hn::Add(e, hn::MulAdd(a.hi, b.lo, hn::Mul(a.lo, b.hi))));
}
/// log of a positive finite x to about 2^-64 relative: e ln 2 + 2 atanh((m - 1) / (m + 1)).
template <class D, class V>
HWY_INLINE Pair<V> log_pair(D d, V x) {
  V e;
  const V m = split_mantissa<true>(d, x, e);
  const V num = hn::Sub(m, set(d, 1));
  const Pair<V> den = two_sum(m, set(d, 1));
  const V quotient = hn::Div(num, den.hi);
  const V rest = hn::NegMulAdd(quotient, den.lo, hn::NegMulAdd(quotient, den.hi, num));
  const Pair<V> s{quotient, hn::Div(rest, den.hi)};
  const Pair<V> z = mul(s, s);
  const V tail = hn::Mul(z.hi, poly(d, z.hi, 0.4, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17,
                                    2.0 / 19, 2.0 / 21, 2.0 / 23));
  // 2/3 = 0x1.5555555555555p-1 + 0x1.5555555555555p-55.
  Pair<V> c = fast_sum(set(d, 0.66666666666666662966), tail);
  c.lo = hn::Add(c.lo, set(d, 3.7007434154171882626e-17));
  const Pair<V> cubic = mul(mul(z, s), c);
  const V two_hi = hn::Add(s.hi, s.hi), two_lo = hn::Add(s.lo, s.lo);
  Pair<V> l = fast_sum(two_hi, cubic.hi);
  l.lo = hn::Add(l.lo, hn::Add(two_lo, cubic.lo));
  // e * (42-bit ln 2) is exact.
  const Pair<V> whole = two_sum(hn::Mul(e, set(d, 0.693147180559890330187045)), l.hi);
  return fast_sum(whole.hi, hn::Add(hn::MulAdd(e, set(d, 5.497923018708371174712472e-14), l.lo), whole.lo));
}
/// |x|^y away from the special cases; |y| <= 1e300, x positive and finite.
template <bool kPrecise, class D, class V>
HWY_INLINE V pow_core(D d, V x, V y) {
  V p, low;
  if constexpr (kPrecise) {
    const Pair<V> l = log_pair(d, x);
    p = hn::Mul(y, l.hi);
    low = hn::MulAdd(y, l.lo, hn::MulSub(y, l.hi, p));
  } else {
    V e;
    const V m = split_mantissa<false>(d, x, e);
    p = hn::Mul(y, log_core(d, hn::Sub(m, set(d, 1)), e));
    low = hn::Zero(d);
  }
  const auto inside = hn::Lt(hn::Abs(p), set(d, 800));
  p = hn::IfThenElse(inside, p, hn::CopySign(set(d, 800), p));
  low = hn::IfThenElseZero(inside, low);
  V n;
  const V r = hn::Add(exp_reduce(d, p, n), low);
  const V v = hn::Add(hn::MulAdd(hn::Mul(r, r), exp_tail(d, r), r), set(d, 1));
  return scale(d, v, n);
}
/// C's pow (double lanes).
template <bool kPrecise, class D, class V>
HWY_INLINE V pow_double(D d, V x, V y) {
  const hn::RebindToSigned<D> di;
  const V zero = hn::Zero(d), one = set(d, 1), a = hn::Abs(x), ay = hn::Abs(y);
  V r = pow_core<kPrecise>(d, a, limit(d, y, -1e300, 1e300));
  const auto up = hn::Gt(y, zero);
  r = hn::IfThenElse(hn::Eq(a, zero), hn::IfThenElse(up, zero, infinity(d)), r);
  r = hn::IfThenElse(hn::Eq(a, infinity(d)), hn::IfThenElse(up, infinity(d), zero), r);
  // Negative bases: integers only; odd ones keep the sign.
  const auto negative = hn::RebindMask(d, hn::Lt(hn::BitCast(di, x), hn::Zero(di)));
  const auto whole = hn::Eq(hn::Trunc(y), y);
  const V half = hn::Mul(y, set(d, 0.5));
  const auto odd =
      hn::And(hn::And(whole, hn::Lt(ay, set(d, 9007199254740992.0))), hn::Not(hn::Eq(hn::Trunc(half), half)));
  r = hn::IfThenElse(hn::And(negative, odd), hn::Neg(r), r);
  const auto invalid = hn::And(hn::Lt(x, zero), hn::And(hn::Not(whole), hn::Lt(a, infinity(d))));
  r = hn::IfThenElse(invalid, nan(d), r);
  r = hn::IfThenElse(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), hn::Add(x, y), r);
  return hn::IfThenElse(hn::Or(hn::Eq(y, zero), hn::Eq(x, one)), one, r);
}
template <class D, class V>
HWY_INLINE V pow(D d, V x, V y) {
  if constexpr (kSingle<D>) {
    if constexpr (kScalarTarget) return per_lane2(d, x, y, [](auto a, auto b) { return std::pow(a, b); });
    return via_double2(d, x, y, [](auto dd, auto a, auto b) HWY_ATTR { return pow_double<false>(dd, a, b); });
  } else {
    if constexpr (!HWY_NATIVE_FMA) return per_lane2(d, x, y, [](auto a, auto b) { return std::pow(a, b); });
    return pow_double<true>(d, x, y);
  }
}
template <class D, class V>
HWY_INLINE V hypot(D d, V x, V y) {
  if constexpr (kScalarTarget) return per_lane2(d, x, y, [](auto a, auto b) { return std::hypot(a, b); });
  if constexpr (kSingle<D>) {
    const V r = via_double2(d, x, y, [](auto dd, auto a, auto b) HWY_ATTR {
      (void)dd;
      return hn::Sqrt(hn::Add(hn::Mul(a, a), hn::Mul(b, b)));
    });
    return hn::IfThenElse(hn::Or(hn::Eq(hn::Abs(x), infinity(d)), hn::Eq(hn::Abs(y), infinity(d))),
                          infinity(d), r);
  } else {
    const V ax = hn::Abs(x), ay = hn::Abs(y);
    const auto order = hn::Gt(ay, ax);
    const V big = hn::IfThenElse(order, ay, ax), small = hn::IfThenElse(order, ax, ay);
    // Scale by a power of two so that squares neither overflow nor vanish.
    const auto huge = hn::Gt(big, set(d, 1e150)), tiny = hn::Lt(big, set(d, 1e-140));
    const V s = hn::IfThenElse(huge, set(d, 0x1p-600), hn::IfThenElse(tiny, set(d, 0x1p600), set(d, 1)));
    const V back = hn::IfThenElse(huge, set(d, 0x1p600), hn::IfThenElse(tiny, set(d, 0x1p-600), set(d, 1)));
    const V u = hn::Mul(big, s), v = hn::Mul(small, s);
    V r = hn::Mul(hn::Sqrt(hn::MulAdd(u, u, hn::Mul(v, v))), back);
    r = hn::IfThenElse(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), hn::Add(x, y), r);
    return hn::IfThenElse(hn::Or(hn::Eq(ax, infinity(d)), hn::Eq(ay, infinity(d))), infinity(d), r);
  }
}

/// x - trunc(x / y) y, exact, for |x / y| < 2^23 (float) or 2^52 (double) and finite operands, with fused
/// multiply-add; `ok` says which lanes those are.
template <class D, class V, class M>
HWY_INLINE V fmod_near(D d, V x, V y, M& ok) {
  const V ax = hn::Abs(x), ay = hn::Abs(y);
  const V q = hn::Trunc(hn::Div(ax, ay));
  ok = hn::And(hn::Lt(q, set(d, kSingle<D> ? 8388608.0 : 4503599627370496.0)),
               hn::And(hn::Lt(ax, infinity(d)), hn::Lt(ay, infinity(d))));
  V r = hn::NegMulAdd(q, ay, ax);  // exact: the true remainder fits the format
  // The rounded quotient may be one too large.
  r = hn::IfThenElse(hn::Lt(r, hn::Zero(d)), hn::Add(r, ay), r);
  return hn::CopySign(r, x);
}
template <class D, class V, class F>
HWY_INLINE V replace_lanes(D d, V x, V y, V r, hn::Mask<D> ok, F f) {
  if (HWY_LIKELY(hn::AllTrue(d, ok))) return r;
  return hn::IfThenElse(ok, r, per_lane2(d, x, y, f));
}
template <class D, class V>
HWY_INLINE V fmod(D d, V x, V y) {
  if constexpr (!HWY_NATIVE_FMA) return per_lane2(d, x, y, [](auto a, auto b) { return std::fmod(a, b); });
  hn::Mask<D> ok;
  const V r = fmod_near(d, x, y, ok);
  return replace_lanes(d, x, y, r, ok, [](auto a, auto b) { return std::fmod(a, b); });
}
template <class D, class V>
HWY_INLINE V remainder(D d, V x, V y) {
  if constexpr (!HWY_NATIVE_FMA)
    return per_lane2(d, x, y, [](double a, double b) { return host_math::remainder(a, b); });
  hn::Mask<D> ok;
  const V m = fmod_near(d, x, y, ok);
  const V zero = hn::Zero(d);
  const auto other_sign = hn::Xor(hn::Lt(y, zero), hn::Lt(m, zero));
  const V r = hn::IfThenElse(hn::And(hn::Not(hn::Eq(m, zero)), other_sign), hn::Add(m, y), m);
  return replace_lanes(d, x, y, r, ok, [](double a, double b) { return host_math::remainder(a, b); });
}
template <class D, class V>
HWY_INLINE V floordiv(D d, V x, V y) {
  if constexpr (!HWY_NATIVE_FMA)
    return per_lane2(d, x, y, [](double a, double b) { return host_math::floordiv(a, b); });
  hn::Mask<D> ok;
  const V zero = hn::Zero(d), one = set(d, 1);
  const V m = fmod_near(d, x, y, ok);
  V q = hn::Div(hn::Sub(x, m), y);
  const auto other_sign = hn::Xor(hn::Lt(y, zero), hn::Lt(m, zero));
  q = hn::IfThenElse(hn::And(hn::Not(hn::Eq(m, zero)), other_sign), hn::Sub(q, one), q);
  V f = hn::Floor(q);
  f = hn::IfThenElse(hn::Gt(hn::Sub(q, f), set(d, 0.5)), hn::Add(f, one), f);
  f = hn::IfThenElse(hn::Eq(q, zero), hn::CopySign(zero, hn::Div(x, y)), f);
  return replace_lanes(d, x, y, f, ok, [](double a, double b) { return host_math::floordiv(a, b); });
}

}  // namespace simd
}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
#endif
