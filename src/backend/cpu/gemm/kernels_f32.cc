// Matrix kernels for float, compiled once per instruction set and chosen at run time.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)  // nothing in them that SSE4 or AVX3 lack for this
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm/kernels_f32.cc"
#include "hwy/foreach_target.h"
// The order matters: foreach_target.h first.
#include "backend/cpu/gemm/gemv-inl.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "backend/cpu/gemm/micro_kernel-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {

const KernelTable<float>* table_f32() {
  static constexpr KernelTable<float> kTable = {kMr,
                                                kNv * lanes_of<float>(),
                                                kAStride,
                                                kMaskedTiles,
                                                pack_a<float>,
                                                pack_b<float>,
                                                block<float>,
                                                epilogue<float>,
                                                gemv_columns<float>,
                                                gemv_rows<float>,
                                                transpose<float>};
  return &kTable;
}

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu::detail {
HWY_EXPORT(table_f32);

const KernelTable<float>& kernels_f32() {
  static const KernelTable<float>* const table = HWY_DYNAMIC_DISPATCH(table_f32)();
  return *table;
}
}  // namespace rustorch::cpu::detail
#endif
