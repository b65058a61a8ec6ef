// The seam to the kernels of 16-bit floats in raw intrinsics, which live in files with their own compiler
// flags.
//
// Packed layouts, in blocks of 32 along k (the rest zero). A: panels of 32 rows; a block is 32 rows of 32
// consecutive elements. B: panels of 32 columns; a block is two halves of 16 columns, each 16 pairs along k
// by 16 columns, the two elements of a pair adjacent. A block of either is 1024 elements. This is what both
// AMX tiles and vdpbf16ps read.
#pragma once
#include <cstdint>

namespace rustorch::cpu::detail {

constexpr int64_t kBf16Tile = 32;        // rows and columns of a register tile, and depth of a block
constexpr int64_t kBf16Block = 32 * 32;  // elements of a packed block

struct Bf16Kernels {
  /// Packs one block of A: (i, k) at a[i * rs + k * cs], one of the strides 1; rows, depth <= 32.
  void (*pack_a)(uint16_t* dst, const uint16_t* a, int64_t rs, int64_t cs, int64_t rows, int64_t depth);
  /// Packs one block of B: (k, j) at b[k * ks + j * ns].
  void (*pack_b)(uint16_t* dst, const uint16_t* b, int64_t ks, int64_t ns, int64_t depth, int64_t cols);
  /// c[32 x 32] = or += the product of `blocks` blocks, for row_panels x col_panels tiles. Panels of A and B
  /// are a_panel and b_panel elements apart.
  void (*block)(const uint16_t* a, int64_t a_panel, int64_t row_panels, const uint16_t* b, int64_t b_panel,
                int64_t col_panels, int64_t blocks, float* c, int64_t ldc, bool accumulate);
};

/// The kernels, or null when this build or this processor has none.
const Bf16Kernels* bf16_kernels_amx();
const Bf16Kernels* bf16_kernels_avx512();
/// The same for float16, which shares the packed layouts.
const Bf16Kernels* f16_kernels_amx();

/// The best of them for this processor, or null.
const Bf16Kernels* bf16_kernels();

}  // namespace rustorch::cpu::detail
