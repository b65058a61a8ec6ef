// Vector core of Philox and its transforms, for kernels that draw numbers where they use them.
// Included once per instruction set (Highway's foreach_target); see philox.h for the meaning of blocks and
// words.
//
// Lanes are 64 bits wide and hold one counter each, so one widening multiply gives both halves of a product;
// the upper halves of the state carry garbage that the next multiply ignores. The scalar target has the
// transforms only. Lane 2k holds block k of a group and lane 2k+1 block k + N/2: then plain interleaving
// inside 128 bits yields the words in order.
#if defined(RT_PHILOX_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RT_PHILOX_INL
#undef RT_PHILOX_INL
#else
#define RT_PHILOX_INL
#endif

#include <cstdint>

#include "hwy/highway.h"

#ifndef RT_PHILOX_UNROLL
#if defined(__clang__)
#define RT_PHILOX_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define RT_PHILOX_UNROLL _Pragma("GCC unroll 10")
#else
#define RT_PHILOX_UNROLL
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace rustorch::philox_detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// ln(x) for normal x in (0, 1]; error below 1 ulp of the larger of |ln x| and 2^-24 (Cephes logf).
template <class DF, class V>
HWY_INLINE V log_f32(DF df, V x) {
  const hn::RebindToSigned<DF> di;
  const auto bits = hn::Sub(hn::BitCast(di, x), hn::Set(di, 0x3f3504f3));
  const V e = hn::ConvertTo(df, hn::ShiftRight<23>(bits));
  const V m = hn::BitCast(df, hn::Add(hn::And(bits, hn::Set(di, 0x7fffff)), hn::Set(di, 0x3f3504f3)));
  const V f = hn::Sub(m, hn::Set(df, 1.0f));
  const V z = hn::Mul(f, f);
  V y = hn::Set(df, 7.0376836292e-2f);
  RT_PHILOX_UNROLL
  for (const float c : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                        -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f})
    y = hn::MulAdd(y, f, hn::Set(df, c));
  y = hn::Mul(hn::Mul(y, f), z);
  y = hn::MulAdd(e, hn::Set(df, -2.12194440e-4f), y);
  y = hn::NegMulAdd(hn::Set(df, 0.5f), z, y);
  return hn::MulAdd(e, hn::Set(df, 0.693359375f), hn::Add(f, y));
}

/// sin and cos of 2 pi x / 2^32 for an angle in 32-bit fixed point; the quadrant is exact (Cephes
/// polynomials).
template <class DF, class V, class VU>
HWY_INLINE void sincos_turns(DF df, VU x, V& sine, V& cosine) {
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const VU quadrant = hn::ShiftRight<30>(hn::Add(x, hn::Set(du, 1u << 29)));
  const auto rest = hn::BitCast(di, hn::Sub(x, hn::ShiftLeft<30>(quadrant)));          // in [-2^29, 2^29)
  const V a = hn::Mul(hn::ConvertTo(df, rest), hn::Set(df, 1.46291807926715968e-9f));  // 2 pi / 2^32
  const V z = hn::Mul(a, a);
  V s = hn::MulAdd(hn::Set(df, -1.9515295891e-4f), z, hn::Set(df, 8.3321608736e-3f));
  s = hn::MulAdd(s, z, hn::Set(df, -1.6666654611e-1f));
  s = hn::MulAdd(hn::Mul(s, z), a, a);
  V c = hn::MulAdd(hn::Set(df, 2.443315711809948e-5f), z, hn::Set(df, -1.388731625493765e-3f));
  c = hn::MulAdd(c, z, hn::Set(df, 4.166664568298827e-2f));
  c = hn::MulAdd(hn::Mul(c, z), z, hn::NegMulAdd(hn::Set(df, 0.5f), z, hn::Set(df, 1.0f)));
  const auto swap = hn::RebindMask(df, hn::Ne(hn::And(quadrant, hn::Set(du, 1u)), hn::Zero(du)));
  // sin < 0 in quadrants 2, 3; cos < 0 in quadrants 1, 2.
  const VU sin_sign = hn::ShiftLeft<30>(hn::And(quadrant, hn::Set(du, 2u)));
  const VU cos_sign = hn::ShiftLeft<30>(hn::And(hn::Add(quadrant, hn::Set(du, 1u)), hn::Set(du, 2u)));
  sine = hn::Xor(hn::IfThenElse(swap, c, s), hn::BitCast(df, sin_sign));
  cosine = hn::Xor(hn::IfThenElse(swap, s, c), hn::BitCast(df, cos_sign));
}

/// 32-bit words -> floats in (0, 1]: 31 bits and a half keep the argument of the logarithm in [2^-32, 1].
template <class DF, class VU>
HWY_INLINE hn::Vec<DF> open_uniform_f32(DF df, VU words) {
  const hn::RebindToSigned<DF> di;
  const auto bits = hn::BitCast(di, hn::ShiftRight<1>(words));
  return hn::Mul(hn::Add(hn::ConvertTo(df, bits), hn::Set(df, 0.5f)), hn::Set(df, 1.0f / 2147483648.0f));
}

/// Box-Muller: two words -> two independent standard normals.
template <class DF, class V, class VU>
HWY_INLINE void box_muller_f32(DF df, VU w1, VU w2, V& a, V& b) {
  const V log_u = log_f32(df, open_uniform_f32(df, w1));
  const V radius = hn::Sqrt(hn::Max(hn::Mul(log_u, hn::Set(df, -2.0f)), hn::Zero(df)));
  V s, c;
  sincos_turns(df, w2, s, c);
  a = hn::Mul(radius, c);
  b = hn::Mul(radius, s);
}

#if HWY_TARGET != HWY_SCALAR
using D64 = hn::ScalableTag<uint64_t>;
using D32 = hn::Repartition<uint32_t, D64>;
using V64 = hn::Vec<D64>;
using V32 = hn::Vec<D32>;

/// The round keys of a seed.
struct Keys {
  uint64_t k0[10], k1[10];
  explicit Keys(uint64_t seed) {
    uint32_t a = static_cast<uint32_t>(seed), b = static_cast<uint32_t>(seed >> 32);
    for (int r = 0; r < 10; ++r, a += 0x9E3779B9u, b += 0xBB67AE85u) k0[r] = a, k1[r] = b;
  }
};

/// Words j = 0..3 of a group of N blocks, in the low half of each lane (the high halves are garbage).
struct Group {
  V64 x0, x1, x2, x3;
};

HWY_INLINE int64_t blocks_per_group() { return static_cast<int64_t>(hn::Lanes(D64())); }

HWY_INLINE Group philox_group(const Keys& keys, uint64_t block) {
  const D64 d;
  const D32 d32;
  auto mul = [&](V64 a, uint32_t m) HWY_ATTR { return hn::MulEven(hn::BitCast(d32, a), hn::Set(d32, m)); };
  // A shuffle brings the upper halves down: shifts would compete with the multiplications for one port.
  auto upper = [&](V64 a) HWY_ATTR { return hn::BitCast(d, hn::Shuffle2301(hn::BitCast(d32, a))); };
  const V64 lane = hn::Iota(d, 0);
  const V64 odd = hn::And(lane, hn::Set(d, 1));
  const V64 half = hn::Set(d, hn::Lanes(d) / 2);
  const V64 shift = hn::And(hn::Sub(hn::Zero(d), odd), half);
  const V64 counter = hn::Add(hn::Set(d, block), hn::Add(hn::ShiftRight<1>(lane), shift));
  Group g{counter, hn::ShiftRight<32>(counter), hn::Zero(d), hn::Zero(d)};
  RT_PHILOX_UNROLL
  for (int r = 0; r < 10; ++r) {
    const V64 p0 = mul(g.x0, 0xD2511F53u);
    const V64 p1 = mul(g.x2, 0xCD9E8D57u);
    g.x0 = hn::Xor3(upper(p1), g.x1, hn::Set(d, keys.k0[r]));
    g.x2 = hn::Xor3(upper(p0), g.x3, hn::Set(d, keys.k1[r]));
    g.x1 = p1;
    g.x3 = p0;
  }
  return g;
}

/// low half of a | low half of b << 32.
HWY_INLINE V64 pack(V64 a, V64 b) {
  const D64 d;
  return hn::Or(hn::And(a, hn::Set(d, 0xffffffffu)), hn::ShiftLeft<32>(b));
}

/// The group's 64-bit words in order: `first` holds those of its first N/2 blocks, `second` the others.
HWY_INLINE void ordered_words(const Group& g, V64& first, V64& second) {
  const D64 d;
  const V64 a = pack(g.x0, g.x1), b = pack(g.x2, g.x3);
  first = hn::InterleaveLower(d, a, b);
  second = hn::InterleaveUpper(d, a, b);
}

/// Words -> floats in [0, 1) with 24 bits.
template <class DF>
HWY_INLINE hn::Vec<DF> uniform_f32(DF df, V64 words) {
  const hn::RebindToSigned<DF> di;
  const V32 x = hn::BitCast(D32(), words);
  const auto bits = hn::BitCast(di, hn::ShiftRight<8>(x));
  return hn::Mul(hn::ConvertTo(df, bits), hn::Set(df, 1.0f / 16777216.0f));
}

/// 64-bit words -> doubles in [0, 1) with 53 bits.
template <class DF>
HWY_INLINE hn::Vec<DF> uniform_f64(DF df, V64 words) {
  const hn::RebindToSigned<DF> di;
  const auto bits = hn::BitCast(di, hn::ShiftRight<11>(words));
  return hn::Mul(hn::ConvertTo(df, bits), hn::Set(df, 1.0 / 9007199254740992.0));
}

/// The 4 N standard normals of a group, in order: `first` those of its first N/2 blocks.
template <class DF, class V>
HWY_INLINE void normal_f32(DF df, const Group& g, V& first, V& second) {
  V a, b;
  box_muller_f32(df, hn::BitCast(D32(), pack(g.x0, g.x2)), hn::BitCast(D32(), pack(g.x1, g.x3)), a, b);
  first = hn::InterleaveLower(df, a, b);
  second = hn::InterleaveUpper(df, a, b);
}
#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace rustorch::philox_detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
