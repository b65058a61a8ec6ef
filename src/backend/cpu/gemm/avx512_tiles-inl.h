// Whether the system lets this process use AVX-512, and loops over its register tiles; included only by the
// files compiled for it. Static functions only, so that no code for a newer processor can replace an inline
// function elsewhere.
#pragma once
#include <cpuid.h>

#include <cstdint>

namespace rustorch::cpu::detail {

/// Bits of state that the system saves: SSE, AVX, AVX-512; on AMX also the tiles.
constexpr unsigned kAvx512State = 0xe6, kTileState = 0x60000;

/// AVX-512 F, BW and VL are there and the system saves the given state.
static inline bool avx512_usable(unsigned state = kAvx512State) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if (!((b >> 16 & 1) && (b >> 30 & 1) && (b >> 31 & 1))) return false;
  __get_cpuid(1, &a, &b, &c, &d);
  if (!(c >> 27 & 1)) return false;  // no xgetbv
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & state) == state;
}

/// TileKernels::block by `group`, which does kRows rows of a tile at a time; kDepth elements in a row of a
/// block.
template <int kRows, int kDepth, class In, class Acc,
          void (*group)(const In*, const In*, int64_t, Acc*, int64_t, bool)>
static void block_by_groups(const In* a, int64_t a_panel, int64_t row_panels, const In* b, int64_t b_panel,
                            int64_t col_panels, int64_t blocks, Acc* c, int64_t ldc, bool accumulate) {
  for (int64_t jp = 0; jp < col_panels; ++jp)
    for (int64_t ip = 0; ip < row_panels; ++ip)
      for (int i = 0; i < 32; i += kRows)
        group(a + ip * a_panel + i * kDepth, b + jp * b_panel, blocks, c + (ip * 32 + i) * ldc + jp * 32, ldc,
              accumulate);
}

}  // namespace rustorch::cpu::detail
