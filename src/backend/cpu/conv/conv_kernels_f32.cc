// Convolution kernels for float, compiled once per instruction set and chosen at run time.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL)  // the same set as the matrix kernels: layouts are shared
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/conv/conv_kernels_f32.cc"
#include "hwy/foreach_target.h"
// The order matters: foreach_target.h first.
#include "backend/cpu/conv/conv_kernels-inl.h"
#include "backend/cpu/conv/conv_kernels.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {

const ConvKernels<float>* conv_table_f32() {
  static constexpr ConvKernels<float> kTable = {
      shift_block<float>,      run_block<float>, gather_panel<float>,    depthwise<float>,
      depthwise_weight<float>, kMaskedTiles,     depthwise_plane<float>, depthwise_plane_weight<float>};
  return &kTable;
}

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu::detail {
HWY_EXPORT(conv_table_f32);

const ConvKernels<float>& conv_kernels_f32() {
  static const ConvKernels<float>* const table = HWY_DYNAMIC_DISPATCH(conv_table_f32)();
  return *table;
}
}  // namespace rustorch::cpu::detail
#endif
