// Matrix kernels for double, compiled once per instruction set and chosen at run time.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)  // nothing in them that SSE4 or AVX3 lack for this
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm/kernels_f64.cc"
#include "hwy/foreach_target.h"
// The order matters: foreach_target.h first.
#include "backend/cpu/gemm/gemv-inl.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "backend/cpu/gemm/micro_kernel-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {

const KernelTable<double>* table_f64() {
  static constexpr KernelTable<double> kTable = {kMr,
                                                 kNv * lanes_of<double>(),
                                                 kAStride,
                                                 kMaskedTiles,
                                                 pack_a<double>,
                                                 pack_b<double>,
                                                 block<double>,
                                                 epilogue<double>,
                                                 gemv_columns<double>,
                                                 gemv_rows<double>,
                                                 transpose<double>};
  return &kTable;
}

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu::detail {
HWY_EXPORT(table_f64);

const KernelTable<double>& kernels_f64() {
  static const KernelTable<double>* const table = HWY_DYNAMIC_DISPATCH(table_f64)();
  return *table;
}
}  // namespace rustorch::cpu::detail
#endif
