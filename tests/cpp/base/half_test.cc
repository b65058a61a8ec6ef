#include "rustorch/half.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "base/half_convert.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace rustorch {
namespace {

static_assert(Half(1.0f).bits == 0x3c00);
static_assert(Half(65519.0f).bits == 0x7bff);
static_assert(Half(65520.0f).bits == 0x7c00);
static_assert(float(Half::from_bits(0x0001)) == 5.9604644775390625e-8f);
static_assert(BFloat16(1.0f).bits == 0x3f80);
static_assert(sizeof(Half) == 2 && sizeof(BFloat16) == 2);
static_assert(std::is_trivial_v<Half> && std::is_trivial_v<BFloat16>);
static_assert(std::is_same_v<decltype(Half(1.f) + Half(1.f)), Half>);
static_assert(std::is_same_v<decltype(Half(1.f) + 1.0f), float>);
static_assert(std::is_same_v<decltype(Half(1.f) * 2), float>);
static_assert(float(std::numeric_limits<Half>::max()) == 65504.0f);
static_assert(float(std::numeric_limits<Half>::epsilon()) == 0.0009765625f);
static_assert(float(std::numeric_limits<BFloat16>::epsilon()) == 0.0078125f);
static_assert(float(std::numeric_limits<BFloat16>::min()) == 1.1754943508222875e-38f);

/// Rounds to nearest even by searching among the two neighbours, independent of the bit tricks under test.
uint16_t nearest_half(float x) {
  if (std::isnan(x)) return 0x7e00;
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const double a = std::fabs(static_cast<double>(x));
  if (a >= 65520.0) return sign | 0x7c00;
  int lo = 0, hi = 0x7bff;  // largest code whose value is <= a
  while (lo < hi) {
    const int mid = (lo + hi + 1) / 2;
    (static_cast<double>(float(Half::from_bits(static_cast<uint16_t>(mid)))) <= a) ? lo = mid : hi = mid - 1;
  }
  if (lo == 0x7bff) return sign | 0x7bff;
  const double below = float(Half::from_bits(static_cast<uint16_t>(lo)));
  const double above = float(Half::from_bits(static_cast<uint16_t>(lo + 1)));
  const bool up = (a - below > above - a) || (a - below == above - a && (lo & 1));
  return static_cast<uint16_t>(sign | (lo + (up ? 1 : 0)));
}

std::vector<float> interesting_floats() {
  std::vector<float> v;
  for (uint32_t e = 0; e < 256; ++e)
    for (uint32_t m : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x2fffu, 0x3000u, 0x3001u, 0x7fffu, 0x8000u, 0x8001u,
                       0x18000u, 0x200000u, 0x400000u, 0x7fe000u, 0x7ff000u, 0x7fffffu})
      for (uint32_t s : {0u, 1u}) v.push_back(detail::bits_to_float((s << 31) | (e << 23) | m));
  uint32_t r = 12345;
  for (int i = 0; i < 20000; ++i) v.push_back(detail::bits_to_float(r = r * 1664525u + 1013904223u));
  return v;
}

TEST(Half, ScalarRoundsToNearestEven) {
  for (float x : interesting_floats()) {
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(float(Half(x))));
      EXPECT_TRUE(std::isnan(float(BFloat16(x))));
    } else {
      ASSERT_EQ(Half(x).bits, nearest_half(x)) << x;
    }
  }
}

TEST(Half, EveryValueRoundTrips) {
  for (uint32_t b = 0; b < 65536; ++b) {
    const Half h = Half::from_bits(static_cast<uint16_t>(b));
    const BFloat16 g = BFloat16::from_bits(static_cast<uint16_t>(b));
    if (!std::isnan(float(h))) {
      ASSERT_EQ(Half(float(h)).bits, b);
    }
    if (!std::isnan(float(g))) {
      ASSERT_EQ(BFloat16(float(g)).bits, b);
    }
  }
}

TEST(Half, BFloat16TiesAndOverflow) {
  EXPECT_EQ(BFloat16(detail::bits_to_float(0x3f808000u)).bits, 0x3f80);
  EXPECT_EQ(BFloat16(detail::bits_to_float(0x3f818000u)).bits, 0x3f82);
  EXPECT_EQ(BFloat16(detail::bits_to_float(0x3f808001u)).bits, 0x3f81);
  EXPECT_EQ(BFloat16(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(BFloat16(-std::numeric_limits<float>::infinity()).bits, 0xff80);
}

TEST(Half, Arithmetic) {
  Half a(1.5f), b(2.25f);
  EXPECT_EQ(float(a + b), 3.75f);
  EXPECT_EQ(float(a - b), -0.75f);
  EXPECT_EQ(float(a * b), 3.375f);
  EXPECT_EQ(float(-a), -1.5f);
  a += b;
  EXPECT_EQ(float(a), 3.75f);
  EXPECT_TRUE(b < a && a != b);
  BFloat16 c(3.0f);
  c /= 2.0f;
  EXPECT_EQ(float(c), 1.5f);
}

/// Runs `check` once for each instruction set this machine has.
template <class F>
void for_each_target(F check) {
  for (int64_t t : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(t);
    SCOPED_TRACE(hwy::TargetName(t));
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(HalfConvert, ArraysEqualScalarsOnEveryTarget) {
  const std::vector<float> x = interesting_floats();
  std::vector<Half> all16(65536);
  std::vector<BFloat16> allb(65536);
  for (uint32_t b = 0; b < 65536; ++b) {
    all16[b].bits = static_cast<uint16_t>(b);
    allb[b].bits = static_cast<uint16_t>(b);
  }
  for_each_target([&] {
    const int64_t n = static_cast<int64_t>(x.size());
    std::vector<Half> h(x.size());
    std::vector<BFloat16> g(x.size());
    convert_f32_f16(x.data(), h.data(), n);
    convert_f32_bf16(x.data(), g.data(), n);
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(h[i].bits, Half(x[i]).bits) << detail::float_to_bits(x[i]);
      ASSERT_EQ(g[i].bits, BFloat16(x[i]).bits) << detail::float_to_bits(x[i]);
    }
    std::vector<float> f(65536);
    convert_f16_f32(all16.data(), f.data(), 65536);
    for (uint32_t b = 0; b < 65536; ++b)
      ASSERT_EQ(detail::float_to_bits(f[b]), detail::float_to_bits(float(all16[b]))) << b;
    convert_bf16_f32(allb.data(), f.data(), 65536);
    for (uint32_t b = 0; b < 65536; ++b)
      ASSERT_EQ(detail::float_to_bits(f[b]), detail::float_to_bits(float(allb[b]))) << b;
  });
}

TEST(HalfConvert, ShortAndUnalignedArrays) {
  for_each_target([&] {
    for (int64_t n = 0; n < 70; ++n) {
      std::vector<float> x(static_cast<size_t>(n) + 1), y(static_cast<size_t>(n) + 2, -7.0f);
      std::vector<Half> h(static_cast<size_t>(n) + 2, Half(-9.0f));
      for (int64_t i = 0; i < n; ++i) x[static_cast<size_t>(i) + 1] = static_cast<float>(i) * 0.3f;
      convert_f32_f16(x.data() + 1, h.data() + 1, n);
      convert_f16_f32(h.data() + 1, y.data() + 1, n);
      ASSERT_EQ(float(h[static_cast<size_t>(n) + 1]), -9.0f);
      ASSERT_EQ(y[static_cast<size_t>(n) + 1], -7.0f);
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(y[static_cast<size_t>(i) + 1], float(Half(static_cast<float>(i) * 0.3f)));
    }
  });
}

}  // namespace
}  // namespace rustorch
