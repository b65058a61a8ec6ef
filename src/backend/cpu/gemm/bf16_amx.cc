// bfloat16 and float16 products on Intel AMX tiles. Compiled with -mamx-tile -mamx-bf16 and AVX-512 (see
// CMakeLists.txt); the float16 instruction is written in bytes, since g++ 12 does not know it.
//
// The kernel must grant the process the use of tile data (arch_prctl), asked once. A block configures the
// tiles on entry and releases them on exit, so no tile state outlives a call.
#include "backend/cpu/gemm/bf16_kernels.h"
#include "backend/cpu/simd/instruction_set.h"

#if defined(__AMX_BF16__) && defined(__AVX512BW__) && defined(__linux__)
#include "backend/cpu/gemm/amx_available.h"
#include "backend/cpu/gemm/bf16_pack-inl.h"

namespace rustorch::cpu::detail {
namespace {

bool available() {
  unsigned a, b, c, d;
  return amx_tiles_available() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1);
}

bool float16_available() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 21 & 1);
}

// tdpfp16ps of tiles: C += A B.
#define RT_TILE_F16(c, a, b)                                                          \
  __asm__ volatile(".byte 0xc4, 0xe2, %c0, 0x5c, %c1" ::"i"(0x03 | ((~(b)&15) << 3)), \
                   "i"(0xc0 | ((c) << 3) | (a)))

template <bool kFloat16>
void block(const uint16_t* a, int64_t a_panel, int64_t row_panels, const uint16_t* b, int64_t b_panel,
           int64_t col_panels, int64_t blocks, float* c, int64_t ldc, bool accumulate) {
  const TileConfig config = eight_whole_tiles();
  _tile_loadconfig(&config);
  const int64_t c_bytes = ldc * static_cast<int64_t>(sizeof(float));
  for (int64_t jp = 0; jp < col_panels; ++jp) {
    for (int64_t ip = 0; ip < row_panels; ++ip) {
      const uint16_t *pa = a + ip * a_panel, *pb = b + jp * b_panel;
      float* pc = c + ip * 32 * ldc + jp * 32;
      if (accumulate) {
        _tile_loadd(0, pc, c_bytes);
        _tile_loadd(1, pc + 16, c_bytes);
        _tile_loadd(2, pc + 16 * ldc, c_bytes);
        _tile_loadd(3, pc + 16 * ldc + 16, c_bytes);
      } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
      }
      for (int64_t k = 0; k < blocks; ++k, pa += kBf16Block, pb += kBf16Block) {
        // The panel of B stays in the first cache level, those of A pass by.
        _tile_stream_loadd(4, pa, 64);
        _tile_loadd(6, pb, 64);
        _tile_loadd(7, pb + 512, 64);
        _tile_stream_loadd(5, pa + 512, 64);
        if constexpr (kFloat16) {
          RT_TILE_F16(0, 4, 6);
          RT_TILE_F16(1, 4, 7);
          RT_TILE_F16(2, 5, 6);
          RT_TILE_F16(3, 5, 7);
        } else {
          _tile_dpbf16ps(0, 4, 6);
          _tile_dpbf16ps(1, 4, 7);
          _tile_dpbf16ps(2, 5, 6);
          _tile_dpbf16ps(3, 5, 7);
        }
      }
      _tile_stored(0, pc, c_bytes);
      _tile_stored(1, pc + 16, c_bytes);
      _tile_stored(2, pc + 16 * ldc, c_bytes);
      _tile_stored(3, pc + 16 * ldc + 16, c_bytes);
    }
  }
  _tile_release();
}

}  // namespace

const Bf16Kernels* bf16_kernels_amx() {
  static const Bf16Kernels kTable = {pack_bf16_a, pack_bf16_b, block<false>};
  static const bool usable = allows_avx512() && available();
  return usable ? &kTable : nullptr;
}

const Bf16Kernels* f16_kernels_amx() {
  static const Bf16Kernels kTable = {pack_bf16_a, pack_bf16_b, block<true>};
  static const bool usable = allows_avx512() && available() && float16_available();
  return usable ? &kTable : nullptr;
}

}  // namespace rustorch::cpu::detail
#else
namespace rustorch::cpu::detail {
const Bf16Kernels* bf16_kernels_amx() { return nullptr; }
const Bf16Kernels* f16_kernels_amx() { return nullptr; }
}  // namespace rustorch::cpu::detail
#endif
