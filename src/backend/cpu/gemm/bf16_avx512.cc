// bfloat16 products with vdpbf16ps. Compiled with -mavx512bf16 and AVX-512 (see CMakeLists.txt).
//
// vdpbf16ps adds two products per lane without rounding between; denormals count as zero, as in AMX.
#include "backend/cpu/gemm/bf16_kernels.h"
#include "backend/cpu/simd/instruction_set.h"

#if defined(__AVX512BF16__) && defined(__AVX512BW__)
#include <cpuid.h>

#include "backend/cpu/gemm/bf16_pack-inl.h"

namespace rustorch::cpu::detail {
namespace {

bool available() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if (!((b >> 16 & 1) && (b >> 30 & 1) && (b >> 31 & 1))) return false;
  __get_cpuid(1, &a, &b, &c, &d);
  if (!(c >> 27 & 1)) return false;  // no xgetbv
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & 0xe6u) == 0xe6u;
}

constexpr int kRows = 8;  // 8 x 2 accumulators; 32 rows are four groups

void group(const uint16_t* a, const uint16_t* b, int64_t blocks, float* c, int64_t ldc, bool accumulate) {
  __m512 acc[kRows][2];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    acc[i][0] = accumulate ? _mm512_loadu_ps(c + i * ldc) : _mm512_setzero_ps();
    acc[i][1] = accumulate ? _mm512_loadu_ps(c + i * ldc + 16) : _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < blocks; ++k, a += kBf16Block, b += kBf16Block) {
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

void block(const uint16_t* a, int64_t a_panel, int64_t row_panels, const uint16_t* b, int64_t b_panel,
           int64_t col_panels, int64_t blocks, float* c, int64_t ldc, bool accumulate) {
  for (int64_t jp = 0; jp < col_panels; ++jp) {
    for (int64_t ip = 0; ip < row_panels; ++ip) {
      for (int i = 0; i < 32; i += kRows) {
        group(a + ip * a_panel + i * 32, b + jp * b_panel, blocks, c + (ip * 32 + i) * ldc + jp * 32, ldc,
              accumulate);
      }
    }
  }
}

}  // namespace

const Bf16Kernels* bf16_kernels_avx512() {
  static const Bf16Kernels kTable = {pack_bf16_a, pack_bf16_b, block};
  static const bool usable = allows_avx512() && available();
  return usable ? &kTable : nullptr;
}

}  // namespace rustorch::cpu::detail
#else
namespace rustorch::cpu::detail {
const Bf16Kernels* bf16_kernels_avx512() { return nullptr; }
}  // namespace rustorch::cpu::detail
#endif
