// Whether the processor and the system let this process use AMX tiles; included only by the files compiled
// for them. Static functions only.
#pragma once
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace rustorch::cpu::detail {

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

/// Tiles and AVX-512 are there, and the kernel grants tile data (asked once by each caller).
static inline bool amx_tiles_available() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const bool amx = d >> 24 & 1, avx512 = (b >> 16 & 1) && (b >> 30 & 1) && (b >> 31 & 1);
  if (!amx || !avx512) return false;
  __get_cpuid(1, &a, &b, &c, &d);
  if (!(c >> 27 & 1)) return false;  // no xgetbv
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 0x600e6u) != 0x600e6u) return false;  // SSE, AVX, AVX-512 and tile state enabled by the system
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace rustorch::cpu::detail
