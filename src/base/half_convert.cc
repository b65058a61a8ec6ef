// Array converters for Half and BFloat16 (see half_convert.h), compiled once per instruction set.
//
// Targets with conversion instructions (F16C, AArch64) use them for Half; the others use integer arithmetic
// with the same rounding. BFloat16 needs integer arithmetic only.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif

#include "base/half_convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/half_convert.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

#if (HWY_TARGET <= HWY_AVX2 && HWY_ARCH_X86 && !defined(HWY_DISABLE_F16C)) || HWY_ARCH_ARM_A64
constexpr bool kNativeF16 = true;
#else
constexpr bool kNativeF16 = false;
#endif

/// Bits of binary16 values in u32 lanes -> bits of the equal binary32 values.
template <class D32, class V>
HWY_INLINE V widen_f16_bits(D32 du, V h) {
  const hn::RebindToFloat<D32> df;
  const V magnitude = hn::ShiftLeft<13>(hn::And(h, hn::Set(du, 0x7fffu)));
  const V exponent = hn::And(magnitude, hn::Set(du, 0x0f800000u));
  const V normal = hn::Add(magnitude, hn::Set(du, 112u << 23));
  const V special =
      hn::Or(hn::Add(magnitude, hn::Set(du, 224u << 23)),
             hn::IfThenElseZero(hn::Gt(magnitude, hn::Set(du, 0x0f800000u)), hn::Set(du, 0x400000u)));
  const V subnormal = hn::BitCast(du, hn::Sub(hn::BitCast(df, hn::Add(magnitude, hn::Set(du, 113u << 23))),
                                              hn::BitCast(df, hn::Set(du, 113u << 23))));
  V r = hn::IfThenElse(hn::Eq(exponent, hn::Set(du, 0x0f800000u)), special, normal);
  r = hn::IfThenElse(hn::Eq(exponent, hn::Zero(du)), subnormal, r);
  return hn::Or(r, hn::ShiftLeft<16>(hn::And(h, hn::Set(du, 0x8000u))));
}

/// Bits of binary32 values -> bits of binary16 in the low half of each lane, round to nearest even.
template <class D32, class V>
HWY_INLINE V narrow_f32_bits(D32 du, V f) {
  const hn::RebindToFloat<D32> df;
  const V a = hn::And(f, hn::Set(du, 0x7fffffffu));
  const V nan = hn::Or(hn::Set(du, 0x7e00u), hn::And(hn::ShiftRight<13>(a), hn::Set(du, 0x3ffu)));
  const V infinity_or_nan = hn::IfThenElse(hn::Gt(a, hn::Set(du, 0x7f800000u)), nan, hn::Set(du, 0x7c00u));
  const V odd = hn::And(hn::ShiftRight<13>(a), hn::Set(du, 1u));
  const V rounded = hn::Add(hn::Add(a, hn::Set(du, 0xfffu)), odd);
  const V normal = hn::ShiftRight<13>(hn::Sub(rounded, hn::Set(du, 0x38000000u)));
  // Adding 0.5 puts the subnormal's bits at the end of the mantissa, rounded by the addition itself.
  const V subnormal =
      hn::Sub(hn::BitCast(du, hn::Add(hn::BitCast(df, a), hn::Set(df, 0.5f))), hn::Set(du, 0x3f000000u));
  V r = hn::IfThenElse(hn::Lt(a, hn::Set(du, 0x38800000u)), subnormal, normal);
  r = hn::IfThenElse(hn::Gt(a, hn::Set(du, 0x477fefffu)), infinity_or_nan, r);
  return hn::Or(r, hn::And(hn::ShiftRight<16>(f), hn::Set(du, 0x8000u)));
}

void f16_to_f32(const Half* src, float* dst, int64_t n) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<uint16_t, decltype(df)> d16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const uint16_t* in = reinterpret_cast<const uint16_t*>(src);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto h = hn::LoadU(d16, in + i);
    if constexpr (kNativeF16) {
      const hn::Rebind<hwy::float16_t, decltype(df)> dh;
      hn::StoreU(hn::PromoteTo(df, hn::BitCast(dh, h)), df, dst + i);
    } else {
      const hn::RebindToUnsigned<decltype(df)> du;
      hn::StoreU(hn::BitCast(df, widen_f16_bits(du, hn::PromoteTo(du, h))), df, dst + i);
    }
  }
  for (; i < n; ++i) dst[i] = static_cast<float>(src[i]);
}

void f32_to_f16(const float* src, Half* dst, int64_t n) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<uint16_t, decltype(df)> d16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  uint16_t* out = reinterpret_cast<uint16_t*>(dst);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(df, src + i);
    if constexpr (kNativeF16) {
      const hn::Rebind<hwy::float16_t, decltype(df)> dh;
      hn::StoreU(hn::BitCast(d16, hn::DemoteTo(dh, v)), d16, out + i);
    } else {
      const hn::RebindToUnsigned<decltype(df)> du;
      const hn::RebindToSigned<decltype(df)> di;
      const auto bits = narrow_f32_bits(du, hn::BitCast(du, v));
      hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, bits)), d16, out + i);
    }
  }
  for (; i < n; ++i) dst[i] = Half(src[i]);
}

void bf16_to_f32(const BFloat16* src, float* dst, int64_t n) {
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::Rebind<uint16_t, decltype(df)> d16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const uint16_t* in = reinterpret_cast<const uint16_t*>(src);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto wide = hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(d16, in + i)));
    hn::StoreU(hn::BitCast(df, wide), df, dst + i);
  }
  for (; i < n; ++i) dst[i] = static_cast<float>(src[i]);
}

void f32_to_bf16(const float* src, BFloat16* dst, int64_t n) {
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::Rebind<uint16_t, decltype(df)> d16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  uint16_t* out = reinterpret_cast<uint16_t*>(dst);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::BitCast(du, hn::LoadU(df, src + i));
    const auto high = hn::ShiftRight<16>(v);
    const auto odd = hn::And(high, hn::Set(du, 1u));
    const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(v, hn::Set(du, 0x7fffu)), odd));
    const auto is_nan = hn::Gt(hn::And(v, hn::Set(du, 0x7fffffffu)), hn::Set(du, 0x7f800000u));
    const auto r = hn::IfThenElse(is_nan, hn::Or(high, hn::Set(du, 0x40u)), rounded);
    hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, r)), d16, out + i);
  }
  for (; i < n; ++i) dst[i] = BFloat16(src[i]);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch {
HWY_EXPORT(f16_to_f32);
HWY_EXPORT(f32_to_f16);
HWY_EXPORT(bf16_to_f32);
HWY_EXPORT(f32_to_bf16);

void convert_f16_f32(const Half* src, float* dst, int64_t n) {
  HWY_DYNAMIC_DISPATCH(f16_to_f32)(src, dst, n);
}
void convert_f32_f16(const float* src, Half* dst, int64_t n) {
  HWY_DYNAMIC_DISPATCH(f32_to_f16)(src, dst, n);
}
void convert_bf16_f32(const BFloat16* src, float* dst, int64_t n) {
  HWY_DYNAMIC_DISPATCH(bf16_to_f32)(src, dst, n);
}
void convert_f32_bf16(const float* src, BFloat16* dst, int64_t n) {
  HWY_DYNAMIC_DISPATCH(f32_to_bf16)(src, dst, n);
}
}  // namespace rustorch
#endif  // HWY_ONCE
