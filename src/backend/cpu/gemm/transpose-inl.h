// Transposing copy used by packing: rows of a matrix become the lanes of one vector per column.
//
// Included once per instruction set (no include guard by design of foreach_target). AVX-512 has in-register
// 16x16 and 8x8 transposes in raw intrinsics; every other target takes the plain loop in 4-column steps.
#if defined(RT_GEMM_TRANSPOSE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RT_GEMM_TRANSPOSE_INL
#undef RT_GEMM_TRANSPOSE_INL
#else
#define RT_GEMM_TRANSPOSE_INL
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
constexpr bool kMaskedTiles = true;

// 16 rows x 16 columns; rows at or beyond `rows` read as zero, columns beyond `cols` are neither read nor
// written.
// kExact: lanes beyond `rows` are not written either.
template <bool kExact>
HWY_INLINE void transpose_tile(const float* src, int64_t ld, int rows, int cols, float* dst, int64_t ds) {
  const __mmask16 mask = static_cast<__mmask16>((1u << cols) - 1);
  const __mmask16 lanes = static_cast<__mmask16>(kExact ? (1u << rows) - 1 : 0xffffu);
  __m512 r[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    r[i] = i < rows ? _mm512_maskz_loadu_ps(mask, src + i * ld) : _mm512_setzero_ps();
  }
  __m512 t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  // After this r[4g + c] holds, in 128-bit block q, rows 4g..4g+3 of column 4q + c.
#pragma GCC unroll 4
  for (int g = 0; g < 16; g += 4) {
    r[g + 0] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[g]), _mm512_castps_pd(t[g + 2])));
    r[g + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[g]), _mm512_castps_pd(t[g + 2])));
    r[g + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[g + 1]), _mm512_castps_pd(t[g + 3])));
    r[g + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[g + 1]), _mm512_castps_pd(t[g + 3])));
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512 a0 = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x44),
                 a1 = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xee);
    const __m512 b0 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x44);
    const __m512 b1 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xee);
    const __m512 q0 = _mm512_shuffle_f32x4(a0, b0, 0x88), q1 = _mm512_shuffle_f32x4(a0, b0, 0xdd);
    const __m512 q2 = _mm512_shuffle_f32x4(a1, b1, 0x88), q3 = _mm512_shuffle_f32x4(a1, b1, 0xdd);
    if (c < cols) _mm512_mask_storeu_ps(dst + c * ds, lanes, q0);
    if (4 + c < cols) _mm512_mask_storeu_ps(dst + (4 + c) * ds, lanes, q1);
    if (8 + c < cols) _mm512_mask_storeu_ps(dst + (8 + c) * ds, lanes, q2);
    if (12 + c < cols) _mm512_mask_storeu_ps(dst + (12 + c) * ds, lanes, q3);
  }
}

// 8 rows x 8 columns of doubles.
template <bool kExact>
HWY_INLINE void transpose_tile(const double* src, int64_t ld, int rows, int cols, double* dst, int64_t ds) {
  const __mmask8 mask = static_cast<__mmask8>((1u << cols) - 1);
  const __mmask8 lanes = static_cast<__mmask8>(kExact ? (1u << rows) - 1 : 0xffu);
  __m512d r[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i)
    r[i] = i < rows ? _mm512_maskz_loadu_pd(mask, src + i * ld) : _mm512_setzero_pd();
  __m512d t[8];
  // t[2g] holds, in block q, rows 2g and 2g+1 of column 2q; t[2g + 1] those of column 2q + 1.
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int c = 0; c < 2; ++c) {
    const __m512d a0 = _mm512_shuffle_f64x2(t[c], t[2 + c], 0x44),
                  a1 = _mm512_shuffle_f64x2(t[c], t[2 + c], 0xee);
    const __m512d b0 = _mm512_shuffle_f64x2(t[4 + c], t[6 + c], 0x44);
    const __m512d b1 = _mm512_shuffle_f64x2(t[4 + c], t[6 + c], 0xee);
    const __m512d q0 = _mm512_shuffle_f64x2(a0, b0, 0x88), q1 = _mm512_shuffle_f64x2(a0, b0, 0xdd);
    const __m512d q2 = _mm512_shuffle_f64x2(a1, b1, 0x88), q3 = _mm512_shuffle_f64x2(a1, b1, 0xdd);
    if (c < cols) _mm512_mask_storeu_pd(dst + c * ds, lanes, q0);
    if (2 + c < cols) _mm512_mask_storeu_pd(dst + (2 + c) * ds, lanes, q1);
    if (4 + c < cols) _mm512_mask_storeu_pd(dst + (4 + c) * ds, lanes, q2);
    if (6 + c < cols) _mm512_mask_storeu_pd(dst + (6 + c) * ds, lanes, q3);
  }
}

// dst[k * ds + i] = src[i * ld + k] for i < rows (zero up to `lanes`, a multiple of the tile) and k < cols.
// The rows of a tile to their end, then the next ones: the processor fetches ahead along 16 rows, not along
// 32.
template <class T>
void transpose_panel(T* dst, int64_t ds, int lanes, const T* src, int64_t ld, int rows, int64_t cols) {
  constexpr int kTile = 64 / sizeof(T);
  for (int i = 0; i < lanes; i += kTile) {
    const int left = rows - i < 0 ? 0 : (rows - i < kTile ? rows - i : kTile);
    const T* from = src + i * ld;
    for (int64_t k = 0; k < cols; k += kTile) {
      const int kc = static_cast<int>(cols - k < kTile ? cols - k : kTile);
      if (left == kTile && kc == kTile) {
        transpose_tile<false>(from + k, ld, kTile, kTile, dst + k * ds + i, ds);
      } else {
        transpose_tile<false>(from + k, ld, left, kc, dst + k * ds + i, ds);
      }
    }
  }
}

// dst[c * ds + r] = src[r * ld + c], writing nothing else.
template <class T>
void transpose(T* dst, int64_t ds, const T* src, int64_t ld, int64_t rows, int64_t cols) {
  constexpr int64_t kTile = 64 / sizeof(T);
  for (int64_t i = 0; i < rows; i += kTile) {
    const int r = static_cast<int>(rows - i < kTile ? rows - i : kTile);
    for (int64_t k = 0; k < cols; k += kTile) {
      const int c = static_cast<int>(cols - k < kTile ? cols - k : kTile);
      const T* from = src + i * ld + k;
      T* to = dst + k * ds + i;
      if (r == kTile && c == kTile) {
        transpose_tile<false>(from, ld, kTile, kTile, to, ds);
      } else {
        transpose_tile<true>(from, ld, r, c, to, ds);
      }
    }
  }
}

#else   // not AVX-512
constexpr bool kMaskedTiles = false;

template <class T>
void transpose_panel(T* dst, int64_t ds, int lanes, const T* src, int64_t ld, int rows, int64_t cols) {
  int i = 0;
  for (; i + 4 <= rows; i += 4) {
    const T *s0 = src + i * ld, *s1 = s0 + ld, *s2 = s1 + ld, *s3 = s2 + ld;
    T* d = dst + i;
    for (int64_t k = 0; k < cols; ++k, d += ds) {
      d[0] = s0[k];
      d[1] = s1[k];
      d[2] = s2[k];
      d[3] = s3[k];
    }
  }
  for (; i < rows; ++i) {
    for (int64_t k = 0; k < cols; ++k) dst[k * ds + i] = src[i * ld + k];
  }
  for (; i < lanes; ++i) {
    for (int64_t k = 0; k < cols; ++k) dst[k * ds + i] = T(0);
  }
}

template <class T>
void transpose(T* dst, int64_t ds, const T* src, int64_t ld, int64_t rows, int64_t cols) {
  constexpr int64_t kBlock = 16;
  for (int64_t i = 0; i < rows; i += kBlock) {
    const int64_t r = rows - i < kBlock ? rows - i : kBlock;
    transpose_panel(dst + i, ds, static_cast<int>(r), src + i * ld, ld, static_cast<int>(r), cols);
  }
}
#endif  // HWY_TARGET

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
