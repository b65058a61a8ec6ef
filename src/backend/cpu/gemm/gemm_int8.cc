// Products of int8 matrices into int32: on tiles or vector instructions for bytes where the processor has
// them, else by the plain integer product. All give the same numbers: sums wrap around.
#include <algorithm>
#include <cstring>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/gemm/tile_packing.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace detail {
namespace {

constexpr int64_t kTaskPanels = 8;           // row and column panels of a task
constexpr int64_t kWantedTasks = 16;         // tasks while they stay large
constexpr int64_t kMinTaskBlocks = 64;       // products of blocks that make a task worth handing over
constexpr int64_t kPackBlocks = 16;          // blocks packed per chunk
constexpr int64_t kMaxPacked = 32 << 20;     // bytes of B packed at a time
constexpr double kBlockWork = 16 * 16 * 16;  // multiply-adds below which packing does not pay

using Args = IntGemmArgs<int8_t, int8_t, int32_t>;

// Columns [j_first, j_first + n) of the product, with both operands packed.
struct Strip {
  const Args* g;
  const Int8Kernels* kernels;
  int64_t blocks, panel;  // along k; bytes of a packed panel
  const int8_t *a, *b;
  int64_t j_first, n;
  int64_t mp, np;  // panels of a task
};

void task(const Strip& s, int64_t ib, int64_t jb) {
  const Args& g = *s.g;
  const int64_t i0 = ib * s.mp, j0 = jb * s.np;
  const int64_t row = i0 * kTile, col = j0 * kTile;
  const int64_t rows = std::min(s.mp * kTile, g.m - row), cols = std::min(s.np * kTile, s.n - col);
  const int64_t row_panels = ceil_div(rows, kTile), col_panels = ceil_div(cols, kTile);
  int32_t* c = g.c + row * g.ldc + s.j_first + col;
  const bool whole = rows % kTile == 0 && cols % kTile == 0;
  const int64_t ld = whole ? g.ldc : col_panels * kTile;
  ScratchBuffer<int32_t> block(whole ? 0 : static_cast<size_t>(row_panels * kTile * ld));
  s.kernels->block(s.a + i0 * s.panel, s.panel, row_panels, s.b + j0 * s.panel, s.panel, col_panels, s.blocks,
                   whole ? c : block.data(), ld, whole && g.accumulate);
  if (whole) return;
  for (int64_t i = 0; i < rows; ++i) {
    const int32_t* from = block.data() + i * ld;
    int32_t* to = c + i * g.ldc;
    if (g.accumulate) {
      for (int64_t j = 0; j < cols; ++j)
        to[j] = static_cast<int32_t>(static_cast<uint32_t>(to[j]) + static_cast<uint32_t>(from[j]));
    } else {
      std::memcpy(to, from, static_cast<size_t>(cols) * sizeof(int32_t));
    }
  }
}

}  // namespace

void gemm_int8_with(const Int8Kernels& kernels, const Args& g) {
  if (g.m == 0 || g.n == 0) return;
  Strip s{};
  s.g = &g;
  s.kernels = &kernels;
  s.blocks = ceil_div(g.k, Int8Kernels::kDepth);
  s.panel = s.blocks * Int8Kernels::kBlock;
  const int64_t row_panels = ceil_div(g.m, kTile);
  const int64_t strip =
      std::max<int64_t>(kTaskPanels, kMaxPacked / std::max<int64_t>(s.panel, 1) / kTaskPanels * kTaskPanels) *
      kTile;
  ScratchBuffer<int8_t> pa(static_cast<size_t>(row_panels * s.panel));
  ScratchBuffer<int8_t> pb(static_cast<size_t>(ceil_div(std::min(strip, g.n), kTile) * s.panel));
  const int64_t a_rs = g.trans_a ? 1 : g.lda, a_cs = g.trans_a ? g.lda : 1;
  const int64_t b_ks = g.trans_b ? 1 : g.ldb, b_ns = g.trans_b ? g.ldb : 1;
  s.a = pa.data();
  s.b = pb.data();
  for (s.j_first = 0; s.j_first < g.n; s.j_first += strip) {
    s.n = std::min(strip, g.n - s.j_first);
    pack_tiles(kernels, {g.a, s.j_first == 0 ? g.m : 0, a_rs, a_cs, pa.data()},
               {g.b + s.j_first * b_ns, s.n, b_ns, b_ks, pb.data()}, g.k, kPackBlocks);
    const int64_t col_panels = ceil_div(s.n, kTile);
    s.mp = std::min(row_panels, kTaskPanels);
    s.np = std::min(col_panels, kTaskPanels);
    while (ceil_div(row_panels, s.mp) * ceil_div(col_panels, s.np) < kWantedTasks &&
           s.mp * s.np * s.blocks >= 2 * kMinTaskBlocks && s.mp * s.np > 1) {
      int64_t& larger = s.mp >= s.np ? s.mp : s.np;
      larger = ceil_div(larger, 2);
    }
    const int64_t nib = ceil_div(row_panels, s.mp), tasks = nib * ceil_div(col_panels, s.np);
    const int64_t grain = std::max<int64_t>(1, kMinTaskBlocks / std::max<int64_t>(1, s.mp * s.np * s.blocks));
    parallel_for(0, tasks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) task(s, u % nib, u / nib);
    });
  }
}

}  // namespace detail

void gemm_int(const IntGemmArgs<int8_t, int8_t, int32_t>& g) {
  RT_CHECK(g.m >= 0 && g.n >= 0 && g.k >= 0, Value, "gemm_int", "negative size; got m ", g.m, ", n ", g.n,
           ", k ", g.k);
  static const detail::Int8Kernels* const best =
      detail::int8_kernels_amx() != nullptr ? detail::int8_kernels_amx() : detail::int8_kernels_vnni();
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  if (best != nullptr && work >= detail::kBlockWork) return detail::gemm_int8_with(*best, g);
  detail::gemm_int8_plain(g);
}

// a = (a - 128) + 128: the product of signed numbers, and 128 times the sums of the columns of B.
void gemm_int(const IntGemmArgs<uint8_t, int8_t, int32_t>& g) {
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  if (g.m < 8 || work < detail::kBlockWork) return detail::gemm_uint8_plain(g);
  const int64_t rows = g.trans_a ? g.k : g.m, cols = g.trans_a ? g.m : g.k;
  ScratchBuffer<int8_t> a(static_cast<size_t>(rows * cols)), ones(static_cast<size_t>(g.k));
  ScratchBuffer<int32_t> sums(static_cast<size_t>(g.n));
  parallel_for(0, rows, std::max<int64_t>(1, (int64_t{1} << 15) / cols), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < cols; ++j)
        a.data()[i * cols + j] = static_cast<int8_t>(g.a[i * g.lda + j] ^ 0x80);
  });
  std::fill(ones.begin(), ones.end(), int8_t{1});
  IntGemmArgs<int8_t, int8_t, int32_t> s;
  s.trans_a = g.trans_a, s.trans_b = g.trans_b;
  s.m = g.m, s.n = g.n, s.k = g.k;
  s.a = a.data(), s.lda = cols;
  s.b = g.b, s.ldb = g.ldb;
  s.accumulate = g.accumulate;
  s.c = g.c, s.ldc = g.ldc;
  gemm_int(s);
  s.trans_a = s.accumulate = false;
  s.m = 1;
  s.a = ones.data(), s.lda = g.k;
  s.c = sums.data(), s.ldc = g.n;
  gemm_int(s);
  parallel_for(0, g.m, std::max<int64_t>(1, (int64_t{1} << 15) / g.n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < g.n; ++j) {
        int32_t& c = g.c[i * g.ldc + j];
        c = static_cast<int32_t>(static_cast<uint32_t>(c) + 128u * static_cast<uint32_t>(sums.data()[j]));
      }
  });
}

}  // namespace rustorch::cpu
