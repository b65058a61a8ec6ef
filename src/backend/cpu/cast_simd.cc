// Plain conversion loops that the compiler vectorises once per instruction set.
#include "backend/cpu/cast_simd.h"

#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/cast_simd.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

template <class D, class S>
HWY_ATTR void cast_loop(void* dst, const void* src, int64_t n) {
  D* HWY_RESTRICT d = static_cast<D*>(dst);
  const S* HWY_RESTRICT s = static_cast<const S*>(src);
  for (int64_t i = 0; i < n; ++i) d[i] = static_cast<D>(s[i]);
}

// clang-format off
#define RT_CAST_PAIRS(X) \
  X(float, double) X(double, float) X(int32_t, float) X(float, int32_t) X(int64_t, float) \
  X(float, int64_t) X(uint8_t, float) X(int64_t, double) X(double, int64_t) X(int32_t, int64_t) \
  X(int64_t, int32_t) X(uint8_t, int64_t)
// clang-format on
#define RT_CAST_FN(S, D) \
  HWY_ATTR void S##_to_##D(void* d, const void* s, int64_t n) { cast_loop<D, S>(d, s, n); }
RT_CAST_PAIRS(RT_CAST_FN)
#undef RT_CAST_FN

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
#define RT_CAST_ENTRY(S, D)                                         \
  HWY_EXPORT(S##_to_##D);                                           \
  static void run_##S##_to_##D(void* d, const void* s, int64_t n) { \
    HWY_DYNAMIC_DISPATCH(S##_to_##D)(d, s, n);                      \
  }
RT_CAST_PAIRS(RT_CAST_ENTRY)
#undef RT_CAST_ENTRY

namespace {
constexpr int pair(DType to, DType from) {
  return static_cast<int>(to) * kNumDTypes + static_cast<int>(from);
}
}  // namespace

CastRun::Step simd_cast_run(DType to, DType from) {
  switch (pair(to, from)) {
    case pair(kFloat64, kFloat32):
      return run_float_to_double;
    case pair(kFloat32, kFloat64):
      return run_double_to_float;
    case pair(kFloat32, kInt32):
      return run_int32_t_to_float;
    case pair(kInt32, kFloat32):
      return run_float_to_int32_t;
    case pair(kFloat32, kInt64):
      return run_int64_t_to_float;
    case pair(kInt64, kFloat32):
      return run_float_to_int64_t;
    case pair(kFloat32, kUInt8):
      return run_uint8_t_to_float;
    case pair(kFloat64, kInt64):
      return run_int64_t_to_double;
    case pair(kInt64, kFloat64):
      return run_double_to_int64_t;
    case pair(kInt64, kInt32):
      return run_int32_t_to_int64_t;
    case pair(kInt32, kInt64):
      return run_int64_t_to_int32_t;
    case pair(kInt64, kUInt8):
      return run_uint8_t_to_int64_t;
    default:
      return nullptr;
  }
}

}  // namespace rustorch::cpu
#endif  // HWY_ONCE
