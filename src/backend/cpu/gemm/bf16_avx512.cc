// bfloat16 products with vdpbf16ps. Compiled with -mavx512bf16 and AVX-512 (see CMakeLists.txt).
//
// vdpbf16ps adds two products per lane without rounding between; denormals count as zero, as in AMX.
#include "backend/cpu/gemm/tile_kernels.h"
#include "backend/cpu/simd/instruction_set.h"

#if defined(__AVX512BF16__) && defined(__AVX512BW__)
#include "backend/cpu/gemm/avx512_tiles-inl.h"
#include "backend/cpu/gemm/bf16_pack-inl.h"

namespace rustorch::cpu::detail {
namespace {

bool available() {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1) && avx512_usable();
}

constexpr int kRows = 8;  // 8 x 2 accumulators; 32 rows are four groups

void group(const uint16_t* a, const uint16_t* b, int64_t blocks, float* c, int64_t ldc, bool accumulate) {
  __m512 acc[kRows][2];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    acc[i][0] = accumulate ? _mm512_loadu_ps(c + i * ldc) : _mm512_setzero_ps();
    acc[i][1] = accumulate ? _mm512_loadu_ps(c + i * ldc + 16) : _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < blocks; ++k, a += Bf16Kernels::kBlock, b += Bf16Kernels::kBlock) {
    for (int p = 0; p < 16; ++p) {
      const __m512bh b0 = (__m512bh)_mm512_loadu_si512(b + p * 32);
      const __m512bh b1 = (__m512bh)_mm512_loadu_si512(b + 512 + p * 32);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
        int pair;
        __builtin_memcpy(&pair, a + i * 32 + 2 * p, 4);
        const __m512bh av = (__m512bh)_mm512_set1_epi32(pair);
        acc[i][0] = _mm512_dpbf16_ps(acc[i][0], av, b0);
        acc[i][1] = _mm512_dpbf16_ps(acc[i][1], av, b1);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    _mm512_storeu_ps(c + i * ldc, acc[i][0]);
    _mm512_storeu_ps(c + i * ldc + 16, acc[i][1]);
  }
}

}  // namespace

const Bf16Kernels* bf16_kernels_avx512() {
  static const Bf16Kernels kTable = {pack_bf16_a, pack_bf16_b,
                                     block_by_groups<kRows, 32, uint16_t, float, group>};
  static const bool usable = allows_avx512() && available();
  return usable ? &kTable : nullptr;
}

}  // namespace rustorch::cpu::detail
#else
namespace rustorch::cpu::detail {
const Bf16Kernels* bf16_kernels_avx512() { return nullptr; }
}  // namespace rustorch::cpu::detail
#endif
