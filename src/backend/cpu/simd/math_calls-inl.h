// Declarations of the out-of-line vector functions of math.cc (one set per instruction set).
//
// A call costs 1-2 ns a vector and keeps the generated kernels small; code that wants a function inlined
// includes math-inl.h instead. Accuracy and special values: see math-inl.h.
#if defined(RUSTORCH_MATH_CALLS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_MATH_CALLS_INL_H_
#undef RUSTORCH_MATH_CALLS_INL_H_
#else
#define RUSTORCH_MATH_CALLS_INL_H_
#endif

#include <hwy/highway.h>

// Functions with one argument, with two arguments.
// clang-format off
#define RT_SIMD_UNARY(X) \
  X(cbrt) X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) X(log1p) X(sigmoid) X(sin) X(cos) \
  X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(tanh) X(asinh) X(acosh) X(atanh) X(erf) \
  X(erfc)
// clang-format on
#define RT_SIMD_BINARY(X) X(pow) X(atan2) X(hypot) X(nextafter) X(fmod) X(remainder) X(floordiv)

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {

using VF32 = hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<float>>;
using VF64 = hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<double>>;
using VI32 = hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<int32_t>>;
using VI64 = hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<int64_t>>;

#define RT_DECLARE(name)  \
  VF32 simd_##name(VF32); \
  VF64 simd_##name(VF64);
RT_SIMD_UNARY(RT_DECLARE)
#undef RT_DECLARE
#define RT_DECLARE(name)        \
  VF32 simd_##name(VF32, VF32); \
  VF64 simd_##name(VF64, VF64);
RT_SIMD_BINARY(RT_DECLARE)
#undef RT_DECLARE
// Integer division and powers; a zero divisor gives 0, overflow wraps.
#define RT_DECLARE(name)        \
  VI32 simd_##name(VI32, VI32); \
  VI64 simd_##name(VI64, VI64);
RT_DECLARE(floordiv)
RT_DECLARE(truncdiv)
RT_DECLARE(remainder)
RT_DECLARE(fmod)
RT_DECLARE(pow)
RT_DECLARE(shl)
RT_DECLARE(shr)
#undef RT_DECLARE

}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
#endif
