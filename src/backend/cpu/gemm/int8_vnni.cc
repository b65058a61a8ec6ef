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

constexpr int kRows = 8;  // 8 x 2 accumulators and two for the columns of B; 32 rows are four groups

void group(const int8_t* a, const int8_t* b, int64_t blocks, int32_t* c, int64_t ldc, bool accumulate) {
  const __m512i offset = _mm512_set1_epi8(-128);  // also 128 as an unsigned byte
  __m512i acc[kRows][2], sum[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    acc[i][0] = accumulate ? _mm512_loadu_si512(c + i * ldc) : _mm512_setzero_si512();
    acc[i][1] = accumulate ? _mm512_loadu_si512(c + i * ldc + 16) : _mm512_setzero_si512();
  }
  for (int64_t k = 0; k < blocks; ++k, a += Int8Kernels::kBlock, b += Int8Kernels::kBlock) {
    for (int q = 0; q < 16; ++q) {
      const __m512i b0 = _mm512_loadu_si512(b + q * 64), b1 = _mm512_loadu_si512(b + 1024 + q * 64);
      sum[0] = _mm512_dpbusd_epi32(sum[0], offset, b0);
      sum[1] = _mm512_dpbusd_epi32(sum[1], offset, b1);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
        int four;
        __builtin_memcpy(&four, a + i * 64 + 4 * q, 4);
        const __m512i av = _mm512_xor_si512(_mm512_set1_epi32(four), offset);
        acc[i][0] = _mm512_dpbusd_epi32(acc[i][0], av, b0);
        acc[i][1] = _mm512_dpbusd_epi32(acc[i][1], av, b1);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    _mm512_storeu_si512(c + i * ldc, _mm512_sub_epi32(acc[i][0], sum[0]));
    _mm512_storeu_si512(c + i * ldc + 16, _mm512_sub_epi32(acc[i][1], sum[1]));
  }
}

}  // namespace

const Int8Kernels* int8_kernels_vnni() {
  static const Int8Kernels kTable = {pack_int8_a, pack_int8_b,
                                     block_by_groups<kRows, 64, int8_t, int32_t, group>};
  static const bool usable = allows_avx512() && available();
  return usable ? &kTable : nullptr;
}

}  // namespace rustorch::cpu::detail
#else
namespace rustorch::cpu::detail {
const Int8Kernels* int8_kernels_vnni() { return nullptr; }
}  // namespace rustorch::cpu::detail
#endif
