// Packing of int8 blocks with AVX-512; included only by the files compiled for it. Static functions only, so
// that no code for a newer processor can replace an inline function elsewhere.
#pragma once
#include <immintrin.h>

#include <cstring>

#include "backend/cpu/gemm/bf16_pack-inl.h"
#include "backend/cpu/gemm/tile_kernels.h"

namespace rustorch::cpu::detail {

static inline __mmask64 byte_mask(int64_t count) {
  return count >= 64 ? ~__mmask64{0} : (count <= 0 ? 0 : (__mmask64{1} << count) - 1);
}

// Four rows of 16 bytes as 16 fours: byte i of the four of lane j comes from row i.
static inline void interleave_rows(const __m128i (&r)[4], int8_t* to) {
  const __m128i low01 = _mm_unpacklo_epi8(r[0], r[1]), high01 = _mm_unpackhi_epi8(r[0], r[1]);
  const __m128i low23 = _mm_unpacklo_epi8(r[2], r[3]), high23 = _mm_unpackhi_epi8(r[2], r[3]);
  __m512i v = _mm512_castsi128_si512(_mm_unpacklo_epi16(low01, low23));
  v = _mm512_inserti32x4(v, _mm_unpackhi_epi16(low01, low23), 1);
  v = _mm512_inserti32x4(v, _mm_unpacklo_epi16(high01, high23), 2);
  v = _mm512_inserti32x4(v, _mm_unpackhi_epi16(high01, high23), 3);
  _mm512_storeu_si512(to, v);
}

// Fours of 16 lanes that are contiguous in memory: (k, lane) at s[k * stride + lane], 16 fours from s on.
static inline void pack_lanes(int8_t* dst, const int8_t* s, int64_t stride, int64_t depth, int64_t lanes) {
  const __mmask16 mask = lane_mask(lanes);
  for (int64_t q = 0; q < 16; ++q, dst += 64) {
    __m128i r[4];
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t k = 4 * q + i;
      r[i] = k < depth ? _mm_maskz_loadu_epi8(mask, s + k * stride) : _mm_setzero_si128();
    }
    interleave_rows(r, dst);
  }
}

static void pack_int8_a(int8_t* dst, const int8_t* a, int64_t rs, int64_t cs, int64_t rows, int64_t depth) {
  if (cs == 1) {
    const __mmask64 mask = byte_mask(depth);
    for (int64_t i = 0; i < 32; ++i) {
      const __m512i v = i < rows ? _mm512_maskz_loadu_epi8(mask, a + i * rs) : _mm512_setzero_si512();
      _mm512_storeu_si512(dst + i * 64, v);
    }
    return;
  }
  alignas(64) int8_t fours[16 * 64];
  for (int64_t i = 0; i < 32; i += 16) {
    pack_lanes(fours, a + i, cs, depth, rows - i);
    __m512i r[16];
    for (int64_t q = 0; q < 16; ++q) r[q] = _mm512_load_si512(fours + q * 64);
    transpose_pairs(r);  // fours by lanes to lanes by fours
    for (int64_t q = 0; q < 16; ++q) _mm512_storeu_si512(dst + (i + q) * 64, r[q]);
  }
}

static void pack_int8_b(int8_t* dst, const int8_t* b, int64_t ks, int64_t ns, int64_t depth, int64_t cols) {
  for (int64_t half = 0; half < 2; ++half, dst += Int8Kernels::kBlock / 2) {
    const int64_t j = half * 16;
    if (ns == 1) {
      pack_lanes(dst, b + j, ks, depth, cols - j);
      continue;
    }
    const __mmask64 mask = byte_mask(depth);
    __m512i r[16];
    for (int64_t q = 0; q < 16; ++q)
      r[q] = j + q < cols ? _mm512_maskz_loadu_epi8(mask, b + (j + q) * ns) : _mm512_setzero_si512();
    transpose_pairs(r);
    for (int64_t q = 0; q < 16; ++q) _mm512_storeu_si512(dst + q * 64, r[q]);
  }
}

}  // namespace rustorch::cpu::detail
