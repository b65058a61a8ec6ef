// AMX tiles: whether this process may use them, and the product of packed blocks on eight of them; included
// only by the files compiled for them. Static functions only.
//
// The kernel must grant the process the use of tile data (arch_prctl), asked once by each caller. A block
// configures the tiles on entry and releases them on exit, so no tile state outlives a call.
#pragma once
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/cpu/gemm/avx512_tiles-inl.h"
#include "backend/cpu/gemm/tile_kernels.h"

namespace rustorch::cpu::detail {

/// Bit of cpuid leaf 7, register edx, besides those of tiles and AVX-512.
static inline bool amx_usable(int bit) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 24 & 1) || !(d >> bit & 1)) return false;
  if (!avx512_usable(kAvx512State | kTileState)) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

struct alignas(64) TileConfig {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

/// Eight tiles of 16 rows of 64 bytes.
static inline TileConfig eight_whole_tiles() {
  TileConfig config{};
  config.palette = 1;
  for (int i = 0; i < 8; ++i) {
    config.rows[i] = 16;
    config.row_bytes[i] = 64;
  }
  return config;
}

/// TileKernels::block: tiles 0 to 3 are C, 4 and 5 rows of A, 6 and 7 columns of B; `multiply` adds the four
/// products.
template <class In, class Acc, void (*multiply)()>
static void amx_block(const In* a, int64_t a_panel, int64_t row_panels, const In* b, int64_t b_panel,
                      int64_t col_panels, int64_t blocks, Acc* c, int64_t ldc, bool accumulate) {
  constexpr int64_t kBlock = TileKernels<In, Acc>::kBlock;
  const TileConfig config = eight_whole_tiles();
  _tile_loadconfig(&config);
  const int64_t c_bytes = ldc * static_cast<int64_t>(sizeof(Acc));
  for (int64_t jp = 0; jp < col_panels; ++jp) {
    for (int64_t ip = 0; ip < row_panels; ++ip) {
      const In *pa = a + ip * a_panel, *pb = b + jp * b_panel;
      Acc* pc = c + ip * 32 * ldc + jp * 32;
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
      for (int64_t k = 0; k < blocks; ++k, pa += kBlock, pb += kBlock) {
        // The panel of B stays in the first cache level, those of A pass by.
        _tile_stream_loadd(4, pa, 64);
        _tile_loadd(6, pb, 64);
        _tile_loadd(7, pb + kBlock / 2, 64);
        _tile_stream_loadd(5, pa + kBlock / 2, 64);
        multiply();
      }
      _tile_stored(0, pc, c_bytes);
      _tile_stored(1, pc + 16, c_bytes);
      _tile_stored(2, pc + 16 * ldc, c_bytes);
      _tile_stored(3, pc + 16 * ldc + 16, c_bytes);
    }
  }
  _tile_release();
}

}  // namespace rustorch::cpu::detail
