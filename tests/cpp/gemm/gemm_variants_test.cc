// Batched, complex and integer products against naive ones.
#include <gtest/gtest.h>

#include <complex>
#include <limits>

#include "backend/cpu/gemm/gemm.h"
#include "base/thread_pool.h"
#include "backend/cpu/gemm/tile_kernels.h"
#include "gemm/reference.h"
#include "rustorch/error.h"

namespace {
using namespace rustorch::cpu;
using gemm_test::Random;

TEST(GemmBatched, RandomBatchesAndSharedOperands) {
  Random r(11);
  for (int round = 0; round < 150; ++round) {
    BatchGemmArgs<float> g;
    g.batch = r.range(0, 20);
    g.m = r.range(0, 40);
    g.n = r.range(0, 40);
    g.k = r.range(0, 40);
    if (round % 10 == 0) g.m = g.n = g.k = 120;
    g.trans_a = r.coin();
    g.trans_b = r.coin();
    g.lda = (g.trans_a ? g.m : g.k) + r.range(0, 2);
    g.ldb = (g.trans_b ? g.k : g.n) + r.range(0, 2);
    g.ldc = g.n + r.range(0, 2);
    const int64_t rows_a = g.trans_a ? g.k : g.m, rows_b = g.trans_b ? g.n : g.k;
    g.stride_a = r.coin() && r.coin() ? 0 : rows_a * g.lda;
    g.stride_b = r.coin() && r.coin() ? 0 : rows_b * g.ldb;
    g.stride_c = g.m * g.ldc;
    auto a = gemm_test::random_vector<float>(r, std::max<int64_t>(1, g.batch) * rows_a * g.lda);
    auto b = gemm_test::random_vector<float>(r, std::max<int64_t>(1, g.batch) * rows_b * g.ldb);
    auto c = gemm_test::random_vector<float>(r, g.batch * g.stride_c);
    auto before = c, bias = gemm_test::random_vector<float>(r, g.n);
    g.a = a.data();
    g.b = b.data();
    g.c = c.data();
    g.beta = r.coin() ? 0.0f : 0.5f;
    if (r.coin()) g.bias = bias.data();
    gemm_batched(g);
    for (int64_t q = 0; q < g.batch; ++q) {
      GemmArgs<float> one = g;
      one.a = g.a + q * g.stride_a;
      one.b = g.b + q * g.stride_b;
      for (int64_t i = 0; i < g.m; ++i) {
        for (int64_t j = 0; j < g.n; ++j) {
          double sum, magnitude;
          gemm_test::dot(one, i, j, &sum, &magnitude);
          const size_t at = static_cast<size_t>(q * g.stride_c + i * g.ldc + j);
          sum += static_cast<double>(g.beta) * static_cast<double>(before[at]);
          if (g.bias) sum += static_cast<double>(g.bias[j]);
          ASSERT_NEAR(c[at], sum, 1.2e-7 * (8 + 2 * magnitude)) << q << " " << i << " " << j;
        }
      }
    }
  }
}

template <class F>
void test_complex(double eps) {
  using C = std::complex<F>;
  Random r(12);
  for (int round = 0; round < 120; ++round) {
    GemmArgs<C> g;
    const int64_t most = round % 2 ? 60 : 9;
    g.m = r.range(0, most);
    g.n = round == 7 ? 1100 : r.range(0, most);
    g.k = r.range(0, most);
    g.trans_a = r.coin();
    g.trans_b = r.coin();
    g.lda = (g.trans_a ? g.m : g.k) + r.range(0, 2);
    g.ldb = (g.trans_b ? g.k : g.n) + r.range(0, 2);
    g.ldc = g.n + r.range(0, 2);
    auto a = gemm_test::random_vector<C>(r, (g.trans_a ? g.k : g.m) * g.lda);
    auto b = gemm_test::random_vector<C>(r, (g.trans_b ? g.n : g.k) * g.ldb);
    auto c = gemm_test::random_vector<C>(r, g.m * g.ldc), bias = gemm_test::random_vector<C>(r, g.n);
    if (r.coin()) g.alpha = C(F(0.5), F(-2));
    g.beta = r.coin() ? C(0) : C(F(0.25), F(1));
    const F nan = std::numeric_limits<F>::quiet_NaN();
    if (g.beta == C(0)) std::fill(c.begin(), c.end(), C(nan, nan));
    const auto before = c;
    g.a = a.data();
    g.b = b.data();
    g.c = c.data();
    if (r.coin()) g.bias = bias.data();
    gemm(g);
    for (int64_t i = 0; i < g.m; ++i) {
      for (int64_t j = 0; j < g.n; ++j) {
        std::complex<double> sum = 0;
        double magnitude = 0;
        for (int64_t k = 0; k < g.k; ++k) {
          const std::complex<double> x = a[static_cast<size_t>(g.trans_a ? k * g.lda + i : i * g.lda + k)];
          const std::complex<double> y = b[static_cast<size_t>(g.trans_b ? j * g.ldb + k : k * g.ldb + j)];
          sum += x * y;
          magnitude += std::abs(x) * std::abs(y);
        }
        const size_t at = static_cast<size_t>(i * g.ldc + j);
        sum *= std::complex<double>(g.alpha);
        if (g.beta != C(0)) sum += std::complex<double>(g.beta) * std::complex<double>(before[at]);
        if (g.bias) sum += std::complex<double>(g.bias[j]);
        ASSERT_LE(std::abs(std::complex<double>(c[at]) - sum), eps * (20 + 6 * magnitude))
            << g.m << g.n << g.k;
      }
    }
  }
}

TEST(GemmComplex, Float) { test_complex<float>(1.2e-7); }
TEST(GemmComplex, Double) { test_complex<double>(2.3e-16); }

template <class A, class B, class Out>
void test_int() {
  Random r(13);
  for (int round = 0; round < 80; ++round) {
    IntGemmArgs<A, B, Out> g;
    const int64_t most = round % 4 ? 40 : 300;
    g.m = r.range(0, 40);
    g.n = r.range(0, most);
    g.k = r.range(0, most);
    g.trans_a = r.coin();
    g.trans_b = r.coin();
    g.lda = (g.trans_a ? g.m : g.k) + r.range(0, 2);
    g.ldb = (g.trans_b ? g.k : g.n) + r.range(0, 2);
    g.ldc = g.n + r.range(0, 2);
    g.accumulate = r.coin();
    auto a = gemm_test::random_vector<A>(r, (g.trans_a ? g.k : g.m) * g.lda);
    auto b = gemm_test::random_vector<B>(r, (g.trans_b ? g.n : g.k) * g.ldb);
    auto c = gemm_test::random_vector<Out>(r, g.m * g.ldc);
    const auto before = c;
    g.a = a.data();
    g.b = b.data();
    g.c = c.data();
    gemm_int(g);
    for (int64_t i = 0; i < g.m; ++i) {
      for (int64_t j = 0; j < g.n; ++j) {
        const size_t at = static_cast<size_t>(i * g.ldc + j);
        uint64_t sum = g.accumulate ? static_cast<uint64_t>(before[at]) : 0;
        for (int64_t k = 0; k < g.k; ++k) {
          sum += static_cast<uint64_t>(a[static_cast<size_t>(g.trans_a ? k * g.lda + i : i * g.lda + k)]) *
                 static_cast<uint64_t>(b[static_cast<size_t>(g.trans_b ? j * g.ldb + k : k * g.ldb + j)]);
        }
        ASSERT_EQ(c[at], static_cast<Out>(sum)) << i << " " << j;
      }
    }
  }
}

// The kernels for bytes, against plain sums: every layout, part panels, accumulation, the extreme values.
void test_bytes(const detail::Int8Kernels& kernels) {
  Random r(14);
  for (int round = 0; round < 40; ++round) {
    IntGemmArgs<int8_t, int8_t, int32_t> g;
    const int64_t most = round % 4 ? 70 : 300;
    g.m = round == 0 ? 64 : r.range(1, most);
    g.n = round == 0 ? 96 : r.range(1, most);
    g.k = r.range(0, most);
    g.trans_a = r.coin();
    g.trans_b = r.coin();
    g.lda = (g.trans_a ? g.m : g.k) + r.range(0, 2);
    g.ldb = (g.trans_b ? g.k : g.n) + r.range(0, 2);
    g.ldc = g.n + r.range(0, 2);
    g.accumulate = r.coin();
    auto a = gemm_test::random_vector<int8_t>(r, (g.trans_a ? g.k : g.m) * g.lda);
    auto b = gemm_test::random_vector<int8_t>(r, (g.trans_b ? g.n : g.k) * g.ldb);
    if (round % 5 == 1) a.assign(a.size(), -128), b.assign(b.size(), -128);
    auto c = gemm_test::random_vector<int32_t>(r, g.m * g.ldc);
    auto want = c;
    g.a = a.data();
    g.b = b.data();
    g.c = want.data();
    detail::gemm_int8_plain(g);
    g.c = c.data();
    detail::gemm_int8_with(kernels, g);
    ASSERT_EQ(c, want) << g.m << " " << g.n << " " << g.k << " " << g.trans_a << g.trans_b << g.accumulate;
  }
}

TEST(GemmInt, Int8OnTiles) {
  if (detail::int8_kernels_amx() == nullptr) GTEST_SKIP() << "no AMX";
  test_bytes(*detail::int8_kernels_amx());
}

TEST(GemmInt, Int8OnVectors) {
  if (detail::int8_kernels_vnni() == nullptr) GTEST_SKIP() << "no AVX-512 VNNI";
  test_bytes(*detail::int8_kernels_vnni());
}

TEST(GemmInt, EveryType) {
  test_int<uint8_t, uint8_t, uint8_t>();
  test_int<int8_t, int8_t, int8_t>();
  test_int<int16_t, int16_t, int16_t>();
  test_int<int32_t, int32_t, int32_t>();
  test_int<int64_t, int64_t, int64_t>();
  test_int<int8_t, int8_t, int32_t>();
  test_int<uint8_t, int8_t, int32_t>();
}

}  // namespace
