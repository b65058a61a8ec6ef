// See dropout.h. Works in tiles: the bits of a tile are drawn, then applied while they are in the first
// cache.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif

#include "base/dropout.h"

#include <algorithm>

#include "base/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/dropout.cc"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

void apply_bits(const uint8_t* bits, const float* x, float* out, int64_t n, float scale) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  const auto s = hn::Set(d, scale);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= n; i += lanes) {
    // Vectors shorter than 8 lanes start inside a byte.
    uint8_t shifted[8];
    const uint8_t* from = bits + i / 8;
    if (lanes < 8) {
      shifted[0] = static_cast<uint8_t>(*from >> (i % 8));
      from = shifted;
    }
    const auto keep = hn::LoadMaskBits(d, from);
    hn::StoreU(hn::IfThenElseZero(keep, hn::Mul(hn::LoadU(d, x + i), s)), d, out + i);
  }
#endif
  for (; i < n; ++i) out[i] = (bits[i / 8] >> (i % 8) & 1) ? x[i] * scale : 0.0f;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch {
HWY_EXPORT(apply_bits);

void apply_mask_bits_f32(const uint8_t* bits, const float* x, float* out, int64_t n, float scale) {
  HWY_DYNAMIC_DISPATCH(apply_bits)(bits, x, out, n, scale);
}

void dropout_f32(uint64_t seed, uint64_t offset, int64_t first, const float* x, float* out, uint8_t* bits,
                 int64_t n, double keep, float scale) {
  constexpr int64_t kTile = 2048;
  for (int64_t i = 0; i < n; i += kTile) {
    const int64_t count = std::min(kTile, n - i);
    fill_bernoulli_bits(seed, offset, first + i, bits + i / 8, count, keep);
    apply_mask_bits_f32(bits + i / 8, x + i, out + i, count, scale);
  }
}

}  // namespace rustorch
#endif  // HWY_ONCE
