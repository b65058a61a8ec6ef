// Packing of bfloat16 blocks with AVX-512; included only by the files compiled for it. Static functions only,
// so that no code for a newer processor can replace an inline function elsewhere.
#pragma once
#include <immintrin.h>

#include "backend/cpu/gemm/tile_kernels.h"

namespace rustorch::cpu::detail {

// 16 x 16 transpose of 32-bit values.
static inline void transpose_pairs(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int g = 0; g < 16; g += 4) {
    r[g + 0] = _mm512_unpacklo_epi64(t[g], t[g + 2]);
    r[g + 1] = _mm512_unpackhi_epi64(t[g], t[g + 2]);
    r[g + 2] = _mm512_unpacklo_epi64(t[g + 1], t[g + 3]);
    r[g + 3] = _mm512_unpackhi_epi64(t[g + 1], t[g + 3]);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512i a0 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x44),
                  a1 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xee);
    const __m512i b0 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x44);
    const __m512i b1 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xee);
    t[c] = _mm512_shuffle_i32x4(a0, b0, 0x88);
    t[4 + c] = _mm512_shuffle_i32x4(a0, b0, 0xdd);
    t[8 + c] = _mm512_shuffle_i32x4(a1, b1, 0x88);
    t[12 + c] = _mm512_shuffle_i32x4(a1, b1, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}

// Pair p of 16 lanes: elements (2p, lane) and (2p + 1, lane) of a matrix whose lanes are contiguous.
static inline __m512i load_pair(const uint16_t* s, int64_t stride, int64_t p, int64_t depth,
                                __mmask16 lanes) {
  const __m256i low =
      2 * p < depth ? _mm256_maskz_loadu_epi16(lanes, s + 2 * p * stride) : _mm256_setzero_si256();
  const __m256i high =
      2 * p + 1 < depth ? _mm256_maskz_loadu_epi16(lanes, s + (2 * p + 1) * stride) : _mm256_setzero_si256();
  return _mm512_or_si512(_mm512_cvtepu16_epi32(low), _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}

static inline __mmask16 lane_mask(int64_t count) {
  return count >= 16 ? 0xffffu : (count <= 0 ? 0 : static_cast<__mmask16>((1u << count) - 1));
}
static inline __mmask32 depth_mask(int64_t depth) {
  return depth >= 32 ? 0xffffffffu : static_cast<__mmask32>((1u << depth) - 1);
}

[[maybe_unused]] static void pack_bf16_a(uint16_t* dst, const uint16_t* a, int64_t rs, int64_t cs,
                                         int64_t rows, int64_t depth) {
  if (cs == 1) {
    const __mmask32 mask = depth_mask(depth);
    for (int64_t i = 0; i < 32; ++i) {
      const __m512i v = i < rows ? _mm512_maskz_loadu_epi16(mask, a + i * rs) : _mm512_setzero_si512();
      _mm512_storeu_si512(dst + i * 32, v);
    }
    return;
  }
  for (int64_t i = 0; i < 32; i += 16) {
    __m512i r[16];
    for (int64_t p = 0; p < 16; ++p) r[p] = load_pair(a + i, cs, p, depth, lane_mask(rows - i));
    transpose_pairs(r);
    for (int64_t q = 0; q < 16; ++q) _mm512_storeu_si512(dst + (i + q) * 32, r[q]);
  }
}

[[maybe_unused]] static void pack_bf16_b(uint16_t* dst, const uint16_t* b, int64_t ks, int64_t ns,
                                         int64_t depth, int64_t cols) {
  for (int64_t half = 0; half < 2; ++half, dst += Bf16Kernels::kBlock / 2) {
    const int64_t j = half * 16;
    if (ns == 1) {
      const __mmask16 mask = lane_mask(cols - j);
      for (int64_t p = 0; p < 16; ++p)
        _mm512_storeu_si512(dst + p * 32, load_pair(b + j, ks, p, depth, mask));
      continue;
    }
    const __mmask32 mask = depth_mask(depth);
    __m512i r[16];
    for (int64_t q = 0; q < 16; ++q) {
      r[q] = j + q < cols ? _mm512_maskz_loadu_epi16(mask, b + (j + q) * ns) : _mm512_setzero_si512();
    }
    transpose_pairs(r);
    for (int64_t p = 0; p < 16; ++p) _mm512_storeu_si512(dst + p * 32, r[p]);
  }
}

}  // namespace rustorch::cpu::detail
