// Packing both operands of a product for the kernels of tile_kernels.h.
#pragma once
#include <algorithm>

#include "backend/cpu/gemm/tile_kernels.h"
#include "base/thread_pool.h"

namespace rustorch::cpu::detail {

/// Rows of A or columns of B to pack: element (line, k) at data[line * line_stride + k * k_stride].
template <class In>
struct TileOperand {
  const In* data;
  int64_t lines, line_stride, k_stride;
  In* packed;

  int64_t panels() const { return (lines + kTile - 1) / kTile; }
};

/// Packs both operands (no lines: none of it), depth k, in chunks of `grain` blocks.
template <class In, class Acc>
void pack_tiles(const TileKernels<In, Acc>& kernels, const TileOperand<In>& a, const TileOperand<In>& b,
                int64_t k, int64_t grain) {
  using Kernels = TileKernels<In, Acc>;
  const int64_t blocks = (k + Kernels::kDepth - 1) / Kernels::kDepth;
  const int64_t a_units = a.panels() * blocks, units = a_units + b.panels() * blocks;
  parallel_for(0, units, grain > 0 ? grain : units, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const bool is_a = u < a_units;
      const TileOperand<In>& o = is_a ? a : b;
      // blocks in the order of the operand's memory; those of bytes, half a cache line wide, panel by panel
      const int64_t v = is_a ? u : u - a_units;
      const bool along_k = o.k_stride == 1 || sizeof(In) == 1;
      const int64_t panel = along_k ? v / blocks : v % o.panels();
      const int64_t kb = along_k ? v % blocks : v / o.panels();
      const int64_t line = panel * kTile, k0 = kb * Kernels::kDepth;
      const In* from = o.data + line * o.line_stride + k0 * o.k_stride;
      In* to = o.packed + (panel * blocks + kb) * Kernels::kBlock;
      const int64_t lines = std::min(kTile, o.lines - line), depth = std::min(Kernels::kDepth, k - k0);
      if (is_a)
        kernels.pack_a(to, from, o.line_stride, o.k_stride, lines, depth);
      else
        kernels.pack_b(to, from, o.k_stride, o.line_stride, depth, lines);
    }
  });
}

}  // namespace rustorch::cpu::detail
