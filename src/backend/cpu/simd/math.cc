// The out-of-line vector functions, compiled once per instruction set.
#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/simd/math.cc"
#include <hwy/foreach_target.h>
//
#include <cmath>

#include "backend/cpu/simd/math-inl.h"
#include "backend/cpu/simd/math_calls-inl.h"
#include "expr/host_math.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {
template <class V>
using TagOf = hn::ScalableTag<hn::TFromV<V>>;
}

#define RT_LANES1(name, f)                                                 \
  VF32 simd_##name(VF32 x) { return simd::per_lane(TagOf<VF32>(), x, f); } \
  VF64 simd_##name(VF64 x) { return simd::per_lane(TagOf<VF64>(), x, f); }
#define RT_LANES2(name, f)                                                             \
  VF32 simd_##name(VF32 x, VF32 y) { return simd::per_lane2(TagOf<VF32>(), x, y, f); } \
  VF64 simd_##name(VF64 x, VF64 y) { return simd::per_lane2(TagOf<VF64>(), x, y, f); }
#define RT_STD(name) RT_LANES1(name, [](double v) { return std::name(v); })
#define RT_HOST(name) RT_LANES1(name, host_math::name)

RT_STD(cbrt)
RT_STD(exp) RT_STD(exp2) RT_STD(expm1) RT_STD(log) RT_STD(log2) RT_STD(log10) RT_STD(log1p) RT_STD(sin)
    RT_STD(cos) RT_STD(tan) RT_STD(asin) RT_STD(acos) RT_STD(atan) RT_STD(sinh) RT_STD(cosh) RT_STD(tanh)
        RT_STD(asinh) RT_STD(acosh) RT_STD(atanh) RT_STD(erf) RT_STD(erfc)
            RT_LANES1(sigmoid, [](double v) { return 1 / (1 + std::exp(-v)); }) RT_HOST(erfinv)
                RT_HOST(lgamma) RT_HOST(digamma) RT_HOST(trigamma) RT_HOST(i0) RT_HOST(i0e) RT_HOST(i1)
                    RT_HOST(i1e) RT_HOST(ndtri) RT_HOST(log_ndtr) RT_HOST(erfcx) RT_HOST(bessel_j0)
                        RT_HOST(bessel_j1) RT_HOST(bessel_y0) RT_HOST(bessel_y1)

                            RT_LANES2(pow, [](double a, double b) { return std::pow(a, b); })
                                RT_LANES2(atan2, [](double a, double b) { return std::atan2(a, b); })
                                    RT_LANES2(hypot, [](double a, double b) { return std::hypot(a, b); })
                                        RT_LANES2(fmod, [](auto a, auto b) { return std::fmod(a, b); })
                                            RT_LANES2(remainder,
                                                      [](double a, double b) {
                                                        return host_math::remainder(a, b);
                                                      }) RT_LANES2(floordiv,
                                                                   [](double a, double b) {
                                                                     return host_math::floordiv(a, b);
                                                                   })
                                                RT_LANES2(nextafter,
                                                          [](auto a, auto b) { return std::nextafter(a, b); })
                                                    RT_LANES2(polygamma,
                                                              [](double n, double x) {
                                                                return host_math::polygamma(
                                                                    static_cast<int64_t>(n), x);
                                                              }) RT_LANES2(zeta,
                                                                           [](double a, double b) {
                                                                             return host_math::zeta(a, b);
                                                                           })
#define RT_INT2(name, f)                                                               \
  VI32 simd_##name(VI32 x, VI32 y) { return simd::per_lane2(TagOf<VI32>(), x, y, f); } \
  VI64 simd_##name(VI64 x, VI64 y) { return simd::per_lane2(TagOf<VI64>(), x, y, f); }
                                                        RT_INT2(floordiv, host_math::int_floordiv)
                                                            RT_INT2(truncdiv, host_math::int_truncdiv)
                                                                RT_INT2(remainder, host_math::int_remainder)
                                                                    RT_INT2(fmod, host_math::int_fmod)
                                                                        RT_INT2(pow, host_math::int_pow)

                                                                            namespace {
  template <class T>
  T shift_left(T x, T y) {
    constexpr T kBits = static_cast<T>(8 * sizeof(T));
    return y < 0 || y >= kBits ? 0 : static_cast<T>(static_cast<std::make_unsigned_t<T>>(x) << y);
  }
  template <class T>
  T shift_right(T x, T y) {
    constexpr T kBits = static_cast<T>(8 * sizeof(T));
    return y < 0 || y >= kBits ? (x < 0 ? -1 : 0) : static_cast<T>(x >> y);
  }
}  // namespace
RT_INT2(shl, [](auto a, auto b) { return shift_left(a, b); })
RT_INT2(shr, [](auto a, auto b) { return shift_right(a, b); })

}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
