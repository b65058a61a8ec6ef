// Batches of products: merged into one product, run one after the other, or spread whole over the threads.
//
// Which way depends on the shape alone, and every way gives an element the same bits.
#include <algorithm>

#include "backend/cpu/gemm/gemm.h"
#include "base/thread_pool.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

constexpr double kLargeProduct = 16e6;  // multiply-adds; a product this large fills the threads by itself
constexpr double kSmallProduct = 1e6;   // below this splitting one product does not pay
constexpr double kChunkWork = 0.3e6;    // multiply-adds per chunk of the batch loop
constexpr size_t kFetchBytes = 128 << 10;
constexpr int64_t kManyProducts = 16;  // enough to balance a few threads

template <class T>
void run(const BatchGemmArgs<T>& g) {
  RT_CHECK(g.batch >= 0, Value, "gemm_batched", "negative batch; got ", g.batch);
  if (g.batch == 0 || g.m == 0 || g.n == 0) return;
  const bool rows_merge =
      g.stride_b == 0 && !g.trans_a && g.stride_a == g.m * g.lda && g.stride_c == g.m * g.ldc;
  if (rows_merge && g.batch > 1 && g.k > 0) {
    GemmArgs<T> one = g;
    one.m = g.m * g.batch;
    return gemm(one);
  }
  // Small operands that lie one after the other: each product fetches those of the next.
  const auto dense = [](int64_t stride, int64_t rows, int64_t columns, int64_t ld) {
    return ld == columns && stride == rows * columns && stride * sizeof(T) <= kFetchBytes;
  };
  const bool fetch_a = g.trans_a ? dense(g.stride_a, g.k, g.m, g.lda) : dense(g.stride_a, g.m, g.k, g.lda);
  const bool fetch_b = g.trans_b ? dense(g.stride_b, g.n, g.k, g.ldb) : dense(g.stride_b, g.k, g.n, g.ldb);
  const auto product = [&](int64_t i) {
    GemmArgs<T> one = g;
    one.a = g.a + i * g.stride_a;
    one.b = g.b + i * g.stride_b;
    one.c = g.c + i * g.stride_c;
    if (fetch_a && i + 1 < g.batch) one.next_a = one.a + g.stride_a;
    if (fetch_b && i + 1 < g.batch) one.next_b = one.b + g.stride_b;
    gemm(one);
  };
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  if (work >= kLargeProduct || (g.batch < kManyProducts && work >= kSmallProduct)) {
    for (int64_t i = 0; i < g.batch; ++i) product(i);
    return;
  }
  const double memory = static_cast<double>(g.m * g.k + g.k * g.n + g.m * g.n);
  const int64_t grain = static_cast<int64_t>(std::max(1.0, kChunkWork / std::max(work, 4 * memory)));
  parallel_for(0, g.batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) product(i);
  });
}

}  // namespace

void gemm_batched(const BatchGemmArgs<float>& args) { run(args); }
void gemm_batched(const BatchGemmArgs<double>& args) { run(args); }
void gemm_batched(const BatchGemmArgs<std::complex<float>>& args) { run(args); }
void gemm_batched(const BatchGemmArgs<std::complex<double>>& args) { run(args); }

}  // namespace rustorch::cpu
