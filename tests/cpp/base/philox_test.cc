#include "base/philox.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/dropout.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace rustorch {
namespace {

constexpr uint64_t kSeed = 0x123456789abcdef0u;

constexpr bool equal(PhiloxBlock a, PhiloxBlock b) {
  for (int i = 0; i < 4; ++i)
    if (a.words[i] != b.words[i]) return false;
  return true;
}
// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
static_assert(equal(philox4x32({{0, 0, 0, 0}}, 0, 0), {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}));
static_assert(equal(philox4x32({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u),
                    {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}));
static_assert(equal(philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
                    {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));

template <class F>
void for_each_target(F check) {
  for (int64_t t : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(t);
    SCOPED_TRACE(hwy::TargetName(t));
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Philox, VectorWordsEqualTheReference) {
  for_each_target([] {
    for (uint64_t offset : {uint64_t{0}, uint64_t{5}, uint64_t{0xfffffffc}, UINT64_MAX - 3})
      for (int64_t blocks : {0, 1, 2, 3, 7, 8, 9, 40}) {
        std::vector<uint32_t> out(static_cast<size_t>(blocks) * 4 + 1, 77);
        philox_fill_u32(kSeed, offset, 2, out.data(), blocks);
        for (int64_t b = 0; b < blocks; ++b) {
          const PhiloxBlock expected = philox_block(kSeed, offset + 2 + static_cast<uint64_t>(b));
          for (size_t j = 0; j < 4; ++j)
            ASSERT_EQ(out[static_cast<size_t>(b) * 4 + j], expected.words[j]) << b;
        }
        ASSERT_EQ(out.back(), 77u);
      }
  });
}

TEST(Philox, EngineWalksTheSameWords) {
  PhiloxEngine engine(kSeed, 10);
  for (uint64_t b = 10; b < 13; ++b)
    for (uint32_t w : philox_block(kSeed, b).words) EXPECT_EQ(engine(), w);
  for (int i = 0; i < 1000; ++i) {
    const double u = engine.uniform();
    ASSERT_TRUE(u >= 0.0 && u < 1.0);
    ASSERT_LT(engine.below(7), 7u);
  }
}

/// Checks that a fill function gives the same elements however the range is cut, and stays inside its output.
template <class T, class Fill>
void check_cuts(Fill fill) {
  for_each_target([&] {
    constexpr int64_t kN = 203;
    std::vector<T> whole(kN);
    fill(int64_t{0}, whole.data(), kN);
    for (int64_t first = 0; first < 13; ++first)
      for (int64_t n : {0, 1, 2, 3, 5, 31, 32, 33, 64, 100, 190}) {
        std::vector<T> part(static_cast<size_t>(n) + 1, T(99));
        fill(first, part.data(), n);
        for (int64_t i = 0; i < n; ++i)
          ASSERT_EQ(part[static_cast<size_t>(i)], whole[static_cast<size_t>(first + i)])
              << first << " " << n << " " << i;
        ASSERT_EQ(part.back(), T(99));
      }
  });
}

TEST(Philox, ResultsDoNotDependOnTheCuts) {
  check_cuts<float>([](int64_t f, float* o, int64_t n) { fill_uniform_f32(kSeed, 3, f, o, n); });
  check_cuts<double>([](int64_t f, double* o, int64_t n) { fill_uniform_f64(kSeed, 3, f, o, n); });
  check_cuts<float>([](int64_t f, float* o, int64_t n) { fill_normal_f32(kSeed, 3, f, o, n, 1.f, 2.f); });
  check_cuts<double>([](int64_t f, double* o, int64_t n) { fill_normal_f64(kSeed, 3, f, o, n, 1., 2.); });
  check_cuts<uint8_t>([](int64_t f, uint8_t* o, int64_t n) { fill_bernoulli_mask(kSeed, 3, f, o, n, 0.3); });
  check_cuts<int64_t>([](int64_t f, int64_t* o, int64_t n) { fill_random_i64(kSeed, 3, f, o, n, -5, 1000); });
}

TEST(Philox, UniformIsTheUpperBitsOfEachWord) {
  for_each_target([] {
    std::vector<float> f(100);
    std::vector<double> g(50);
    fill_uniform_f32(kSeed, 9, 0, f.data(), 100);
    fill_uniform_f64(kSeed, 9, 0, g.data(), 50);
    for (uint64_t i = 0; i < 100; ++i) {
      const PhiloxBlock b = philox_block(kSeed, 9 + i / 4);
      ASSERT_EQ(f[i], static_cast<float>(b.words[i % 4] >> 8) / 16777216.0f);
    }
    for (uint64_t i = 0; i < 50; ++i) {
      const PhiloxBlock b = philox_block(kSeed, 9 + i / 2);
      const uint64_t w = (static_cast<uint64_t>(b.words[i % 2 * 2 + 1]) << 32) | b.words[i % 2 * 2];
      ASSERT_EQ(g[i], static_cast<double>(w >> 11) / 9007199254740992.0);
    }
  });
}

TEST(Philox, UniformStaysBelowItsUpperEnd) {
  std::vector<float> f(100000);
  fill_uniform_f32(1, 0, 0, f.data(), 100000, 16777216.0f, 16777218.0f);  // one float lies strictly between
  for (float x : f) ASSERT_TRUE(x >= 16777216.0f && x < 16777218.0f);
  fill_uniform_f32(1, 0, 0, f.data(), 100, 3.0f, 3.0f);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(f[static_cast<size_t>(i)], 3.0f);
}

TEST(Philox, NormalEqualsBoxMullerInDoublePrecision) {
  for_each_target([] {
    constexpr size_t kN = 40000;
    std::vector<float> f(kN);
    std::vector<double> g(kN);
    fill_normal_f32(kSeed, 1, 0, f.data(), kN);
    fill_normal_f64(kSeed, 1, 0, g.data(), kN);
    for (size_t i = 0; i < kN; i += 2) {
      const PhiloxBlock b = philox_block(kSeed, 1 + i / 4);
      const uint32_t w1 = b.words[i % 4], w2 = b.words[i % 4 + 1];
      const double u = (static_cast<double>(static_cast<float>(w1 >> 1)) + 0.5) / 2147483648.0;
      const double r = std::sqrt(-2.0 * std::log(u));
      const double angle = 2.0 * M_PI * w2 / 4294967296.0;
      ASSERT_NEAR(f[i], r * std::cos(angle), 4e-6 * std::max(1.0, r)) << i;
      ASSERT_NEAR(f[i + 1], r * std::sin(angle), 4e-6 * std::max(1.0, r)) << i;
      const PhiloxBlock d = philox_block(kSeed, 1 + i / 2);
      auto word = [&](int k) { return (static_cast<uint64_t>(d.words[k + 1]) << 32) | d.words[k]; };
      const double u64 = (static_cast<double>(word(0) >> 11) + 1.0) / 9007199254740992.0;
      const double angle64 = 2.0 * M_PI * (static_cast<double>(word(2) >> 11) / 9007199254740992.0);
      const double r64 = std::sqrt(-2.0 * std::log(u64));
      ASSERT_NEAR(g[i], r64 * std::cos(angle64), 1e-13) << i;
      ASSERT_NEAR(g[i + 1], r64 * std::sin(angle64), 1e-13) << i;
    }
  });
}

/// Largest distance between the empirical distribution and `cdf` (Kolmogorov-Smirnov), times sqrt(n).
template <class T, class Cdf>
double ks(std::vector<T> x, Cdf cdf) {
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double p = cdf(static_cast<double>(x[i]));
    worst = std::max({worst, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return worst * std::sqrt(n);
}

TEST(Philox, DistributionsAreRight) {
  constexpr int64_t kN = 200000;
  auto normal_cdf = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  std::vector<float> f(kN);
  std::vector<double> g(kN);
  fill_uniform_f32(42, 0, 0, f.data(), kN);
  EXPECT_LT(ks(f, [](double u) { return u; }), 1.95);  // p > 0.001
  fill_uniform_f64(42, 0, 0, g.data(), kN);
  EXPECT_LT(ks(g, [](double u) { return u; }), 1.95);
  fill_normal_f32(42, 0, 0, f.data(), kN);
  EXPECT_LT(ks(f, normal_cdf), 1.95);
  fill_normal_f64(42, 0, 0, g.data(), kN, 3.0, 2.0);
  EXPECT_LT(ks(g, [&](double z) { return normal_cdf((z - 3.0) / 2.0); }), 1.95);
  double lag = 0;  // neighbours are uncorrelated
  for (int64_t i = 1; i < kN; ++i) lag += double{f[static_cast<size_t>(i)]} * f[static_cast<size_t>(i - 1)];
  EXPECT_LT(std::fabs(lag / std::sqrt(static_cast<double>(kN))), 4.0);
}

TEST(Philox, BernoulliMaskAndBitsAgree) {
  for_each_target([] {
    for (double p : {0.0, 1e-3, 0.3, 0.5, 0.9, 1.0, -1.0, 2.0})
      for (int64_t n : {1, 7, 8, 9, 64, 129, 1000})
        for (int64_t first : {0, 8, 24}) {
          std::vector<uint8_t> mask(static_cast<size_t>(n)), bits(static_cast<size_t>(n + 7) / 8 + 1, 0xaa);
          fill_bernoulli_mask(kSeed, 7, first, mask.data(), n, p);
          fill_bernoulli_bits(kSeed, 7, first, bits.data(), n, p);
          for (int64_t i = 0; i < (n + 7) / 8 * 8; ++i) {
            const int bit = bits[static_cast<size_t>(i) / 8] >> (i % 8) & 1;
            ASSERT_EQ(bit, i < n ? mask[static_cast<size_t>(i)] : 0) << p << " " << n << " " << i;
          }
          ASSERT_EQ(bits.back(), 0xaa);
          if (p <= 0.0 || p >= 1.0) {
            for (uint8_t m : mask) ASSERT_EQ(m, p >= 1.0);
          }
        }
  });
  std::vector<uint8_t> mask(400000);
  fill_bernoulli_mask(5, 0, 0, mask.data(), 400000, 0.3);
  const double hits = std::accumulate(mask.begin(), mask.end(), 0.0);
  EXPECT_NEAR(hits, 120000.0, 4.0 * std::sqrt(400000 * 0.3 * 0.7));
}

TEST(Philox, DropoutUsesTheBits) {
  for_each_target([] {
    for (double keep : {0.0, 0.7, 1.0})
      for (int64_t n : {0, 1, 5, 8, 15, 16, 17, 100, 2048, 5001}) {
        const size_t bytes = static_cast<size_t>(n + 7) / 8;
        std::vector<float> x(static_cast<size_t>(n)), y(static_cast<size_t>(n) + 1, -1.0f), z(y);
        for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) + 1.0f;
        std::vector<uint8_t> bits(bytes + 1, 0x55), expected(bytes);
        dropout_f32(kSeed, 4, 16, x.data(), y.data(), bits.data(), n, keep, 2.0f);
        fill_bernoulli_bits(kSeed, 4, 16, expected.data(), n, keep);
        ASSERT_TRUE(std::equal(expected.begin(), expected.end(), bits.begin()));
        ASSERT_EQ(bits.back(), 0x55);
        apply_mask_bits_f32(bits.data(), x.data(), z.data(), n, 2.0f);
        for (size_t i = 0; i < x.size(); ++i) {
          ASSERT_EQ(y[i], (bits[i / 8] >> (i % 8) & 1) ? x[i] * 2.0f : 0.0f);
          ASSERT_EQ(z[i], y[i]);
        }
        ASSERT_EQ(y.back(), -1.0f);
      }
  });
}

TEST(Philox, WordsMadeTogetherAreTheEnginesOwn) {
  PhiloxEngine engine(5, 9);
  PhiloxWords words(5, 9);
  for (uint64_t n = 1; n < 3000; ++n) ASSERT_EQ(words.below(n), engine.below(n)) << n;
  const uint64_t half = uint64_t{1} << 63;  // every other word is drawn again
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(words.below(half + 1), engine.below(half + 1)) << i;
}

TEST(Philox, IntegersCoverTheirRange) {
  std::vector<int64_t> x(100000);
  fill_random_i64(3, 0, 0, x.data(), 100000, -3, 10);
  std::vector<int> seen(10);
  for (int64_t v : x) {
    ASSERT_TRUE(v >= -3 && v < 7);
    ++seen[static_cast<size_t>(v + 3)];
  }
  for (int s : seen) EXPECT_NEAR(s, 10000, 400);
  fill_random_i64(3, 0, 0, x.data(), 1000, INT64_MIN, 0);
  EXPECT_LT(*std::min_element(x.begin(), x.begin() + 1000), INT64_MIN / 2);
  EXPECT_GT(*std::max_element(x.begin(), x.begin() + 1000), INT64_MAX / 2);
  fill_random_i64(3, 0, 0, x.data(), 1000, 5, 1);
  for (size_t i = 0; i < 1000; ++i) ASSERT_EQ(x[i], 5);
}

}  // namespace
}  // namespace rustorch
