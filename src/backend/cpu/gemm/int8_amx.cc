// int8 products on Intel AMX tiles. Compiled with -mamx-tile -mamx-int8 and AVX-512 (see CMakeLists.txt).
//
// As in bf16_amx.cc, a block configures the tiles on entry and releases them on exit.
#include "backend/cpu/gemm/int8_kernels.h"
#include "backend/cpu/simd/instruction_set.h"

#if defined(__AMX_INT8__) && defined(__AVX512BW__) && defined(__linux__)
#include "backend/cpu/gemm/amx_available.h"
#include "backend/cpu/gemm/int8_pack-inl.h"

namespace rustorch::cpu::detail {
namespace {

void block(const int8_t* a, int64_t a_panel, int64_t row_panels, const int8_t* b, int64_t b_panel,
           int64_t col_panels, int64_t blocks, int32_t* c, int64_t ldc, bool accumulate) {
  const TileConfig config = eight_whole_tiles();
  _tile_loadconfig(&config);
  const int64_t c_bytes = ldc * static_cast<int64_t>(sizeof(int32_t));
  for (int64_t jp = 0; jp < col_panels; ++jp) {
    for (int64_t ip = 0; ip < row_panels; ++ip) {
      const int8_t *pa = a + ip * a_panel, *pb = b + jp * b_panel;
      int32_t* pc = c + ip * 32 * ldc + jp * 32;
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
      for (int64_t k = 0; k < blocks; ++k, pa += kInt8Block, pb += kInt8Block) {
        _tile_stream_loadd(4, pa, 64);
        _tile_loadd(6, pb, 64);
        _tile_loadd(7, pb + 1024, 64);
        _tile_stream_loadd(5, pa + 1024, 64);
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
      }
      _tile_stored(0, pc, c_bytes);
      _tile_stored(1, pc + 16, c_bytes);
      _tile_stored(2, pc + 16 * ldc, c_bytes);
      _tile_stored(3, pc + 16 * ldc + 16, c_bytes);
    }
  }
  _tile_release();
}

bool int8_available() {
  unsigned a, b, c, d;
  return amx_tiles_available() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 25 & 1);
}

}  // namespace

const Int8Kernels* int8_kernels_amx() {
  static const Int8Kernels kTable = {pack_int8_a, pack_int8_b, block};
  static const bool usable = allows_avx512() && int8_available();
  return usable ? &kTable : nullptr;
}

}  // namespace rustorch::cpu::detail
#else
namespace rustorch::cpu::detail {
const Int8Kernels* int8_kernels_amx() { return nullptr; }
}  // namespace rustorch::cpu::detail
#endif
