// bfloat16 and float16 products on Intel AMX tiles. Compiled with -mamx-tile -mamx-bf16 and AVX-512 (see
// CMakeLists.txt); the float16 instruction is written in bytes, since g++ 12 does not know it.
#include "backend/cpu/gemm/tile_kernels.h"
#include "backend/cpu/simd/instruction_set.h"

#if defined(__AMX_BF16__) && defined(__AVX512BW__) && defined(__linux__)
#include "backend/cpu/gemm/amx_tiles-inl.h"
#include "backend/cpu/gemm/bf16_pack-inl.h"

namespace rustorch::cpu::detail {
namespace {

bool float16_available() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 21 & 1);
}

// tdpfp16ps of tiles: C += A B.
#define RT_TILE_F16(c, a, b)                                                          \
  __asm__ volatile(".byte 0xc4, 0xe2, %c0, 0x5c, %c1" ::"i"(0x03 | ((~(b)&15) << 3)), \
                   "i"(0xc0 | ((c) << 3) | (a)))

__attribute__((always_inline)) static inline void multiply_bf16() {
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

__attribute__((always_inline)) static inline void multiply_f16() {
  RT_TILE_F16(0, 4, 6);
  RT_TILE_F16(1, 4, 7);
  RT_TILE_F16(2, 5, 6);
  RT_TILE_F16(3, 5, 7);
}

constexpr int kAmxBf16 = 22;  // bit of cpuid

}  // namespace

const Bf16Kernels* bf16_kernels_amx() {
  static const Bf16Kernels kTable = {pack_bf16_a, pack_bf16_b, amx_block<uint16_t, float, multiply_bf16>};
  static const bool usable = allows_avx512() && amx_usable(kAmxBf16);
  return usable ? &kTable : nullptr;
}

const Bf16Kernels* f16_kernels_amx() {
  static const Bf16Kernels kTable = {pack_bf16_a, pack_bf16_b, amx_block<uint16_t, float, multiply_f16>};
  static const bool usable = allows_avx512() && amx_usable(kAmxBf16) && float16_available();
  return usable ? &kTable : nullptr;
}

}  // namespace rustorch::cpu::detail
#else
namespace rustorch::cpu::detail {
const Bf16Kernels* bf16_kernels_amx() { return nullptr; }
const Bf16Kernels* f16_kernels_amx() { return nullptr; }
}  // namespace rustorch::cpu::detail
#endif
