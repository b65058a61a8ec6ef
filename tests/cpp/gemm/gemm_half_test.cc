// Products of 16-bit floats on every kernel this processor has, and matrices packed ahead.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "backend/cpu/gemm/tile_kernels.h"
#include "backend/cpu/gemm/gemm.h"
#include "base/thread_pool.h"
#include "gemm/reference.h"
#include "rustorch/error.h"

namespace {
using namespace rustorch::cpu;
using gemm_test::Random;
using rustorch::BFloat16;
using rustorch::Half;

template <class In, class Out>
void test_half(uint64_t seed, double in_eps) {
  Random r(seed);
  for (int round = 0; round < 120; ++round) {
    HalfGemmArgs<In, Out> g;
    const int64_t most = round < 60 ? 40 : 150;
    g.m = r.range(0, most);
    g.n = r.range(0, most);
    g.k = round == 5 ? 1100 : r.range(0, most);
    g.batch = r.range(1, 3);
    g.trans_a = r.coin();
    g.trans_b = r.coin();
    g.lda = (g.trans_a ? g.m : g.k) + r.range(0, 3);
    g.ldb = (g.trans_b ? g.k : g.n) + r.range(0, 3);
    g.ldc = g.n + r.range(0, 3);
    const int64_t rows_a = g.trans_a ? g.k : g.m, rows_b = g.trans_b ? g.n : g.k;
    g.stride_a = rows_a * g.lda;
    g.stride_b = r.coin() ? 0 : rows_b * g.ldb;
    g.stride_c = g.m * g.ldc;
    const auto to_in = [](const std::vector<float>& v) {
      std::vector<In> out;
      for (float x : v) out.push_back(In(x));
      return out;
    };
    const auto a = to_in(gemm_test::random_vector<float>(r, g.batch * g.stride_a));
    const auto b = to_in(gemm_test::random_vector<float>(r, g.batch * rows_b * g.ldb));
    const auto bias = to_in(gemm_test::random_vector<float>(r, g.n));
    const auto start = gemm_test::random_vector<float>(r, g.batch * g.stride_c);
    g.beta = r.coin() ? 0.0f : 0.5f;
    std::vector<Out> c;
    for (float x : start) c.push_back(Out(g.beta == 0 ? std::numeric_limits<float>::quiet_NaN() : x));
    const auto before = c;
    g.alpha = r.coin() ? 1.0f : -0.5f;
    g.a = a.data();
    g.b = b.data();
    g.c = c.data();
    if (r.coin()) g.bias = bias.data();
    if (r.coin()) g.act = Activation::Relu;
    gemm_half(g);
    for (int64_t q = 0; q < g.batch; ++q) {
      for (int64_t i = 0; i < g.m; ++i) {
        for (int64_t j = 0; j < g.n; ++j) {
          double sum = 0, magnitude = 0;
          for (int64_t k = 0; k < g.k; ++k) {
            const float x = static_cast<float>(
                a[static_cast<size_t>(q * g.stride_a + (g.trans_a ? k * g.lda + i : i * g.lda + k))]);
            const float y = static_cast<float>(
                b[static_cast<size_t>(q * g.stride_b + (g.trans_b ? j * g.ldb + k : k * g.ldb + j))]);
            sum += static_cast<double>(x) * static_cast<double>(y);
            magnitude += std::abs(static_cast<double>(x) * static_cast<double>(y));
          }
          const size_t at = static_cast<size_t>(q * g.stride_c + i * g.ldc + j);
          sum *= static_cast<double>(g.alpha);
          if (g.beta != 0)
            sum += static_cast<double>(g.beta) * static_cast<double>(static_cast<float>(before[at]));
          if (g.bias) sum += static_cast<double>(static_cast<float>(bias[static_cast<size_t>(j)]));
          if (g.act == Activation::Relu) sum = std::max(sum, 0.0);
          const double tolerance = 1.2e-7 * (16 + 4 * magnitude) + in_eps * std::abs(sum) + 1e-6;
          ASSERT_NEAR(static_cast<double>(static_cast<float>(c[at])), sum, tolerance)
              << g.m << "x" << g.n << "x" << g.k << " " << g.trans_a << g.trans_b << " at " << i << " " << j;
        }
      }
    }
  }
}

TEST(GemmHalf, Bf16ToBf16) { test_half<BFloat16, BFloat16>(31, 1.0 / 256); }
TEST(GemmHalf, Bf16ToFloat) { test_half<BFloat16, float>(32, 0); }
TEST(GemmHalf, HalfToHalf) { test_half<Half, Half>(33, 1.0 / 2048); }
TEST(GemmHalf, HalfToFloat) { test_half<Half, float>(34, 0); }

TEST(GemmHalf, SameBitsForAnyNumberOfThreads) {
  Random r(35);
  const int before = rustorch::get_num_threads();
  std::vector<BFloat16> a, b;
  for (float x : gemm_test::random_vector<float>(r, 300 * 700)) a.push_back(BFloat16(x));
  for (float x : gemm_test::random_vector<float>(r, 700 * 500)) b.push_back(BFloat16(x));
  std::vector<float> c(300 * 500), first;
  HalfGemmArgs<BFloat16, float> g;
  g.m = 300;
  g.n = 500;
  g.k = 700;
  g.a = a.data();
  g.lda = 700;
  g.b = b.data();
  g.ldb = 500;
  g.c = c.data();
  g.ldc = 500;
  for (int threads : {1, 2, 3, 4, 8}) {
    rustorch::set_num_threads(threads);
    gemm_half(g);
    if (first.empty()) first = c;
    ASSERT_EQ(std::memcmp(first.data(), c.data(), c.size() * sizeof(float)), 0) << threads;
  }
  rustorch::set_num_threads(before);
}

// The kernels agree with the definition, also those that this processor would not choose.
TEST(GemmHalf, EveryKernel) {
  for (const detail::Bf16Kernels* kernels : {detail::bf16_kernels_amx(), detail::bf16_kernels_avx512()}) {
    if (kernels == nullptr) continue;
    Random r(36);
    for (const bool trans : {false, true}) {
      const int64_t rows = 27, cols = 30, depth = 29, ld = 40;
      std::vector<uint16_t> a(ld * ld), b(ld * ld), pa(1024), pb(1024);
      std::vector<float> af(ld * ld), bf(ld * ld), c(32 * 32, 1.0f);
      const auto fill = [&](std::vector<uint16_t>& bits, std::vector<float>& values) {
        for (size_t i = 0; i < bits.size(); ++i) {
          const BFloat16 v(static_cast<float>(r.range(-8, 8)));
          std::memcpy(&bits[i], &v, 2);
          values[i] = static_cast<float>(v);
        }
      };
      fill(a, af);
      fill(b, bf);
      const int64_t rs = trans ? 1 : ld, cs = trans ? ld : 1;
      kernels->pack_a(pa.data(), a.data(), rs, cs, rows, depth);
      kernels->pack_b(pb.data(), b.data(), rs, cs, depth, cols);
      kernels->block(pa.data(), 1024, 1, pb.data(), 1024, 1, 1, c.data(), 32, false);
      kernels->block(pa.data(), 1024, 1, pb.data(), 1024, 1, 1, c.data(), 32, true);
      for (int64_t i = 0; i < 32; ++i) {
        for (int64_t j = 0; j < 32; ++j) {
          float sum = 0;
          for (int64_t k = 0; k < depth && i < rows && j < cols; ++k) {
            sum += af[static_cast<size_t>(i * rs + k * cs)] * bf[static_cast<size_t>(k * rs + j * cs)];
          }
          ASSERT_EQ(c[static_cast<size_t>(i * 32 + j)], 2 * sum) << i << " " << j;
        }
      }
    }
  }
}

template <class T>
void test_packed() {
  Random r(37);
  for (int round = 0; round < 60; ++round) {
    const int64_t m = r.range(0, 90), n = r.range(0, 90), k = round == 3 ? 900 : r.range(0, 90);
    const bool trans = r.coin();
    const auto a = gemm_test::random_vector<T>(r, m * k), b = gemm_test::random_vector<T>(r, n * k),
               bias = gemm_test::random_vector<T>(r, n);
    std::vector<T> c(static_cast<size_t>(m * n)), d(c.size());
    GemmArgs<T> g;
    g.m = m;
    g.n = n;
    g.k = k;
    g.a = a.data();
    g.lda = k;
    g.b = b.data();
    g.trans_b = trans;
    g.ldb = trans ? k : n;
    g.c = c.data();
    g.ldc = n;
    g.bias = bias.data();
    gemm(g);
    PackedB<T> first(trans, k, n, g.b, g.ldb);
    PackedB<T> packed = std::move(first);
    g.c = d.data();
    gemm(g, packed);
    if (m != 1 && n != 1 && !c.empty()) {  // memcmp wants pointers that are not null
      ASSERT_EQ(std::memcmp(c.data(), d.data(), c.size() * sizeof(T)), 0) << m << " " << n << " " << k;
    }
    for (size_t i = 0; i < c.size(); ++i) ASSERT_NEAR(c[i], d[i], 1e-4);
    g.n = n + 1;
    EXPECT_THROW(gemm(g, packed), rustorch::RusTorchError);
  }
}

TEST(PackedB, SameAsPlain) {
  test_packed<float>();
  test_packed<double>();
}

}  // namespace
