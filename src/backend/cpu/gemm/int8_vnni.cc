// int8 products with vpdpbusd. Compiled with -mavx512vnni and AVX-512 (see CMakeLists.txt).
//
// vpdpbusd multiplies unsigned by signed bytes, so A is taken as a + 128 and 128 times the sum of the column
// of B is subtracted. No step saturates; sums wrap around.
#include "backend/cpu/gemm/tile_kernels.h"
#include "backend/cpu/simd/instruction_set.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#include "backend/cpu/gemm/avx512_tiles-inl.h"
#include "backend/cpu/gemm/int8_pack-inl.h"

namespace rustorch::cpu::detail {
namespace {

bool available() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 11 & 1) && avx512_usable();
}

constexpr int kRows = 8;  // 8 x 2 accumulators, two for the columns of B, one for a row of A

// A as the products take it: a + 128.
void pack_a(int8_t* dst, const int8_t* a, int64_t rs, int64_t cs, int64_t rows, int64_t depth) {
  pack_int8_a(dst, a, rs, cs, rows, depth);
  for (int i = 0; i < Int8Kernels::kBlock; i += 64)
    _mm512_storeu_si512(dst + i, _mm512_xor_si512(_mm512_loadu_si512(dst + i), _mm512_set1_epi8(-128)));
}

// 128 times the sums of a panel's columns.
void sum_columns(const int8_t* b, int64_t blocks, __m512i (&sum)[2]) {
  const __m512i offset = _mm512_set1_epi8(-128);  // 128 as an unsigned byte
  sum[0] = sum[1] = _mm512_setzero_si512();
  for (int64_t k = 0; k < blocks; ++k, b += Int8Kernels::kBlock)
    for (int q = 0; q < 16; ++q) {
      sum[0] = _mm512_dpbusd_epi32(sum[0], offset, _mm512_loadu_si512(b + q * 64));
      sum[1] = _mm512_dpbusd_epi32(sum[1], offset, _mm512_loadu_si512(b + 1024 + q * 64));
    }
}

// Not inlined: gcc 12 would spend vector registers on addresses and spill the columns of B.
[[gnu::noinline]] void group(const int8_t* a, const int8_t* b, int64_t blocks, const __m512i (&sum)[2],
                             int32_t* c, int64_t ldc, bool accumulate) {
  __m512i acc[kRows][2];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j)
      acc[i][j] = _mm512_sub_epi32(
          accumulate ? _mm512_loadu_si512(c + i * ldc + 16 * j) : _mm512_setzero_si512(), sum[j]);
  for (int64_t k = 0; k < blocks; ++k, a += Int8Kernels::kBlock, b += Int8Kernels::kBlock) {
    for (int q = 0; q < 16; ++q) {
      const __m512i b0 = _mm512_loadu_si512(b + q * 64), b1 = _mm512_loadu_si512(b + 1024 + q * 64);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
        int four;
        __builtin_memcpy(&four, a + i * 64 + 4 * q, 4);
        const __m512i av = _mm512_set1_epi32(four);
        acc[i][0] = _mm512_dpbusd_epi32(acc[i][0], av, b0);
        acc[i][1] = _mm512_dpbusd_epi32(acc[i][1], av, b1);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    _mm512_storeu_si512(c + i * ldc, acc[i][0]);
    _mm512_storeu_si512(c + i * ldc + 16, acc[i][1]);
  }
}

void block(const int8_t* a, int64_t a_panel, int64_t row_panels, const int8_t* b, int64_t b_panel,
           int64_t col_panels, int64_t blocks, int32_t* c, int64_t ldc, bool accumulate) {
  for (int64_t jp = 0; jp < col_panels; ++jp) {
    __m512i sum[2];
    sum_columns(b + jp * b_panel, blocks, sum);
    for (int64_t ip = 0; ip < row_panels; ++ip)
      for (int i = 0; i < kTile; i += kRows)
        group(a + ip * a_panel + i * Int8Kernels::kDepth, b + jp * b_panel, blocks, sum,
              c + (ip * kTile + i) * ldc + jp * kTile, ldc, accumulate);
  }
}

}  // namespace

const Int8Kernels* int8_kernels_vnni() {
  static const Int8Kernels kTable = {pack_a, pack_int8_b, block};
  static const bool usable = allows_avx512() && available();
  return usable ? &kTable : nullptr;
}

}  // namespace rustorch::cpu::detail
#else
namespace rustorch::cpu::detail {
const Int8Kernels* int8_kernels_vnni() { return nullptr; }
}  // namespace rustorch::cpu::detail
#endif
