// The real matrix product: random shapes, strides and flags against a naive product, special values, threads.
#include "backend/cpu/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>

#include "base/thread_pool.h"
#include "gemm/reference.h"
#include "rustorch/error.h"

namespace {
using namespace rustorch::cpu;
using gemm_test::Random;

template <class T>
struct Case {
  GemmArgs<T> args;
  std::vector<T> a, b, c, before, bias;
};

// A problem of the given size with random strides, flags and misaligned pointers; C starts as NaN when beta
// is 0.
template <class T>
void build(Case<T>& s, Random& r, int64_t m, int64_t n, int64_t k, bool epilogue) {
  GemmArgs<T>& g = s.args;
  g.m = m;
  g.n = n;
  g.k = k;
  g.trans_a = r.coin();
  g.trans_b = r.coin();
  g.lda = (g.trans_a ? m : k) + (r.coin() ? 0 : r.range(0, 5));
  g.ldb = (g.trans_b ? k : n) + (r.coin() ? 0 : r.range(0, 5));
  g.ldc = n + (r.coin() ? 0 : r.range(0, 5));
  const int64_t offset = r.range(0, 3);
  s.a = gemm_test::random_vector<T>(r, (g.trans_a ? k : m) * g.lda + offset);
  s.b = gemm_test::random_vector<T>(r, (g.trans_b ? n : k) * g.ldb + offset);
  s.c = gemm_test::random_vector<T>(r, m * g.ldc + offset);
  g.a = s.a.data() + offset;
  g.b = s.b.data() + offset;
  g.c = s.c.data() + offset;
  g.alpha = r.coin() ? T(1) : T(0.75);
  g.beta = r.coin() ? T(0) : (r.coin() ? T(1) : T(-0.5));
  if (g.beta == T(0)) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) g.c[i * g.ldc + j] = std::numeric_limits<T>::quiet_NaN();
    }
  }
  s.before = s.c;
  if (epilogue) {
    if (r.coin()) {
      s.bias = gemm_test::random_vector<T>(r, n);
      g.bias = s.bias.data();
    }
    g.act = static_cast<Activation>(r.range(0, 6));
  }
}

template <class T>
void verify(const Case<T>& s, const std::string& what) {
  const GemmArgs<T>& g = s.args;
  const double eps = std::numeric_limits<T>::epsilon();
  const int64_t offset = g.c - s.c.data();
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.ldc && i * g.ldc + j + offset < static_cast<int64_t>(s.c.size()); ++j) {
      const double got = static_cast<double>(g.c[i * g.ldc + j]);
      const double old = static_cast<double>(s.before[static_cast<size_t>(offset + i * g.ldc + j)]);
      if (j >= g.n) {
        ASSERT_EQ(got, old) << what << ": wrote outside the row";
        continue;
      }
      double sum, magnitude;
      gemm_test::dot(g, i, j, &sum, &magnitude);
      double expected = static_cast<double>(g.alpha) * sum;
      if (g.beta != T(0)) expected += static_cast<double>(g.beta) * old;
      if (g.bias) expected += static_cast<double>(g.bias[j]);
      expected = gemm_test::activate(g.act, expected);
      const double tolerance = eps * (8 + 2 * magnitude + std::sqrt(static_cast<double>(g.k)));
      ASSERT_NEAR(got, expected, tolerance) << what << " at " << i << ", " << j;
    }
  }
}

template <class T>
std::string describe(const GemmArgs<T>& g) {
  return rustorch::cat(g.m, "x", g.n, "x", g.k, g.trans_a ? " t" : " n", g.trans_b ? "t" : "n", " ld ", g.lda,
                       " ", g.ldb, " ", g.ldc, " alpha ", g.alpha, " beta ", g.beta, " act ",
                       static_cast<int>(g.act));
}

template <class T>
class Gemm : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, Reals);

TYPED_TEST(Gemm, RandomShapes) {
  Random r(1);
  for (int round = 0; round < 400; ++round) {
    const int64_t most = round < 250 ? 70 : 200;
    Case<TypeParam> s;
    build(s, r, r.range(0, most), r.range(0, most), r.range(0, most), round % 2 == 1);
    gemm(s.args);
    verify(s, describe(s.args));
    if (this->HasFatalFailure()) return;
  }
}

TYPED_TEST(Gemm, EdgeShapes) {
  Random r(2);
  const int64_t sizes[][3] = {{1, 1, 1},      {1, 300, 500},  {300, 1, 500},  {1, 1, 5000},  {2, 3, 2000},
                              {15, 33, 385},  {14, 32, 384},  {28, 64, 768},  {29, 65, 769}, {225, 385, 17},
                              {500, 500, 20}, {17, 900, 130}, {900, 17, 130}, {3, 3, 3},     {450, 800, 400},
                              {64, 1, 64},    {1, 64, 64},    {7, 1100, 5},   {1100, 7, 5},  {130, 64, 512},
                              {64, 700, 390}, {90, 640, 33},  {230, 330, 400}};
  for (const auto& size : sizes) {
    for (int repeat = 0; repeat < 4; ++repeat) {
      Case<TypeParam> s;
      build(s, r, size[0], size[1], size[2], repeat > 1);
      gemm(s.args);
      verify(s, describe(s.args));
      if (this->HasFatalFailure()) return;
    }
  }
}

TYPED_TEST(Gemm, SameBitsForAnyNumberOfThreads) {
  Random r(3);
  const int before = rustorch::get_num_threads();
  const int64_t sizes[][3] = {{200, 300, 800}, {128, 700, 300}, {700, 40, 200}, {1, 5000, 300},
                              {5000, 1, 300},  {10, 60, 30000}, {3, 5, 200000}, {513, 511, 129},
                              {256, 256, 256}, {64, 64, 64},    {64, 10, 128},  {90, 33, 70},
                              {2, 500, 200},   {40, 200, 41}};
  for (const auto& size : sizes) {
    const bool brief = size[0] * size[1] * size[2] < 500000;  // cut only for threads that are awake
    for (int repeat = 0; repeat < 4; ++repeat) {
      Case<TypeParam> s;
      build(s, r, size[0], size[1], size[2], false);
      std::vector<TypeParam> first;
      for (int threads : {1, 2, 3, 4, 8}) {
        rustorch::set_num_threads(threads);
        for (int call = 0; call < (brief ? 20 : 1); ++call) {
          s.c = s.before;
          gemm(s.args);
        }
        if (first.empty()) first = s.c;
        ASSERT_EQ(std::memcmp(first.data(), s.c.data(), first.size() * sizeof(TypeParam)), 0)
            << describe(s.args) << " with " << threads << " threads";
      }
    }
  }
  rustorch::set_num_threads(before);
}

TYPED_TEST(Gemm, SpecialValuesPropagate) {
  using T = TypeParam;
  const T inf = std::numeric_limits<T>::infinity();
  for (int64_t n : {1, 5, 40, 150}) {
    for (int64_t m : {1, 5, 40, 150}) {
      std::vector<T> a(static_cast<size_t>(m * 20), T(0)), b(static_cast<size_t>(20 * n), T(1)),
          c(static_cast<size_t>(m * n), T(7));
      b[static_cast<size_t>(n - 1)] = inf;  // 0 * inf in the last column
      GemmArgs<T> g;
      g.m = m;
      g.n = n;
      g.k = 20;
      g.a = a.data();
      g.lda = 20;
      g.b = b.data();
      g.ldb = n;
      g.c = c.data();
      g.ldc = n;
      gemm(g);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          const T value = c[static_cast<size_t>(i * n + j)];
          ASSERT_TRUE(j == n - 1 ? std::isnan(value) : value == T(0))
              << m << " " << n << " at " << i << " " << j;
        }
      }
    }
  }
}

TYPED_TEST(Gemm, ActivationsAtTheirLimits) {
  using T = TypeParam;
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T inputs[] = {-100, -20, -6, -1,     T(-1e-3), 0, T(1e-3), 1,  6,  20,
                      100,  3,   -3, T(0.5), T(-0.5),  2, -2,      10, -10};
  for (int act = 1; act <= 6; ++act) {
    for (T x : inputs) {
      T one = 1, y = 0;
      GemmArgs<T> g;
      g.m = g.n = g.k = g.lda = g.ldb = g.ldc = 1;
      g.a = &x;
      g.b = &one;
      g.c = &y;
      g.act = static_cast<Activation>(act);
      gemm(g);
      const double expected = gemm_test::activate(g.act, static_cast<double>(x));
      EXPECT_NEAR(
          static_cast<double>(y), expected,
          6 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::max(std::abs(expected), 0.05))
          << "activation " << act << " of " << x;
    }
    for (T x : {nan, inf}) {
      T one = 1, y = 0;
      GemmArgs<T> g;
      g.m = g.n = g.k = g.lda = g.ldb = g.ldc = 1;
      g.a = &x;
      g.b = &one;
      g.c = &y;
      g.act = static_cast<Activation>(act);
      gemm(g);
      if (std::isnan(x)) {
        EXPECT_TRUE(std::isnan(y)) << act;
      } else {
        EXPECT_EQ(y, g.act == Activation::Sigmoid || g.act == Activation::Tanh ? T(1) : inf) << act;
      }
    }
  }
}

TYPED_TEST(Gemm, RefusesBadArguments) {
  GemmArgs<TypeParam> g;
  TypeParam x[4] = {};
  g.m = g.n = g.k = 2;
  g.a = g.b = x;
  g.c = x;
  g.lda = g.ldc = 2;
  g.ldb = 1;
  EXPECT_THROW(gemm(g), rustorch::RusTorchError);
  g.ldb = 2;
  g.m = -1;
  EXPECT_THROW(gemm(g), rustorch::RusTorchError);
}

}  // namespace
