// The seam to the kernels of 16-bit floats and of bytes in raw intrinsics, which live in files with their own
// compiler flags.
//
// Packed layouts, in blocks of 64 bytes along k (the rest zero). A: panels of 32 rows; a block is 32 rows of
// consecutive elements. B: panels of 32 columns; a block is two halves of 16 columns, each 16 groups of 4
// bytes along k by 16 columns, the elements of a group (a pair of 16-bit floats, four bytes) adjacent. This
// is what AMX tiles, vdpbf16ps and vpdpbusd read.
#pragma once
#include <cstdint>

#include "backend/cpu/gemm/gemm.h"

namespace rustorch::cpu::detail {

constexpr int64_t kTile = 32;  // rows and columns of a register tile

template <class In, class Acc>
struct TileKernels {
  using Element = In;
  static constexpr int64_t kDepth = 64 / sizeof(In);  // depth of a block
  static constexpr int64_t kBlock = kTile * kDepth;   // elements of a packed block

  /// Packs one block of A: (i, k) at a[i * rs + k * cs], one of the strides 1; rows <= 32, depth <= kDepth.
  void (*pack_a)(In* dst, const In* a, int64_t rs, int64_t cs, int64_t rows, int64_t depth);
  /// Packs one block of B: (k, j) at b[k * ks + j * ns].
  void (*pack_b)(In* dst, const In* b, int64_t ks, int64_t ns, int64_t depth, int64_t cols);
  /// c[32 x 32] = or += the product of `blocks` blocks, for row_panels x col_panels tiles; integers modulo
  /// 2^32. Panels of A and B are a_panel and b_panel elements apart.
  void (*block)(const In* a, int64_t a_panel, int64_t row_panels, const In* b, int64_t b_panel,
                int64_t col_panels, int64_t blocks, Acc* c, int64_t ldc, bool accumulate);
};

using Bf16Kernels = TileKernels<uint16_t, float>;
using Int8Kernels = TileKernels<int8_t, int32_t>;

/// The kernels, or null when this build or this processor has none.
const Bf16Kernels* bf16_kernels_amx();
const Bf16Kernels* bf16_kernels_avx512();
const Bf16Kernels* f16_kernels_amx();  // float16 in the same layouts
const Int8Kernels* int8_kernels_amx();
const Int8Kernels* int8_kernels_vnni();

/// The best of them for this processor, or null.
const Bf16Kernels* bf16_kernels();

/// The product of bytes without any of them, and by the given ones.
void gemm_int8_plain(const IntGemmArgs<int8_t, int8_t, int32_t>& args);
void gemm_uint8_plain(const IntGemmArgs<uint8_t, int8_t, int32_t>& args);
void gemm_int8_with(const Int8Kernels& kernels, const IntGemmArgs<int8_t, int8_t, int32_t>& args);

}  // namespace rustorch::cpu::detail
