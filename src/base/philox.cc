// The fill functions of philox.h. Each target runs the same scheme: whole groups are stored straight to the
// output; a first block that starts in the middle, and the end, go through a small buffer.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif

#include "base/philox.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/philox.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "base/philox-inl.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using namespace philox_detail::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

/// out[i] = value(block, j) where element first + i is the j-th of its block.
template <int kPerBlock, class T, class Value>
void fill_elements(uint64_t seed, uint64_t offset, int64_t first, T* out, int64_t n, const Value& value) {
  for (int64_t i = 0; i < n;) {
    const int64_t element = first + i;
    const PhiloxBlock block = philox_block(seed, offset + static_cast<uint64_t>(element / kPerBlock));
    for (int j = static_cast<int>(element % kPerBlock); j < kPerBlock && i < n; ++j)
      out[i++] = value(block, j);
  }
}

uint64_t word64(const PhiloxBlock& b, int j) {
  return (static_cast<uint64_t>(b.words[2 * j + 1]) << 32) | b.words[2 * j];
}
double unit64(uint64_t word) { return static_cast<double>(word >> 11) * (1.0 / 9007199254740992.0); }

void fill_u32(uint64_t seed, uint64_t offset, int64_t first_block, uint32_t* out, int64_t nblocks) {
  fill_elements<4>(seed, offset + static_cast<uint64_t>(first_block), 0, out, nblocks * 4,
                   [](const PhiloxBlock& b, int j) { return b.words[j]; });
}

void uniform32(uint64_t seed, uint64_t offset, int64_t first, float* out, int64_t n, float low, float high) {
  const float below = high > low ? std::nextafter(high, low) : low;
  fill_elements<4>(seed, offset, first, out, n, [=](const PhiloxBlock& b, int j) {
    const float u = static_cast<float>(b.words[j] >> 8) * (1.0f / 16777216.0f);
    return std::min(u * (high - low) + low, below);
  });
}

void uniform64(uint64_t seed, uint64_t offset, int64_t first, double* out, int64_t n, double low,
               double high) {
  const double below = high > low ? std::nextafter(high, low) : low;
  fill_elements<2>(seed, offset, first, out, n, [=](const PhiloxBlock& b, int j) {
    return std::min(unit64(word64(b, j)) * (high - low) + low, below);
  });
}

void normal32(uint64_t seed, uint64_t offset, int64_t first, float* out, int64_t n, float mean,
              float stddev) {
  fill_elements<4>(seed, offset, first, out, n, [=](const PhiloxBlock& b, int j) {
    const hn::ScalableTag<float> df;
    const hn::ScalableTag<uint32_t> du;
    hn::Vec<decltype(df)> even, odd;
    box_muller_f32(df, hn::Set(du, b.words[j & 2]), hn::Set(du, b.words[(j & 2) + 1]), even, odd);
    return hn::GetLane(j & 1 ? odd : even) * stddev + mean;
  });
}

void normal64(uint64_t seed, uint64_t offset, int64_t first, double* out, int64_t n, double mean,
              double stddev) {
  fill_elements<2>(seed, offset, first, out, n, [=](const PhiloxBlock& b, int j) {
    const double radius = std::sqrt(-2.0 * std::log(unit64(word64(b, 0)) + 1.0 / 9007199254740992.0));
    const double angle = unit64(word64(b, 1)) * 6.283185307179586476925;
    return radius * (j ? std::sin(angle) : std::cos(angle)) * stddev + mean;
  });
}

void bernoulli_mask(uint64_t seed, uint64_t offset, int64_t first, uint8_t* out, int64_t n,
                    uint32_t threshold) {
  fill_elements<4>(seed, offset, first, out, n,
                   [=](const PhiloxBlock& b, int j) { return static_cast<uint8_t>(b.words[j] < threshold); });
}

void bernoulli_bits(uint64_t seed, uint64_t offset, int64_t first, uint8_t* bits, int64_t n,
                    uint32_t threshold) {
  for (int64_t i = 0; i < n; i += 8) {
    uint8_t mask[8] = {};
    bernoulli_mask(seed, offset, first + i, mask, std::min<int64_t>(8, n - i), threshold);
    bits[i / 8] = 0;
    for (int k = 0; k < 8; ++k) bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | (mask[k] << k));
  }
}

#else  // HWY_TARGET == HWY_SCALAR

/// Calls store(keys, block, dst), which writes the elements of one group of blocks from `block` on, over the
/// range.
template <int kPerBlock, class T, class Store>
HWY_INLINE void fill_range(uint64_t seed, uint64_t offset, int64_t first, T* out, int64_t n,
                           const Store& store) {
  if (n <= 0) return;
  const Keys keys(seed);
  const int64_t group = blocks_per_group() * kPerBlock;
  HWY_ALIGN T buffer[HWY_MAX_BYTES / 8 * kPerBlock];
  uint64_t block = offset + static_cast<uint64_t>(first / kPerBlock);
  int64_t skip = first % kPerBlock;
  while (n > 0) {  // one call of store, so that it is compiled into the loop
    const bool whole = skip == 0 && n >= group;
    store(keys, block, whole ? out : buffer);
    if (whole) [[likely]] {
      out += group;
      n -= group;
    } else {
      const int64_t count = std::min(n, group - skip);
      std::copy(buffer + skip, buffer + skip + count, out);
      out += count;
      n -= count;
      skip = 0;
    }
    block += static_cast<uint64_t>(blocks_per_group());
  }
}

void fill_u32(uint64_t seed, uint64_t offset, int64_t first_block, uint32_t* out, int64_t nblocks) {
  fill_range<4>(seed, offset + static_cast<uint64_t>(first_block), 0, out, nblocks * 4,
                [](const Keys& keys, uint64_t block, uint32_t* dst) HWY_ATTR {
                  const D32 d;
                  V64 a, b;
                  ordered_words(philox_group(keys, block), a, b);
                  hn::StoreU(hn::BitCast(d, a), d, dst);
                  hn::StoreU(hn::BitCast(d, b), d, dst + hn::Lanes(d));
                });
}

void uniform32(uint64_t seed, uint64_t offset, int64_t first, float* out, int64_t n, float low, float high) {
  const float below = high > low ? std::nextafter(high, low) : low;
  const float width = high - low;
  fill_range<4>(seed, offset, first, out, n, [=](const Keys& keys, uint64_t block, float* dst) HWY_ATTR {
    const hn::RebindToFloat<D32> d;
    V64 a, b;
    ordered_words(philox_group(keys, block), a, b);
    const auto scale = [&](hn::Vec<decltype(d)> u) HWY_ATTR {
      return hn::Min(hn::MulAdd(u, hn::Set(d, width), hn::Set(d, low)), hn::Set(d, below));
    };
    hn::StoreU(scale(uniform_f32(d, a)), d, dst);
    hn::StoreU(scale(uniform_f32(d, b)), d, dst + hn::Lanes(d));
  });
}

void uniform64(uint64_t seed, uint64_t offset, int64_t first, double* out, int64_t n, double low,
               double high) {
  const double below = high > low ? std::nextafter(high, low) : low;
  const double width = high - low;
  fill_range<2>(seed, offset, first, out, n, [=](const Keys& keys, uint64_t block, double* dst) HWY_ATTR {
    const hn::RebindToFloat<D64> d;
    V64 a, b;
    ordered_words(philox_group(keys, block), a, b);
    const auto scale = [&](hn::Vec<decltype(d)> u) HWY_ATTR {
      return hn::Min(hn::MulAdd(u, hn::Set(d, width), hn::Set(d, low)), hn::Set(d, below));
    };
    hn::StoreU(scale(uniform_f64(d, a)), d, dst);
    hn::StoreU(scale(uniform_f64(d, b)), d, dst + hn::Lanes(d));
  });
}

void normal32(uint64_t seed, uint64_t offset, int64_t first, float* out, int64_t n, float mean,
              float stddev) {
  fill_range<4>(seed, offset, first, out, n, [=](const Keys& keys, uint64_t block, float* dst) HWY_ATTR {
    const hn::RebindToFloat<D32> d;
    hn::Vec<decltype(d)> a, b;
    normal_f32(d, philox_group(keys, block), a, b);
    const auto m = hn::Set(d, mean), s = hn::Set(d, stddev);
    hn::StoreU(hn::MulAdd(a, s, m), d, dst);
    hn::StoreU(hn::MulAdd(b, s, m), d, dst + hn::Lanes(d));
  });
}

void normal64(uint64_t seed, uint64_t offset, int64_t first, double* out, int64_t n, double mean,
              double stddev) {
  fill_range<2>(seed, offset, first, out, n, [=](const Keys& keys, uint64_t block, double* dst) HWY_ATTR {
    const hn::RebindToFloat<D64> d;
    const Group g = philox_group(keys, block);
    // (0, 1]: the logarithm is finite.
    const auto u = hn::Add(uniform_f64(d, pack(g.x0, g.x1)), hn::Set(d, 1.0 / 9007199254740992.0));
    const auto angle = hn::Mul(uniform_f64(d, pack(g.x2, g.x3)), hn::Set(d, 6.283185307179586476925));
    const auto r = hn::Sqrt(hn::Max(hn::Mul(hn::Log(d, u), hn::Set(d, -2.0)), hn::Zero(d)));
    const auto c = hn::Mul(r, hn::Cos(d, angle)), s = hn::Mul(r, hn::Sin(d, angle));
    const auto m = hn::Set(d, mean), scale = hn::Set(d, stddev);
    hn::StoreU(hn::MulAdd(hn::InterleaveLower(d, c, s), scale, m), d, dst);
    hn::StoreU(hn::MulAdd(hn::InterleaveUpper(d, c, s), scale, m), d, dst + hn::Lanes(d));
  });
}

void bernoulli_mask(uint64_t seed, uint64_t offset, int64_t first, uint8_t* out, int64_t n,
                    uint32_t threshold) {
  fill_range<4>(seed, offset, first, out, n, [=](const Keys& keys, uint64_t block, uint8_t* dst) HWY_ATTR {
    const D32 d;
    const hn::RebindToSigned<D32> di;
    const hn::Rebind<uint8_t, D32> d8;
    V64 a, b;
    ordered_words(philox_group(keys, block), a, b);
    const auto ones = [&](V64 words) HWY_ATTR {
      const auto hit = hn::Lt(hn::BitCast(d, words), hn::Set(d, threshold));
      return hn::DemoteTo(d8, hn::BitCast(di, hn::IfThenElseZero(hit, hn::Set(d, 1u))));
    };
    hn::StoreU(ones(a), d8, dst);
    hn::StoreU(ones(b), d8, dst + hn::Lanes(d));
  });
}

void bernoulli_bits(uint64_t seed, uint64_t offset, int64_t first, uint8_t* bits, int64_t n,
                    uint32_t threshold) {
  const Keys keys(seed);
  const D32 d;
  const int64_t group = 2 * static_cast<int64_t>(hn::Lanes(d));  // elements; a multiple of 8
  uint64_t block = offset + static_cast<uint64_t>(first / 4);
  uint8_t buffer[2 * HWY_MAX_BYTES / 4 / 8 + 16];
  for (int64_t i = 0; i < n; i += group, block += static_cast<uint64_t>(blocks_per_group())) {
    V64 a, b;
    ordered_words(philox_group(keys, block), a, b);
    const auto hit_a = hn::Lt(hn::BitCast(d, a), hn::Set(d, threshold));
    const auto hit_b = hn::Lt(hn::BitCast(d, b), hn::Set(d, threshold));
    if (hn::Lanes(d) >= 8) {
      hn::StoreMaskBits(d, hit_a, buffer);
      hn::StoreMaskBits(d, hit_b, buffer + hn::Lanes(d) / 8);
    } else {
      uint8_t low[8], high[8];
      hn::StoreMaskBits(d, hit_a, low);
      hn::StoreMaskBits(d, hit_b, high);
      buffer[0] = static_cast<uint8_t>(low[0] | (high[0] << hn::Lanes(d)));
    }
    const int64_t count = std::min(group, n - i);
    std::memcpy(bits + i / 8, buffer, static_cast<size_t>((count + 7) / 8));
  }
  if (n % 8 != 0) bits[n / 8] = static_cast<uint8_t>(bits[n / 8] & ((1 << (n % 8)) - 1));
}

#endif  // HWY_TARGET == HWY_SCALAR

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch {
HWY_EXPORT(fill_u32);
HWY_EXPORT(uniform32);
HWY_EXPORT(uniform64);
HWY_EXPORT(normal32);
HWY_EXPORT(normal64);
HWY_EXPORT(bernoulli_mask);
HWY_EXPORT(bernoulli_bits);

namespace {

/// Upper 64 bits of a product.
uint64_t multiply_high(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
#else
  const uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  const uint64_t mid = a1 * b0 + ((a0 * b0) >> 32);
  const uint64_t mid2 = a0 * b1 + (mid & 0xffffffffu);
  return a1 * b1 + (mid >> 32) + (mid2 >> 32);
#endif
}

/// Whether every draw hits (p >= 1), and else the bound that a word must be below.
bool always(double p, uint32_t* threshold) {
  const double scaled = std::floor((p > 0.0 ? p : 0.0) * 4294967296.0 + 0.5);
  if (scaled >= 4294967296.0) return true;
  *threshold = static_cast<uint32_t>(scaled);
  return false;
}

}  // namespace

void philox_fill_u32(uint64_t seed, uint64_t offset, int64_t first_block, uint32_t* out, int64_t nblocks) {
  HWY_DYNAMIC_DISPATCH(fill_u32)(seed, offset, first_block, out, nblocks);
}

void fill_uniform_f32(uint64_t seed, uint64_t offset, int64_t first, float* out, int64_t n, float low,
                      float high) {
  HWY_DYNAMIC_DISPATCH(uniform32)(seed, offset, first, out, n, low, high);
}

void fill_uniform_f64(uint64_t seed, uint64_t offset, int64_t first, double* out, int64_t n, double low,
                      double high) {
  HWY_DYNAMIC_DISPATCH(uniform64)(seed, offset, first, out, n, low, high);
}

void fill_normal_f32(uint64_t seed, uint64_t offset, int64_t first, float* out, int64_t n, float mean,
                     float stddev) {
  HWY_DYNAMIC_DISPATCH(normal32)(seed, offset, first, out, n, mean, stddev);
}

void fill_normal_f64(uint64_t seed, uint64_t offset, int64_t first, double* out, int64_t n, double mean,
                     double stddev) {
  HWY_DYNAMIC_DISPATCH(normal64)(seed, offset, first, out, n, mean, stddev);
}

void fill_bernoulli_mask(uint64_t seed, uint64_t offset, int64_t first, uint8_t* out, int64_t n, double p) {
  uint32_t threshold = 0;
  if (always(p, &threshold)) {
    if (n > 0) std::memset(out, 1, static_cast<size_t>(n));
    return;
  }
  HWY_DYNAMIC_DISPATCH(bernoulli_mask)(seed, offset, first, out, n, threshold);
}

void fill_bernoulli_bits(uint64_t seed, uint64_t offset, int64_t first, uint8_t* bits, int64_t n, double p) {
  if (n <= 0) return;
  uint32_t threshold = 0;
  if (always(p, &threshold)) {
    std::memset(bits, 0xff, static_cast<size_t>((n + 7) / 8));
    if (n % 8 != 0) bits[n / 8] = static_cast<uint8_t>((1 << (n % 8)) - 1);
    return;
  }
  HWY_DYNAMIC_DISPATCH(bernoulli_bits)(seed, offset, first, bits, n, threshold);
}

void fill_random_i64(uint64_t seed, uint64_t offset, int64_t first, int64_t* out, int64_t n, int64_t low,
                     uint64_t range) {
  constexpr int64_t kBlocks = 128;
  uint32_t words[kBlocks * 4];
  int64_t block = first / 2, skip = first % 2;
  while (n > 0) {
    const int64_t blocks = std::min(kBlocks, (n + skip + 1) / 2);
    philox_fill_u32(seed, offset, block, words, blocks);
    const int64_t count = std::min(n, blocks * 2 - skip);
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t* pair = words + 2 * (i + skip);
      const uint64_t word = (static_cast<uint64_t>(pair[1]) << 32) | pair[0];
      out[i] =
          static_cast<int64_t>(static_cast<uint64_t>(low) + (range == 0 ? word : multiply_high(word, range)));
    }
    out += count;
    n -= count;
    block += blocks;
    skip = 0;
  }
}

}  // namespace rustorch
#endif  // HWY_ONCE
