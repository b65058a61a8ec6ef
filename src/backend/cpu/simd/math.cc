// The out-of-line vector functions, compiled once per instruction set.
#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/simd/math.cc"
#include <hwy/foreach_target.h>
//
#include "backend/cpu/simd/math_calls-inl.h"
#include "backend/cpu/simd/math_int-inl.h"
#include "backend/cpu/simd/math_pow-inl.h"
#include "backend/cpu/simd/math_trig-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace {
template <class V>
using TagOf = hwy::HWY_NAMESPACE::ScalableTag<hwy::HWY_NAMESPACE::TFromV<V>>;
}

// clang-format off
#define RT_VECTOR1(name)                                            \
  VF32 simd_##name(VF32 x) { return simd::name(TagOf<VF32>(), x); } \
  VF64 simd_##name(VF64 x) { return simd::name(TagOf<VF64>(), x); }
RT_VECTOR1(exp) RT_VECTOR1(exp2) RT_VECTOR1(expm1) RT_VECTOR1(log) RT_VECTOR1(log2) RT_VECTOR1(log10)
RT_VECTOR1(log1p) RT_VECTOR1(sigmoid) RT_VECTOR1(sin) RT_VECTOR1(cos) RT_VECTOR1(tan) RT_VECTOR1(asin)
RT_VECTOR1(acos) RT_VECTOR1(atan) RT_VECTOR1(sinh) RT_VECTOR1(cosh) RT_VECTOR1(tanh) RT_VECTOR1(asinh)
RT_VECTOR1(acosh) RT_VECTOR1(atanh) RT_VECTOR1(erf) RT_VECTOR1(erfc)

#define RT_VECTOR2(name)                                                       \
  VF32 simd_##name(VF32 x, VF32 y) { return simd::name(TagOf<VF32>(), x, y); } \
  VF64 simd_##name(VF64 x, VF64 y) { return simd::name(TagOf<VF64>(), x, y); }
RT_VECTOR2(pow) RT_VECTOR2(atan2) RT_VECTOR2(hypot) RT_VECTOR2(fmod) RT_VECTOR2(remainder) RT_VECTOR2(floordiv)

#define RT_INT2(name)                                                          \
  VI32 simd_##name(VI32 x, VI32 y) { return simd::int_##name(TagOf<VI32>(), x, y); } \
  VI64 simd_##name(VI64 x, VI64 y) { return simd::int_##name(TagOf<VI64>(), x, y); }
RT_INT2(floordiv) RT_INT2(truncdiv) RT_INT2(remainder) RT_INT2(fmod) RT_INT2(pow) RT_INT2(shl) RT_INT2(shr)

// Functions without a vector form: one scalar call a lane.
#define RT_LANES1(name, f)                                                 \
  VF32 simd_##name(VF32 x) { return simd::per_lane(TagOf<VF32>(), x, f); } \
  VF64 simd_##name(VF64 x) { return simd::per_lane(TagOf<VF64>(), x, f); }
RT_LANES1(cbrt, [](double v) { return std::cbrt(v); })

#define RT_LANES2(name, f)                                                             \
  VF32 simd_##name(VF32 x, VF32 y) { return simd::per_lane2(TagOf<VF32>(), x, y, f); } \
  VF64 simd_##name(VF64 x, VF64 y) { return simd::per_lane2(TagOf<VF64>(), x, y, f); }
RT_LANES2(nextafter, [](auto a, auto b) { return std::nextafter(a, b); })
// clang-format on

}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
