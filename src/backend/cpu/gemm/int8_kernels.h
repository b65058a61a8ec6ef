// The seam to the int8 kernels in raw intrinsics, which live in files with their own compiler flags.
//
// Packed layouts, in blocks of 64 along k (the rest zero). A: panels of 32 rows; a block is 32 rows of 64
// consecutive elements. B: panels of 32 columns; a block is two halves of 16 columns, each 16 fours along k
// by 16 columns, the elements of a four adjacent. A block of either is 2048 bytes. This is what both AMX
// tiles and vpdpbusd read.
#pragma once
#include <cstdint>

#include "backend/cpu/gemm/gemm.h"

namespace rustorch::cpu::detail {

constexpr int64_t kInt8Tile = 32;        // rows and columns of a register tile
constexpr int64_t kInt8Depth = 64;       // depth of a block
constexpr int64_t kInt8Block = 32 * 64;  // bytes of a packed block

struct Int8Kernels {
  /// Packs one block of A: (i, k) at a[i * rs + k * cs], one of the strides 1; rows <= 32, depth <= 64.
  void (*pack_a)(int8_t* dst, const int8_t* a, int64_t rs, int64_t cs, int64_t rows, int64_t depth);
  /// Packs one block of B: (k, j) at b[k * ks + j * ns].
  void (*pack_b)(int8_t* dst, const int8_t* b, int64_t ks, int64_t ns, int64_t depth, int64_t cols);
  /// c[32 x 32] = or += the product of `blocks` blocks, for row_panels x col_panels tiles, modulo 2^32.
  /// Panels of A and B are a_panel and b_panel bytes apart.
  void (*block)(const int8_t* a, int64_t a_panel, int64_t row_panels, const int8_t* b, int64_t b_panel,
                int64_t col_panels, int64_t blocks, int32_t* c, int64_t ldc, bool accumulate);
};

/// The kernels, or null when this build or this processor has none.
const Int8Kernels* int8_kernels_amx();
const Int8Kernels* int8_kernels_vnni();

/// The product without any of them.
void gemm_int8_plain(const IntGemmArgs<int8_t, int8_t, int32_t>& args);
void gemm_uint8_plain(const IntGemmArgs<uint8_t, int8_t, int32_t>& args);

/// The product by the given kernels.
void gemm_int8_with(const Int8Kernels& kernels, const IntGemmArgs<int8_t, int8_t, int32_t>& args);

}  // namespace rustorch::cpu::detail
