// Convolution kernels for double, compiled once per instruction set and chosen at run time.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL)  // the same set as the matrix kernels: layouts are shared
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/conv/conv_kernels_f64.cc"
#include "hwy/foreach_target.h"
// The order matters: foreach_target.h first.
#include "backend/cpu/conv/conv_kernels-inl.h"
#include "backend/cpu/conv/conv_kernels.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {

const ConvKernels<double>* conv_table_f64() {
  static constexpr ConvKernels<double> kTable = {
      shift_block<double>,      run_block<double>, gather_panel<double>,    depthwise<double>,
      depthwise_weight<double>, kMaskedTiles,      depthwise_plane<double>, depthwise_plane_weight<double>};
  return &kTable;
}

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu::detail {
HWY_EXPORT(conv_table_f64);

const ConvKernels<double>& conv_kernels_f64() {
  static const ConvKernels<double>* const table = HWY_DYNAMIC_DISPATCH(conv_table_f64)();
  return *table;
}
}  // namespace rustorch::cpu::detail
#endif
