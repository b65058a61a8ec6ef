// The Fourier kernels for float, compiled once per instruction set.
#include "backend/cpu/fft/kernels.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/fft/kernels_f32.cc"
#include "hwy/foreach_target.h"
// After foreach_target.
#include "backend/cpu/fft/kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::fft {
namespace HWY_NAMESPACE {
const Kernels<float>* table_f32() { return &table<float>(); }
}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu::fft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu::fft {
HWY_EXPORT(table_f32);
const Kernels<float>& kernels_f32() {
  static const Kernels<float>& chosen = *HWY_DYNAMIC_DISPATCH(table_f32)();
  return chosen;
}
}  // namespace rustorch::cpu::fft
#endif  // HWY_ONCE
