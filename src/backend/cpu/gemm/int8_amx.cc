// int8 products on Intel AMX tiles. Compiled with -mamx-tile -mamx-int8 and AVX-512 (see CMakeLists.txt).
#include "backend/cpu/gemm/tile_kernels.h"
#include "backend/cpu/simd/instruction_set.h"

#if defined(__AMX_INT8__) && defined(__AVX512BW__) && defined(__linux__)
#include "backend/cpu/gemm/amx_tiles-inl.h"
#include "backend/cpu/gemm/int8_pack-inl.h"

namespace rustorch::cpu::detail {
namespace {

__attribute__((always_inline)) static inline void multiply() {
  _tile_dpbssd(0, 4, 6);
  _tile_dpbssd(1, 4, 7);
  _tile_dpbssd(2, 5, 6);
  _tile_dpbssd(3, 5, 7);
}

constexpr int kAmxInt8 = 25;  // bit of cpuid

}  // namespace

const Int8Kernels* int8_kernels_amx() {
  static const Int8Kernels kTable = {pack_int8_a, pack_int8_b, amx_block<int8_t, int32_t, multiply>};
  static const bool usable = allows_avx512() && amx_usable(kAmxInt8);
  return usable ? &kTable : nullptr;
}

}  // namespace rustorch::cpu::detail
#else
namespace rustorch::cpu::detail {
const Int8Kernels* int8_kernels_amx() { return nullptr; }
}  // namespace rustorch::cpu::detail
#endif
