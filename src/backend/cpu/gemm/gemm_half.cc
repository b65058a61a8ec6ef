// Products of 16-bit floats: on tiles where the processor has them, else on panels converted to float.
//
// Either way an element is summed in float in an order that depends on k alone and rounded once at the end.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "backend/cpu/gemm/tile_packing.h"
#include "base/divide.h"
#include "base/half_convert.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace detail {

const Bf16Kernels* bf16_kernels() {
  static const Bf16Kernels* const best = [] {
    if (const Bf16Kernels* amx = bf16_kernels_amx()) return amx;
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    // On Intel cores vdpbf16ps runs at half the rate or less of two float multiply-adds.
    if (__builtin_cpu_is("amd")) return bf16_kernels_avx512();
#endif
    return static_cast<const Bf16Kernels*>(nullptr);
  }();
  return best;
}

}  // namespace detail

namespace {
using detail::Bf16Kernels;
using detail::kTile;

constexpr int64_t kDepthBlocks = 16;  // blocks of 32 along k between visits to C
constexpr int64_t kTaskPanels = 8;    // row and column panels of a task
constexpr int64_t kWantedTasks = 8;
constexpr double kTileWork = 24 * 24 * 24;       // multiply-adds below which tiles do not pay
constexpr double kParallelWork = 1.5e6;          // multiply-adds below which one thread does it
constexpr int64_t kConvertElements = 96 * 1024;  // elements of B converted at a time
constexpr int64_t kMaxPacked = 16 << 20;         // elements of B packed at a time

inline void widen(const Half* s, float* d, int64_t n) { convert_f16_f32(s, d, n); }
inline void widen(const BFloat16* s, float* d, int64_t n) { convert_bf16_f32(s, d, n); }
inline void widen(const float* s, float* d, int64_t n) { std::copy_n(s, n, d); }
inline void narrow(const float* s, Half* d, int64_t n) { convert_f32_f16(s, d, n); }
inline void narrow(const float* s, BFloat16* d, int64_t n) { convert_f32_bf16(s, d, n); }
inline void narrow(const float* s, float* d, int64_t n) { std::copy_n(s, n, d); }

// One product of the batch.
template <class In, class Out>
struct One {
  const HalfGemmArgs<In, Out>* g;
  const In *a, *b;
  Out* c;
  const float* bias;  // converted, or null
};

// C[i0.., j0..] = act(alpha * block + beta * C + bias), m x n.
template <class In, class Out>
void finish(const One<In, Out>& p, float* block, int64_t ld, int64_t i0, int64_t j0, int64_t m, int64_t n) {
  const HalfGemmArgs<In, Out>& g = *p.g;
  ScratchBuffer<float> old(static_cast<size_t>(g.beta == 0 ? 0 : n));
  for (int64_t i = 0; i < m; ++i) {
    float* row = block + i * ld;
    Out* c = p.c + (i0 + i) * g.ldc + j0;
    if (g.alpha != 1) {
      for (int64_t j = 0; j < n; ++j) row[j] *= g.alpha;
    }
    if (g.beta != 0) {
      widen(c, old.data(), n);
      for (int64_t j = 0; j < n; ++j) row[j] += g.beta * old.data()[j];
    }
    detail::kernels_f32().epilogue(row, ld, 1, n, p.bias ? p.bias + j0 : nullptr, false, g.act);
    narrow(row, c, n);
  }
}

// ---- tiles

struct TilePlan {
  int64_t blocks;    // along k
  int64_t mp, np;    // panels of a task
  int64_t nib, njb;  // tasks along m and n
};

template <class In, class Out>
TilePlan plan_tiles(const HalfGemmArgs<In, Out>& g) {
  const int64_t rows = ceil_div(g.m, kTile), cols = ceil_div(g.n, kTile);
  TilePlan t{ceil_div(g.k, kTile), std::min(rows, kTaskPanels), std::min(cols, kTaskPanels), 0, 0};
  for (;;) {
    t.nib = ceil_div(rows, t.mp);
    t.njb = ceil_div(cols, t.np);
    if (t.nib * t.njb >= kWantedTasks || (t.mp == 1 && t.np == 1) || t.mp * t.np * t.blocks < 64) return t;
    (t.mp >= t.np ? t.mp : t.np) = ceil_div(std::max(t.mp, t.np), 2);
  }
}

template <class In, class Out>
void tile_task(const One<In, Out>& p, const Bf16Kernels& kernels, const TilePlan& t, const uint16_t* a,
               const uint16_t* b, int64_t ib, int64_t jb, int64_t j_first) {
  const HalfGemmArgs<In, Out>& g = *p.g;
  const int64_t i0 = ib * t.mp, j0 = jb * t.np, panel = t.blocks * Bf16Kernels::kBlock;
  const int64_t rows = std::min(t.mp, ceil_div(g.m, kTile) - i0);
  const int64_t cols = std::min(t.np, ceil_div(g.n - j_first, kTile) - j0), ld = cols * kTile + 16;
  ScratchBuffer<float> block(static_cast<size_t>(rows * kTile * ld));
  for (int64_t k = 0; k < t.blocks; k += kDepthBlocks) {
    kernels.block(a + i0 * panel + k * Bf16Kernels::kBlock, panel, rows,
                  b + j0 * panel + k * Bf16Kernels::kBlock, panel, cols, std::min(kDepthBlocks, t.blocks - k),
                  block.data(), ld, k > 0);
  }
  const int64_t row = i0 * kTile, col = j_first + j0 * kTile;
  finish(p, block.data(), ld, row, col, std::min(rows * kTile, g.m - row), std::min(cols * kTile, g.n - col));
}

template <class In, class Out>
void run_tiles(const One<In, Out>& p, const Bf16Kernels& kernels) {
  const HalfGemmArgs<In, Out>& g = *p.g;
  const TilePlan t = plan_tiles(g);
  const int64_t panel = t.blocks * Bf16Kernels::kBlock, rows = ceil_div(g.m, kTile);
  const int64_t strip = std::max(t.np, kMaxPacked / panel / t.np * t.np) * kTile;  // columns at a time
  const int64_t a_rs = g.trans_a ? 1 : g.lda, a_cs = g.trans_a ? g.lda : 1;
  const int64_t b_ks = g.trans_b ? 1 : g.ldb, b_ns = g.trans_b ? g.ldb : 1;
  const auto* a = reinterpret_cast<const uint16_t*>(p.a);
  const auto* b = reinterpret_cast<const uint16_t*>(p.b);
  const bool serial =
      static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k) < kParallelWork;
  ScratchBuffer<uint16_t> pa(static_cast<size_t>(rows * panel));
  ScratchBuffer<uint16_t> pb(static_cast<size_t>(ceil_div(std::min(strip, g.n), kTile) * panel));
  for (int64_t j_first = 0; j_first < g.n; j_first += strip) {
    const int64_t cols = ceil_div(std::min(strip, g.n - j_first), kTile);
    const detail::TileOperand<uint16_t> to_a{a, j_first == 0 ? g.m : 0, a_rs, a_cs, pa.data()};
    const detail::TileOperand<uint16_t> to_b{b + j_first * b_ns, std::min(strip, g.n - j_first), b_ns, b_ks,
                                             pb.data()};
    detail::pack_tiles(kernels, to_a, to_b, g.k, serial ? 0 : 32);
    const int64_t tasks = t.nib * ceil_div(cols, t.np);
    parallel_for(0, tasks, serial ? tasks : 1, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) {
        tile_task(p, kernels, t, pa.data(), pb.data(), u % t.nib, u / t.nib, j_first);
      }
    });
  }
}

// ---- converted panels

template <class In>
void widen_rows(const In* s, int64_t ld, int64_t rows, int64_t cols, float* d) {
  if (ld == cols) return widen(s, d, rows * cols);
  for (int64_t i = 0; i < rows; ++i) widen(s + i * ld, d + i * cols, cols);
}

template <class In, class Out>
void run_converted(const One<In, Out>& p) {
  const HalfGemmArgs<In, Out>& g = *p.g;
  ScratchBuffer<float> a(static_cast<size_t>(g.m * g.k));
  widen_rows(p.a, g.lda, g.trans_a ? g.k : g.m, g.trans_a ? g.m : g.k, a.data());
  const int64_t strip =
      std::min(g.n, std::max<int64_t>(32, kConvertElements / std::max<int64_t>(g.k, g.m) / 32 * 32));
  parallel_for(0, g.n, strip, [&](int64_t j0, int64_t j1) {
    const int64_t cols = j1 - j0;
    ScratchBuffer<float> b(static_cast<size_t>(g.k * cols)), c(static_cast<size_t>(g.m * cols));
    widen_rows(g.trans_b ? p.b + j0 * g.ldb : p.b + j0, g.ldb, g.trans_b ? cols : g.k, g.trans_b ? g.k : cols,
               b.data());
    GemmArgs<float> f;
    f.trans_a = g.trans_a;
    f.trans_b = g.trans_b;
    f.m = g.m;
    f.n = cols;
    f.k = g.k;
    f.a = a.data();
    f.lda = g.trans_a ? g.m : g.k;
    f.b = b.data();
    f.ldb = g.trans_b ? g.k : cols;
    f.c = c.data();
    f.ldc = cols;
    gemm(f);
    finish(p, c.data(), cols, 0, j0, g.m, cols);
  });
}

template <class In, class Out>
void run_one(const One<In, Out>& p) {
  const HalfGemmArgs<In, Out>& g = *p.g;
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  const Bf16Kernels* kernels =
      std::is_same_v<In, BFloat16> ? detail::bf16_kernels() : detail::f16_kernels_amx();
  if (kernels && g.m > 4 && g.n > 4 && work >= kTileWork) return run_tiles(p, *kernels);
  run_converted(p);
}

template <class In, class Out>
void run(const HalfGemmArgs<In, Out>& g) {
  RT_CHECK(g.m >= 0 && g.n >= 0 && g.k >= 0 && g.batch >= 0, Value, "gemm_half", "negative size; got m ", g.m,
           ", n ", g.n, ", k ", g.k, ", batch ", g.batch);
  if (g.m == 0 || g.n == 0 || g.batch == 0) return;
  ScratchBuffer<float> bias(static_cast<size_t>(g.bias ? g.n : 0));
  if (g.bias) widen(g.bias, bias.data(), g.n);
  const auto one = [&](int64_t i) {
    run_one(One<In, Out>{&g, g.a + i * g.stride_a, g.b + i * g.stride_b, g.c + i * g.stride_c,
                         g.bias ? bias.data() : nullptr});
  };
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  const int64_t grain = static_cast<int64_t>(std::max(1.0, 0.3e6 / std::max(work, 1.0)));
  if (g.batch >= 2 * grain && work < 16e6) {
    parallel_for(0, g.batch, grain, [&](int64_t b, int64_t e) {
      for (int64_t i = b; i < e; ++i) one(i);
    });
  } else {
    for (int64_t i = 0; i < g.batch; ++i) one(i);
  }
}

}  // namespace

void gemm_half(const HalfGemmArgs<BFloat16, BFloat16>& args) { run(args); }
void gemm_half(const HalfGemmArgs<BFloat16, float>& args) { run(args); }
void gemm_half(const HalfGemmArgs<Half, Half>& args) { run(args); }
void gemm_half(const HalfGemmArgs<Half, float>& args) { run(args); }

}  // namespace rustorch::cpu
