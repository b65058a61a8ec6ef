// Vector integer division, powers and shifts for int32 and int64 lanes, inline.
//
// Division by zero gives 0 (the caller reports it); INT_MIN / -1 wraps. Shifts by less than 0 or at least the
// width give 0 (left) or the sign (right).
#if defined(RUSTORCH_MATH_INT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_MATH_INT_INL_H_
#undef RUSTORCH_MATH_INT_INL_H_
#else
#define RUSTORCH_MATH_INT_INL_H_
#endif

#include "backend/cpu/simd/math-inl.h"
#include "expr/host_math.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace simd {

/// Truncated quotient of int32 lanes through double, which is exact; zero divisors give 0.
template <class D, class V>
HWY_INLINE V int_truncdiv32(D d, V x, V y) {
#if HWY_TARGET == HWY_SCALAR
  return per_lane2(d, x, y, host_math::int_truncdiv);
#else
  const hn::Half<D> dh;
  const hn::Repartition<double, D> dd;
  const auto part = [&](auto a, auto b) HWY_ATTR {
    return hn::DemoteTo(dh, hn::Trunc(hn::Div(hn::PromoteTo(dd, a), hn::PromoteTo(dd, b))));
  };
  const V q = hn::Combine(d, part(hn::UpperHalf(dh, x), hn::UpperHalf(dh, y)),
                          part(hn::LowerHalf(dh, x), hn::LowerHalf(dh, y)));
  // 2^31 (from INT_MIN / -1) may saturate in the conversion; negating wraps as it should.
  const V wrapped = hn::IfThenElse(hn::Eq(y, hn::Set(d, -1)), hn::Neg(x), q);
  return hn::IfThenElse(hn::Eq(y, hn::Zero(d)), hn::Zero(d), wrapped);
#endif
}
template <class D, class V>
HWY_INLINE V int_truncdiv(D d, V x, V y) {
  if constexpr (sizeof(hn::TFromD<D>) == 4) return int_truncdiv32(d, x, y);
  return per_lane2(d, x, y, host_math::int_truncdiv);
}
template <class D, class V>
HWY_INLINE V int_fmod(D d, V x, V y) {
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    const V r = hn::Sub(x, hn::Mul(int_truncdiv32(d, x, y), y));
    return hn::IfThenElse(hn::Eq(y, hn::Zero(d)), hn::Zero(d), r);
  }
  return per_lane2(d, x, y, host_math::int_fmod);
}
template <class D, class V>
HWY_INLINE V int_remainder(D d, V x, V y) {
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    const V zero = hn::Zero(d), r = int_fmod(d, x, y);
    const auto other_sign = hn::Lt(hn::Xor(r, y), zero);
    return hn::IfThenElse(hn::And(other_sign, hn::Ne(r, zero)), hn::Add(r, y), r);
  }
  return per_lane2(d, x, y, host_math::int_remainder);
}
template <class D, class V>
HWY_INLINE V int_floordiv(D d, V x, V y) {
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    const V zero = hn::Zero(d), q = int_truncdiv32(d, x, y);
    const V r = hn::Sub(x, hn::Mul(q, y));
    const auto lower = hn::And(hn::And(hn::Lt(hn::Xor(r, y), zero), hn::Ne(r, zero)), hn::Ne(y, zero));
    return hn::IfThenElse(lower, hn::Sub(q, hn::Set(d, 1)), q);
  }
  return per_lane2(d, x, y, host_math::int_floordiv);
}
template <class D, class V>
HWY_INLINE V int_shl(D d, V x, V y) {
  using T = hn::TFromD<D>;
  constexpr T kBits = static_cast<T>(8 * sizeof(T));
#if HWY_TARGET == HWY_SCALAR
  return per_lane2(d, x, y, [](T a, T b) -> T {
    return b < 0 || b >= kBits ? 0 : static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) << b);
  });
#else
  const hn::RebindToUnsigned<D> du;
  const V limited = hn::And(y, hn::Set(d, kBits - 1));
  const V r = hn::BitCast(d, hn::Shl(hn::BitCast(du, x), hn::BitCast(du, limited)));
  return hn::IfThenElse(hn::Eq(limited, y), r, hn::Zero(d));
#endif
}
template <class D, class V>
HWY_INLINE V int_shr(D d, V x, V y) {
  using T = hn::TFromD<D>;
  constexpr T kBits = static_cast<T>(8 * sizeof(T));
#if HWY_TARGET == HWY_SCALAR
  return per_lane2(
      d, x, y, [](T a, T b) -> T { return b < 0 || b >= kBits ? (a < 0 ? -1 : 0) : static_cast<T>(a >> b); });
#else
  const hn::RebindToUnsigned<D> du;
  const V limited = hn::And(y, hn::Set(d, kBits - 1));
  // Arithmetic shift as a logical one of x ^ sign, which works for 64-bit lanes everywhere.
  const V sign = hn::BroadcastSignBit(x);
  const auto magnitude = hn::Shr(hn::BitCast(du, hn::Xor(x, sign)), hn::BitCast(du, limited));
  const V r = hn::Xor(hn::BitCast(d, magnitude), sign);
  return hn::IfThenElse(hn::Eq(limited, y), r, sign);
#endif
}
template <class D, class V>
HWY_INLINE V int_pow(D d, V x, V y) {
  return per_lane2(d, x, y, host_math::int_pow);
}

}  // namespace simd
}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
#endif
