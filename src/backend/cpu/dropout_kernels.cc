// Vector kernels of dropout_kernels.h, compiled once per instruction set.
#include "backend/cpu/dropout_kernels.h"

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/dropout_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "backend/cpu/nn_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

template <class T>
void apply(const T* x, const uint8_t* mask, T* y, int64_t n, T scale) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto vs = hn::Set(d, scale);
  int64_t i = 0;
  if (lanes >= 8) {
    for (; i + lanes <= n; i += lanes) {
      HWY_ALIGN uint8_t bits[8] = {};
      for (int64_t b = 0; b < lanes / 8; ++b) bits[b] = mask[i / 8 + b];
      const auto keep = hn::LoadMaskBits(d, bits);
      hn::StoreU(hn::IfThenElseZero(keep, hn::Mul(hn::LoadU(d, x + i), vs)), d, y + i);
    }
  }
  for (; i < n; ++i) y[i] = (mask[i / 8] >> (i % 8)) & 1 ? x[i] * scale : T(0);
}

void apply_f32(const float* x, const uint8_t* mask, float* y, int64_t n, float scale) {
  apply(x, mask, y, n, scale);
}
void apply_f64(const double* x, const uint8_t* mask, double* y, int64_t n, double scale) {
  apply(x, mask, y, n, scale);
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
HWY_EXPORT(apply_f32);
HWY_EXPORT(apply_f64);

void apply_mask(const float* x, const uint8_t* mask, float* y, int64_t n, float scale) {
  HWY_DYNAMIC_DISPATCH(apply_f32)(x, mask, y, n, scale);
}
void apply_mask(const double* x, const uint8_t* mask, double* y, int64_t n, double scale) {
  HWY_DYNAMIC_DISPATCH(apply_f64)(x, mask, y, n, scale);
}
}  // namespace rustorch::cpu
#endif
