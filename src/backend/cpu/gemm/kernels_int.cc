// Integer products modulo 2^bits: plain loops that the compiler vectorises once per instruction set.
//
// B is widened and, if transposed, turned into row-major strips that fit the L1 cache; four rows of C share
// each load.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm/kernels_int.cc"
#include "hwy/foreach_target.h"
// The order matters: foreach_target.h first.
#include <algorithm>
#include <type_traits>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/gemm/tile_kernels.h"
#include "base/thread_pool.h"
#include "hwy/highway.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {

constexpr int64_t kStripBytes = 1024;  // columns of C kept in L1 per row
constexpr int64_t kRows = 4;
constexpr int64_t kDepth = 64;

// acc[r][j] += sum over k of a(r, k) * b[k][j], unsigned arithmetic.
template <class U>
void multiply_strip(U* HWY_RESTRICT acc, const U* HWY_RESTRICT a, const U* HWY_RESTRICT b, int64_t depth,
                    int64_t cols) {
  U *c0 = acc, *c1 = acc + cols, *c2 = acc + 2 * cols, *c3 = acc + 3 * cols;
  for (int64_t k = 0; k < depth; ++k, b += cols) {
    const U a0 = a[4 * k], a1 = a[4 * k + 1], a2 = a[4 * k + 2], a3 = a[4 * k + 3];
    for (int64_t j = 0; j < cols; ++j) {
      const U v = b[j];
      c0[j] = static_cast<U>(c0[j] + a0 * v);
      c1[j] = static_cast<U>(c1[j] + a1 * v);
      c2[j] = static_cast<U>(c2[j] + a2 * v);
      c3[j] = static_cast<U>(c3[j] + a3 * v);
    }
  }
}

// 16-bit products of small types would be signed ints in C++; widening to unsigned keeps them defined.
template <class Out>
using Wide = std::conditional_t<sizeof(Out) <= 4, uint32_t, uint64_t>;

template <class A, class B, class Out>
void columns(const IntGemmArgs<A, B, Out>& g, int64_t j0, int64_t cols) {
  using U = Wide<Out>;
  ScratchBuffer<U> b_strip(static_cast<size_t>(kDepth * cols)), acc(static_cast<size_t>(g.m + kRows) * cols);
  std::fill_n(acc.data(), (g.m + kRows) * cols, U(0));
  U a_part[kRows * kDepth];
  for (int64_t k0 = 0; k0 < g.k; k0 += kDepth) {
    const int64_t depth = std::min(kDepth, g.k - k0);
    for (int64_t k = 0; k < depth; ++k) {
      for (int64_t j = 0; j < cols; ++j) {
        const B v = g.trans_b ? g.b[(j0 + j) * g.ldb + k0 + k] : g.b[(k0 + k) * g.ldb + j0 + j];
        b_strip.data()[k * cols + j] = static_cast<U>(v);
      }
    }
    for (int64_t i = 0; i < g.m; i += kRows) {
      for (int64_t k = 0; k < depth; ++k) {
        for (int64_t r = 0; r < kRows; ++r) {
          const int64_t row = i + r;
          const A v =
              row >= g.m ? A(0) : (g.trans_a ? g.a[(k0 + k) * g.lda + row] : g.a[row * g.lda + k0 + k]);
          a_part[4 * k + r] = static_cast<U>(v);
        }
      }
      multiply_strip(acc.data() + i * cols, a_part, b_strip.data(), depth, cols);
    }
  }
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      Out& c = g.c[i * g.ldc + j0 + j];
      const U v = acc.data()[i * cols + j];
      c = static_cast<Out>(g.accumulate ? static_cast<U>(c) + v : v);
    }
  }
}

template <class A, class B, class Out>
void run_int(const IntGemmArgs<A, B, Out>& g) {
  const int64_t strip = kStripBytes / static_cast<int64_t>(sizeof(Wide<Out>));
  const double work = static_cast<double>(g.m) * static_cast<double>(g.k) * static_cast<double>(strip);
  const int64_t strips = std::max<int64_t>(1, static_cast<int64_t>(3e4 / std::max(work, 1.0)));
  parallel_for(0, (g.n + strip - 1) / strip, strips, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) columns(g, s * strip, std::min(strip, g.n - s * strip));
  });
}

void run_u8(const IntGemmArgs<uint8_t, uint8_t, uint8_t>& g) { run_int(g); }
void run_i8(const IntGemmArgs<int8_t, int8_t, int8_t>& g) { run_int(g); }
void run_i16(const IntGemmArgs<int16_t, int16_t, int16_t>& g) { run_int(g); }
void run_i32(const IntGemmArgs<int32_t, int32_t, int32_t>& g) { run_int(g); }
void run_i64(const IntGemmArgs<int64_t, int64_t, int64_t>& g) { run_int(g); }
void run_i8i8i32(const IntGemmArgs<int8_t, int8_t, int32_t>& g) { run_int(g); }
void run_u8i8i32(const IntGemmArgs<uint8_t, int8_t, int32_t>& g) { run_int(g); }

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
namespace detail {
HWY_EXPORT(run_u8);
HWY_EXPORT(run_i8);
HWY_EXPORT(run_i16);
HWY_EXPORT(run_i32);
HWY_EXPORT(run_i64);
HWY_EXPORT(run_i8i8i32);
HWY_EXPORT(run_u8i8i32);

template <class Args>
bool nothing_to_do(const Args& g) {
  RT_CHECK(g.m >= 0 && g.n >= 0 && g.k >= 0, Value, "gemm_int", "negative size; got m ", g.m, ", n ", g.n,
           ", k ", g.k);
  return g.m == 0 || g.n == 0;
}
}  // namespace detail

#define RT_INT_GEMM(A, B, Out, name)                                     \
  void gemm_int(const IntGemmArgs<A, B, Out>& args) {                    \
    if (detail::nothing_to_do(args)) return;                             \
    using namespace detail; /* NOLINT: the dispatch table lives there */ \
    HWY_DYNAMIC_DISPATCH(name)(args);                                    \
  }
RT_INT_GEMM(uint8_t, uint8_t, uint8_t, run_u8)
RT_INT_GEMM(int8_t, int8_t, int8_t, run_i8)
RT_INT_GEMM(int16_t, int16_t, int16_t, run_i16)
RT_INT_GEMM(int32_t, int32_t, int32_t, run_i32)
RT_INT_GEMM(int64_t, int64_t, int64_t, run_i64)
#undef RT_INT_GEMM

void detail::gemm_int8_plain(const IntGemmArgs<int8_t, int8_t, int32_t>& args) {
  if (!nothing_to_do(args)) HWY_DYNAMIC_DISPATCH(run_i8i8i32)(args);
}
void detail::gemm_uint8_plain(const IntGemmArgs<uint8_t, int8_t, int32_t>& args) {
  if (!nothing_to_do(args)) HWY_DYNAMIC_DISPATCH(run_u8i8i32)(args);
}

}  // namespace rustorch::cpu
#endif
