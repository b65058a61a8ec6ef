// Vector exp, log, hyperbolic, sigmoid and error functions for float and double lanes, inline.
//
// Usage: simd::exp(d, x) with d = ScalableTag<float or double>. Errors (tests/cpp/expr/ulp_test.cc): float <=
// 2 ulp, double <= 3 ulp; infinities, nans, signed zeros and denormals as in libm. A lane's result never
// depends on the other lanes. On HWY_SCALAR everything is libm. Compile with -ffp-contract=off.
#if defined(RUSTORCH_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_MATH_INL_H_
#undef RUSTORCH_MATH_INL_H_
#else
#define RUSTORCH_MATH_INL_H_
#endif

#include <cmath>
#include <limits>
#include <type_traits>

#include <hwy/highway.h>

#include "backend/cpu/simd/math_tables.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace simd {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr bool kScalarTarget = HWY_TARGET == HWY_SCALAR;
template <class D>
inline constexpr bool kSingle = sizeof(hn::TFromD<D>) == 4;

/// Applies a scalar function to every lane.
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

/// Computes float lanes in double and rounds once: f(dd, v) works on vectors of double.
template <class D, class V, class F>
HWY_INLINE V via_double(D d, V x, F f) {
#if HWY_TARGET == HWY_SCALAR
  const hn::Rebind<double, D> dd;
  return hn::DemoteTo(d, f(dd, hn::PromoteTo(dd, x)));
#else
  const hn::Half<D> dh;
  const hn::Repartition<double, D> dd;
  const auto lo = f(dd, hn::PromoteTo(dd, hn::LowerHalf(dh, x)));
  const auto hi = f(dd, hn::PromoteTo(dd, hn::UpperHalf(dh, x)));
  return hn::Combine(d, hn::DemoteTo(dh, hi), hn::DemoteTo(dh, lo));
#endif
}
template <class D, class V, class F>
HWY_INLINE V via_double2(D d, V x, V y, F f) {
#if HWY_TARGET == HWY_SCALAR
  const hn::Rebind<double, D> dd;
  return hn::DemoteTo(d, f(dd, hn::PromoteTo(dd, x), hn::PromoteTo(dd, y)));
#else
  const hn::Half<D> dh;
  const hn::Repartition<double, D> dd;
  const auto lo = f(dd, hn::PromoteTo(dd, hn::LowerHalf(dh, x)), hn::PromoteTo(dd, hn::LowerHalf(dh, y)));
  const auto hi = f(dd, hn::PromoteTo(dd, hn::UpperHalf(dh, x)), hn::PromoteTo(dd, hn::UpperHalf(dh, y)));
  return hn::Combine(d, hn::DemoteTo(dh, hi), hn::DemoteTo(dh, lo));
#endif
}

template <class D>
HWY_INLINE hn::Vec<D> set(D d, double v) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(v));
}
/// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <class D, class V>
HWY_INLINE V poly(D d, V, double c0) {
  return set(d, c0);
}
template <class D, class V, class... Rest>
HWY_INLINE V poly(D d, V x, double c0, Rest... rest) {
  return hn::MulAdd(poly(d, x, rest...), x, set(d, c0));
}
template <class D>
HWY_INLINE hn::Vec<D> infinity(D d) {
  return hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
}
template <class D>
HWY_INLINE hn::Vec<D> nan(D d) {
  return hn::Set(d, std::numeric_limits<hn::TFromD<D>>::quiet_NaN());
}
/// The smaller of x and a bound; nan stays nan. (MINPS gives its second operand when one is nan; others drop
/// it.)
template <class D, class V>
HWY_INLINE V at_most(D d, V x, double hi) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Min(set(d, hi), x);
#else
  return hn::IfThenElse(hn::Gt(x, set(d, hi)), set(d, hi), x);
#endif
}
/// x limited to [lo, hi]; nan stays nan.
template <class D, class V>
HWY_INLINE V limit(D d, V x, double lo, double hi) {
  const V y = at_most(d, x, hi);
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Max(set(d, lo), y);
#else
  return hn::IfThenElse(hn::Lt(y, set(d, lo)), set(d, lo), y);
#endif
}

// --- exponentials
// -------------------------------------------------------------------------------------------
/// 2^n for integral n in the range of normal numbers.
template <class D, class V>
HWY_INLINE V power_of_two(D d, V n) {
  const hn::RebindToUnsigned<D> du;
  if constexpr (kSingle<D>) {
    const auto biased = hn::Add(n, set(d, 12582912.0 + 127));  // the integer lands in the low mantissa bits
    return hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, biased)));
  } else {
    const auto biased = hn::Add(n, set(d, 6755399441055744.0 + 1023));
    return hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(du, biased)));
  }
}
/// p * 2^n with one rounding, also into denormals and infinity.
template <class D, class V>
HWY_INLINE V scale(D d, V p, V n) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kSingle<D> && sizeof(V) == 64) {
    (void)d;
    return V{_mm512_scalef_ps(p.raw, n.raw)};
  } else if constexpr (sizeof(V) == 64) {
    return V{_mm512_scalef_pd(p.raw, n.raw)};
  } else  // NOLINT
#endif
  {
    const V half = hn::Trunc(hn::Mul(n, set(d, 0.5)));
    return hn::Mul(hn::Mul(p, power_of_two(d, half)), power_of_two(d, hn::Sub(n, half)));
  }
}
/// (exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2.
template <class D, class V>
HWY_INLINE V exp_tail(D d, V r) {
  if constexpr (kSingle<D>)
    return poly(d, r, 0.5, 0.166665734, 0.0416665501, 0.00836377387, 0.00139269266);
  else
    return poly(d, r, 0.5, 0.16666666666666667534, 0.041666666666620638584, 0.0083333333333297934996,
                0.0013888888918939167785, 0.00019841269864380513295, 0.000024801518641395993583,
                2.7557266418612303703e-6, 2.76213386691429238e-7, 2.5101346928350340198e-8);
}
/// x = n ln 2 + r with |r| <= ln(2)/2, for |x| < 2^20. Adding 1.5 * 2^(mantissa bits) leaves no fraction, so
/// that the sum rounds to an integer.
template <class D, class V>
HWY_INLINE V exp_reduce(D d, V x, V& n) {
  const V shift = set(d, kSingle<D> ? 12582912.0 : 6755399441055744.0);
  n = hn::Sub(hn::MulAdd(x, set(d, 1.442695040888963407359925), shift), shift);
  if constexpr (kSingle<D>) {
    const V r = hn::NegMulAdd(n, set(d, 0.693145751953125), x);
    return hn::NegMulAdd(n, set(d, 0.000001428606820309417232121458), r);
  } else {
    const V r = hn::NegMulAdd(n, set(d, 0.693147180559890330187045), x);
    return hn::NegMulAdd(n, set(d, 5.497923018708371174712472e-14), r);
  }
}
template <class D>
inline constexpr double kExpLow = kSingle<D> ? -104.0 : -746.0;
template <class D>
inline constexpr double kExpHigh = kSingle<D> ? 89.0 : 710.0;

template <class D, class V>
HWY_INLINE V exp(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::exp(v); });
  V n;
  const V r = exp_reduce(d, limit(d, x, kExpLow<D>, kExpHigh<D>), n);
  const V p = hn::Add(hn::MulAdd(hn::Mul(r, r), exp_tail(d, r), r), set(d, 1));
  return scale(d, p, n);
}
/// exp(x) for |x| < 80: no limits, no denormals.
template <class D, class V>
HWY_INLINE V exp_small(D d, V x) {
  V n;
  const V r = exp_reduce(d, x, n);
  return hn::Mul(hn::Add(hn::MulAdd(hn::Mul(r, r), exp_tail(d, r), r), set(d, 1)), power_of_two(d, n));
}
template <class D, class V>
HWY_INLINE V exp2(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::exp2(v); });
  x = limit(d, x, kSingle<D> ? -151.0 : -1076.0, kSingle<D> ? 129.0 : 1025.0);
  const V n = hn::Round(x);
  const V r = hn::Mul(hn::Sub(x, n), set(d, 0.69314718055994530942));
  const V p = hn::Add(hn::MulAdd(hn::Mul(r, r), exp_tail(d, r), r), set(d, 1));
  return scale(d, p, n);
}
/// exp(x) - 1 for x already within [-60, kExpHigh]; the sign of zero is lost.
template <class D, class V>
HWY_INLINE V expm1_limited(D d, V x) {
  V n;
  const V r = exp_reduce(d, x, n);
  const V q = hn::MulAdd(hn::Mul(r, r), exp_tail(d, r), r);
  // 2 (2^(n-1) q + 2^(n-1) - 1/2): half the power, so that it does not overflow before the result does.
  const V h = power_of_two(d, hn::Sub(n, set(d, 1)));
  const V s = hn::MulAdd(h, q, hn::Sub(h, set(d, 0.5)));
  return hn::Add(s, s);
}
template <class D, class V>
HWY_INLINE V expm1(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::expm1(v); });
  const V r = expm1_limited(d, limit(d, x, kSingle<D> ? -30.0 : -60.0, kExpHigh<D>));
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, r);
}
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = set(d, 1);
  return hn::Div(one, hn::Add(one, simd::exp(d, hn::Neg(x))));
}
#if HWY_TARGET == HWY_AVX3
/// The value at a >= 0 of a table of math_tables.h whose first interval ends a quarter above 2^kLow. a must
/// lie within the table; nan stays nan. kAddArgument: the first interval holds the function less its
/// argument.
template <int kLow, bool kAddArgument, size_t kRows, class V>
HWY_INLINE V table_value(const float (&table)[kRows][32], V a) {
  const __m512i quarter = _mm512_sub_epi32(_mm512_srli_epi32(_mm512_castps_si512(a.raw), 21),
                                           _mm512_set1_epi32((kLow + 127) * 4));
  const __m512i index = _mm512_max_epi32(quarter, _mm512_setzero_si512());
  const auto look_up = [&](size_t row) HWY_ATTR {
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table[row]), index, _mm512_loadu_ps(table[row] + 16));
  };
  const __m512 t = _mm512_sub_ps(a.raw, look_up(0));
  __m512 p = look_up(kRows - 1);
#pragma GCC unroll 8
  for (size_t row = kRows - 2; row > 1; --row) p = _mm512_fmadd_ps(p, t, look_up(row));
  __m512 base = look_up(1);
  if constexpr (kAddArgument)
    base = _mm512_mask_mov_ps(base, _mm512_cmple_epi32_mask(quarter, _mm512_setzero_si512()), t);
  return V{_mm512_fmadd_ps(p, t, base)};
}
#endif
template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::tanh(v); });
  const V a = hn::Abs(x);
#if HWY_TARGET == HWY_AVX3
  if constexpr (kSingle<D> && sizeof(V) == 64)
    return hn::CopySign(table_value<-4, false>(simd_tables::kTanhTable, at_most(d, a, 15.5)), x);
#endif
  if constexpr (kSingle<D>) {
    // Near zero an odd polynomial; else 1 - 2 / (exp(2a) + 1).
    const V z = hn::Mul(x, x);
    const V p =
        poly(d, z, -0.333333332, 0.133333036, -0.0539592596, 0.0217689187, -0.00834394552, 0.00229274482);
    const V small = hn::MulAdd(hn::Mul(z, a), p, a);
    const V b = at_most(d, a, 10);
    const V e = exp_small(d, hn::Add(b, b));
    const V large = hn::Sub(set(d, 1), hn::Div(set(d, 2), hn::Add(e, set(d, 1))));
    return hn::CopySign(hn::IfThenElse(hn::Lt(a, set(d, 0.625)), small, large), x);
  } else {
    const V b = at_most(d, a, 22);
    const V t = expm1_limited(d, hn::Add(b, b));
    return hn::CopySign(hn::Div(t, hn::Add(t, set(d, 2))), x);
  }
}
/// exp(a) / 2 without early overflow, for a >= 0.
template <class D, class V>
HWY_INLINE V half_exp(D d, V a) {
  const V h = simd::exp(d, hn::Mul(a, set(d, 0.5)));
  return hn::IfThenElse(hn::Lt(a, set(d, 700)), hn::Mul(simd::exp(d, a), set(d, 0.5)),
                        hn::Mul(hn::Mul(h, set(d, 0.5)), h));
}
template <class D, class V>
HWY_INLINE V sinh(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::sinh(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::sinh(dd, v); });
  } else {
    const V a = hn::Abs(x);
    const V t = expm1_limited(d, at_most(d, a, 40));
    const V small = hn::Mul(set(d, 0.5), hn::Add(t, hn::Div(t, hn::Add(t, set(d, 1)))));
    return hn::CopySign(hn::IfThenElse(hn::Lt(a, set(d, 22)), small, half_exp(d, a)), x);
  }
}
template <class D, class V>
HWY_INLINE V cosh(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::cosh(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::cosh(dd, v); });
  } else {
    const V h = half_exp(d, hn::Abs(x));
    return hn::Add(h, hn::Div(set(d, 0.25), h));
  }
}

// --- logarithms
// ---------------------------------------------------------------------------------------------
/// Splits a positive x as m 2^e, sqrt(1/2) <= m < sqrt(2). Denormals are handled when kDenormals.
template <bool kDenormals, class D, class V>
HWY_INLINE V split_mantissa(D d, V x, V& e) {
  const hn::RebindToUnsigned<D> du;
  using U = hn::TFromD<decltype(du)>;
  constexpr int kBits = kSingle<D> ? 23 : 52;
  constexpr U kRoot = static_cast<U>(kSingle<D> ? 0x3F3504F3ull : 0x3FE6A09E667F3BCDull);
  constexpr U kOne = static_cast<U>(kSingle<D> ? 0x3F800000ull : 0x3FF0000000000000ull);
  V bias = set(d, kSingle<D> ? 127 : 1023);
  if constexpr (kDenormals) {
    const auto tiny = hn::Lt(x, set(d, kSingle<D> ? 1.17549435e-38 : 2.2250738585072014e-308));
    x = hn::IfThenElse(tiny, hn::Mul(x, set(d, kSingle<D> ? 8388608.0 : 4503599627370496.0)), x);
    bias = hn::IfThenElse(tiny, hn::Add(bias, set(d, kBits)), bias);
  }
  const auto bits = hn::Add(hn::BitCast(du, x), hn::Set(du, static_cast<U>(kOne - kRoot)));
  const auto exponent = hn::ShiftRight<kBits>(bits);
  if constexpr (kSingle<D>) {
    e = hn::Sub(hn::ConvertTo(d, hn::BitCast(hn::RebindToSigned<D>(), exponent)), bias);
  } else {
    const V two52 = set(d, 4503599627370496.0);
    const V shifted = hn::BitCast(d, hn::Or(exponent, hn::BitCast(du, two52)));
    e = hn::Sub(hn::Sub(shifted, two52), bias);
  }
  const auto mantissa = hn::And(bits, hn::Set(du, static_cast<U>((U{1} << kBits) - 1)));
  return hn::BitCast(d, hn::Add(mantissa, hn::Set(du, kRoot)));
}
/// log(1 + f) for sqrt(1/2) <= 1 + f < sqrt(2), plus e ln 2.
template <class D, class V>
HWY_INLINE V log_core(D d, V f, V e) {
  const V z = hn::Mul(f, f);
  if constexpr (kSingle<D>) {  // Cephes logf
    V y = poly(d, f, 3.3333331174E-1, -2.4999993993E-1, 2.0000714765E-1, -1.6668057665E-1, 1.4249322787E-1,
               -1.2420140846E-1, 1.1676998740E-1, -1.1514610310E-1, 7.0376836292E-2);
    y = hn::Mul(hn::Mul(y, f), z);
    y = hn::MulAdd(e, set(d, -2.12194440e-4), y);
    y = hn::NegMulAdd(set(d, 0.5), z, y);
    return hn::MulAdd(e, set(d, 0.693359375), hn::Add(f, y));
  } else {  // fdlibm
    const V s = hn::Div(f, hn::Add(f, set(d, 2)));
    const V w = hn::Mul(s, s);
    const V r = hn::Mul(w, poly(d, w, 6.666666666666735130e-01, 3.999999999940941908e-01,
                                2.857142874366239149e-01, 2.222219843214978396e-01, 1.818357216161805012e-01,
                                1.531383769920937332e-01, 1.479819860511658591e-01));
    const V h = hn::Mul(set(d, 0.5), z);
    const V low = hn::MulAdd(s, hn::Add(h, r), hn::Mul(e, set(d, 1.90821492927058770002e-10)));
    return hn::Sub(hn::Mul(e, set(d, 6.93147180369123816490e-01)), hn::Sub(hn::Sub(h, low), f));
  }
}
/// Results of a logarithm at 0 (-inf), inf, negative numbers and nan (nan).
template <class D, class V>
HWY_INLINE V log_specials(D d, V x, V r) {
  r = hn::IfThenElse(hn::Lt(x, infinity(d)), r, x);
  r = hn::IfThenElse(hn::Ge(x, hn::Zero(d)), r, nan(d));
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity(d)), r);
}
template <class D, class V>
HWY_INLINE V log(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::log(v); });
  V e;
  const V m = split_mantissa<true>(d, x, e);
  return log_specials(d, x, log_core(d, hn::Sub(m, set(d, 1)), e));
}
template <class D, class V>
HWY_INLINE V log2(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::log2(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::log2(dd, v); });
  } else {
    V e;
    const V m = split_mantissa<true>(d, x, e);
    const V l = log_core(d, hn::Sub(m, set(d, 1)), hn::Zero(d));
    return log_specials(d, x, hn::MulAdd(l, set(d, 1.442695040888963407359925), e));
  }
}
template <class D, class V>
HWY_INLINE V log10(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::log10(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::log10(dd, v); });
  } else {
    V e;
    const V m = split_mantissa<true>(d, x, e);
    const V l = log_core(d, hn::Sub(m, set(d, 1)), hn::Zero(d));
    const V low = hn::MulAdd(l, set(d, 0.4342944819032518276511289),
                             hn::Mul(e, set(d, 2.836339455104496443748478e-14)));
    return log_specials(d, x, hn::MulAdd(e, set(d, 0.3010299956639528318191878), low));
  }
}
template <class D, class V>
HWY_INLINE V log1p(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::log1p(v); });
  const V one = set(d, 1);
  const V u = hn::Add(one, x);
  // What rounding 1 + x lost, exactly.
  const V c =
      hn::IfThenElse(hn::Gt(hn::Abs(x), one), hn::Sub(one, hn::Sub(u, x)), hn::Sub(x, hn::Sub(u, one)));
  V e;
  const V m = split_mantissa<false>(d, u, e);
  // Beyond e = 100 the correction is far below the last place; the limit keeps 2^-e a normal number.
  const V correction = hn::Mul(c, power_of_two(d, hn::Neg(hn::Min(e, set(d, 100)))));
  const V r = log_core(d, hn::Add(hn::Sub(m, one), correction), e);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, log_specials(d, u, r));
}
template <class D, class V>
HWY_INLINE V asinh(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::asinh(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::asinh(dd, v); });
  } else {
    const V a = hn::Abs(x), z = hn::Mul(a, a);
    const V t = hn::Add(a, hn::Div(z, hn::Add(set(d, 1), hn::Sqrt(hn::Add(z, set(d, 1))))));
    const V huge = hn::Add(simd::log(d, a), set(d, 0.69314718055994530942));
    return hn::CopySign(hn::IfThenElse(hn::Lt(a, set(d, 1e9)), simd::log1p(d, t), huge), x);
  }
}
template <class D, class V>
HWY_INLINE V acosh(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::acosh(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::acosh(dd, v); });
  } else {
    const V t = hn::Sub(x, set(d, 1));
    const V s = hn::Add(t, hn::Sqrt(hn::Mul(t, hn::Add(t, set(d, 2)))));
    const V huge = hn::Add(simd::log(d, x), set(d, 0.69314718055994530942));
    const V r = hn::IfThenElse(hn::Lt(x, set(d, 1e9)), simd::log1p(d, s), huge);
    return hn::IfThenElse(hn::Ge(x, set(d, 1)), r, nan(d));
  }
}
template <class D, class V>
HWY_INLINE V atanh(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::atanh(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::atanh(dd, v); });
  } else {
    const V a = hn::Abs(x), one = set(d, 1);
    const V t = hn::Div(hn::Add(a, a), hn::Sub(one, a));
    return hn::CopySign(hn::Mul(set(d, 0.5), simd::log1p(d, t)), x);
  }
}

// --- error functions
// ----------------------------------------------------------------------------------------
/// fdlibm's exp(-a^2) R(1/a^2) / a for a >= 1.25: erfc on the outer intervals.
template <class D, class V>
HWY_INLINE V erfc_outer(D d, V a) {
  const hn::RebindToUnsigned<D> du;
  const V s = hn::Div(set(d, 1), hn::Mul(a, a));
  const auto near = hn::Lt(a, set(d, 1 / 0.35));
  const V ra = poly(d, s, -9.86494403484714822705e-03, -6.93858572707181764372e-01,
                    -1.05586262253232909814e+01, -6.23753324503260060396e+01, -1.62396669462573470355e+02,
                    -1.84605092906711035994e+02, -8.12874355063065934246e+01, -9.81432934416914548592e+00);
  const V sa = poly(d, s, 1.0, 1.96512716674392571292e+01, 1.37657754143519042600e+02,
                    4.34565877475229228821e+02, 6.45387271733267880336e+02, 4.29008140027567833386e+02,
                    1.08635005541779435134e+02, 6.57024977031928170135e+00, -6.04244152148580987438e-02);
  const V rb = poly(d, s, -9.86494292470009928597e-03, -7.99283237680523006574e-01,
                    -1.77579549177547519889e+01, -1.60636384855821916062e+02, -6.37566443368389627722e+02,
                    -1.02509513161107724954e+03, -4.83519191608651397019e+02);
  const V sb = poly(d, s, 1.0, 3.03380607434824582924e+01, 3.25792512996573918826e+02,
                    1.53672958608443695994e+03, 3.19985821950859553908e+03, 2.55305040643316442583e+03,
                    4.74528541206955367215e+02, -2.24409524465858183362e+01);
  const V ratio = hn::Div(hn::IfThenElse(near, ra, rb), hn::IfThenElse(near, sa, sb));
  const V z = hn::BitCast(d, hn::And(hn::BitCast(du, a), hn::Set(du, 0xFFFFFFFF00000000ull)));
  const V square = hn::Sub(hn::Mul(hn::Neg(z), z), set(d, 0.5625));
  const V rest = hn::MulAdd(hn::Sub(z, a), hn::Add(z, a), ratio);
  return hn::Div(hn::Mul(simd::exp(d, square), simd::exp(d, rest)), a);
}
/// erf(x) = x + x y on |x| < 0.84375.
template <class D, class V>
HWY_INLINE V erf_inner(D d, V x) {
  const V z = hn::Mul(x, x);
  const V r = poly(d, z, 1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02,
                   -5.77027029648944159157e-03, -2.37630166566501626084e-05);
  const V s = poly(d, z, 1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02,
                   5.08130628187576562776e-03, 1.32494738004321644526e-04, -3.96022827877536812320e-06);
  return hn::Div(r, s);
}
/// erf(a) - 0.845... on 0.84375 <= a < 1.25.
template <class D, class V>
HWY_INLINE V erf_middle(D d, V a) {
  const V s = hn::Sub(a, set(d, 1));
  const V p = poly(d, s, -2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01,
                   3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02,
                   -2.16637559486879084300e-03);
  const V q =
      poly(d, s, 1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02,
           1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02);
  return hn::Div(p, q);
}
inline constexpr double kErx = 8.45062911510467529297e-01;

template <class D, class V>
HWY_INLINE V erf(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::erf(v); });
  const V a = hn::Abs(x);
#if HWY_TARGET == HWY_AVX3
  if constexpr (kSingle<D> && sizeof(V) == 64)
    return hn::CopySign(table_value<-6, true>(simd_tables::kErfTable, at_most(d, a, 3.9999)), x);
#endif
  if constexpr (kSingle<D>) {
    // Two minimax approximations (N. Juffa): odd polynomial, and 1 - exp(polynomial).
    const V s = hn::Mul(x, x);
    V p = poly(d, s, 1.28379166e-1, -3.76125336e-1, 1.12819925e-1, -2.67681349e-2, 4.99119423e-3,
               -5.96761703e-4);
    const V small = hn::MulAdd(p, a, a);
    const V t = at_most(d, a, 4.5), t2 = hn::Mul(t, t);
    const V u = hn::MulAdd(set(d, -3.88396438e-3), t, set(d, 2.42546219e-2));
    V r = hn::MulAdd(set(d, -1.72853470e-5), t, set(d, 3.83197126e-4));
    r = hn::MulAdd(r, t2, u);
    r = hn::MulAdd(r, t, set(d, -1.06777877e-1));
    r = hn::MulAdd(r, t, set(d, -6.34846687e-1));
    r = hn::MulAdd(r, t, set(d, -1.28717512e-1));
    r = hn::MulAdd(r, t, hn::Neg(t));
    const V large = hn::Sub(set(d, 1), exp_small(d, r));  // -30 < r < 0
    return hn::CopySign(hn::IfThenElse(hn::Gt(a, set(d, 0.927734375)), large, small), x);
  } else {
    V r = hn::MulAdd(a, erf_inner(d, a), a);
    const auto inner = hn::Lt(a, set(d, 0.84375));
    if (!hn::AllTrue(d, inner)) {
      const V middle = hn::Add(set(d, kErx), erf_middle(d, a));
      r = hn::IfThenElse(inner, r, middle);
      const auto outer = hn::Ge(a, set(d, 1.25));
      if (!hn::AllFalse(d, outer))
        r = hn::IfThenElse(outer, hn::Sub(set(d, 1), erfc_outer(d, at_most(d, a, 6.5))), r);
    }
    return hn::CopySign(hn::IfThenElse(hn::IsNaN(x), x, r), x);
  }
}
template <class D, class V>
HWY_INLINE V erfc(D d, V x) {
  if constexpr (kScalarTarget) return per_lane(d, x, [](auto v) { return std::erfc(v); });
  if constexpr (kSingle<D>) {
    return via_double(d, x, [](auto dd, auto v) HWY_ATTR { return simd::erfc(dd, v); });
  } else {
    const V a = hn::Abs(x), half = set(d, 0.5), one = set(d, 1);
    const V y = erf_inner(d, x);
    // 1 - (x + x y) near 0, 1/2 - (x - 1/2 + x y) above 1/4 to keep all bits.
    const V low = hn::Sub(one, hn::MulAdd(x, y, x));
    const V high = hn::Sub(half, hn::MulAdd(x, y, hn::Sub(x, half)));
    V r = hn::IfThenElse(hn::Lt(x, set(d, 0.25)), low, high);
    const auto inner = hn::Lt(a, set(d, 0.84375));
    if (!hn::AllTrue(d, inner)) {
      const auto negative = hn::Lt(x, hn::Zero(d));
      const V m = erf_middle(d, a);
      const V middle =
          hn::IfThenElse(negative, hn::Add(one, hn::Add(set(d, kErx), m)), hn::Sub(set(d, 1 - kErx), m));
      r = hn::IfThenElse(inner, r, middle);
      const auto outer = hn::Ge(a, set(d, 1.25));
      if (!hn::AllFalse(d, outer)) {
        const V t = erfc_outer(d, at_most(d, a, 28));
        r = hn::IfThenElse(outer, hn::IfThenElse(negative, hn::Sub(set(d, 2), t), t), r);
      }
    }
    return hn::IfThenElse(hn::IsNaN(x), x, r);
  }
}

}  // namespace simd
}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
#endif
