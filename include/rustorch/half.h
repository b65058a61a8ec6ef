// Half (IEEE binary16) and BFloat16: 16-bit storage types that compute through float.
//
// Both convert implicitly to float and explicitly from float, rounding to nearest even. NaNs stay NaNs
// (quiet, upper payload bits kept). The types are trivial, so arrays of them may be left uninitialised,
// copied with memcpy and read from files. All scalar code here is constexpr; the fast array converters
// are in src/base/half_convert.h.
#pragma once
#include <cstdint>
#include <limits>

namespace rustorch {
namespace detail {

constexpr uint32_t float_to_bits(float x) { return __builtin_bit_cast(uint32_t, x); }
constexpr float bits_to_float(uint32_t x) { return __builtin_bit_cast(float, x); }

/// binary32 -> binary16 bits, round to nearest even.
constexpr uint16_t f32_to_f16_bits(float value) {
  const uint32_t f = float_to_bits(value);
  const uint32_t sign = (f >> 16) & 0x8000u;
  const uint32_t a = f & 0x7fffffffu;
  if (a >= 0x7f800000u)  // infinity or NaN
    return static_cast<uint16_t>(sign | 0x7c00u | (a > 0x7f800000u ? 0x200u | ((a >> 13) & 0x3ffu) : 0u));
  if (a >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to >= 65536
  if (a >= 0x38800000u) {                                              // normal result
    const uint32_t r = a + 0xfffu + ((a >> 13) & 1u);
    return static_cast<uint16_t>(sign | ((r - 0x38000000u) >> 13));
  }
  if (a <= 0x33000000u) return static_cast<uint16_t>(sign);  // at most half of the least subnormal
  const uint32_t shift = 126u - (a >> 23);                   // 14..24
  const uint32_t m = (a & 0x7fffffu) | 0x800000u;
  const uint32_t kept = m >> shift;
  const uint32_t rest = m & ((1u << shift) - 1u);
  const uint32_t half = 1u << (shift - 1u);
  return static_cast<uint16_t>(sign | (kept + ((rest > half || (rest == half && (kept & 1u))) ? 1u : 0u)));
}

/// binary16 bits -> binary32, exact.
constexpr float f16_bits_to_f32(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 0x1fu;
  uint32_t mantissa = h & 0x3ffu;
  if (exponent == 0x1fu)
    return bits_to_float(sign | 0x7f800000u | (mantissa ? 0x400000u | (mantissa << 13) : 0u));
  if (exponent != 0) return bits_to_float(sign | ((exponent + 112u) << 23) | (mantissa << 13));
  if (mantissa == 0) return bits_to_float(sign);
  uint32_t e = 113u;
  while (!(mantissa & 0x400u)) {
    mantissa <<= 1;
    --e;
  }
  return bits_to_float(sign | (e << 23) | ((mantissa & 0x3ffu) << 13));
}

/// binary32 -> bfloat16 bits, round to nearest even.
constexpr uint16_t f32_to_bf16_bits(float value) {
  const uint32_t f = float_to_bits(value);
  if ((f & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((f >> 16) | 0x40u);
  return static_cast<uint16_t>((f + 0x7fffu + ((f >> 16) & 1u)) >> 16);
}

constexpr float bf16_bits_to_f32(uint16_t b) { return bits_to_float(static_cast<uint32_t>(b) << 16); }

}  // namespace detail

/// IEEE binary16: 1 sign, 5 exponent, 10 mantissa bits.
struct Half {
  uint16_t bits;

  Half() = default;
  constexpr explicit Half(float value) : bits(detail::f32_to_f16_bits(value)) {}
  /// The value with exactly these bits.
  static constexpr Half from_bits(uint16_t raw) {
    Half h(0.0f);
    h.bits = raw;
    return h;
  }
  constexpr operator float() const { return detail::f16_bits_to_f32(bits); }

  constexpr Half operator-() const { return from_bits(static_cast<uint16_t>(bits ^ 0x8000u)); }
  constexpr Half& operator+=(float v) { return *this = Half(static_cast<float>(*this) + v); }
  constexpr Half& operator-=(float v) { return *this = Half(static_cast<float>(*this) - v); }
  constexpr Half& operator*=(float v) { return *this = Half(static_cast<float>(*this) * v); }
  constexpr Half& operator/=(float v) { return *this = Half(static_cast<float>(*this) / v); }
};

/// bfloat16: the upper half of a binary32 (1 sign, 8 exponent, 7 mantissa bits).
struct BFloat16 {
  uint16_t bits;

  BFloat16() = default;
  constexpr explicit BFloat16(float value) : bits(detail::f32_to_bf16_bits(value)) {}
  /// The value with exactly these bits.
  static constexpr BFloat16 from_bits(uint16_t raw) {
    BFloat16 b(0.0f);
    b.bits = raw;
    return b;
  }
  constexpr operator float() const { return detail::bf16_bits_to_f32(bits); }

  constexpr BFloat16 operator-() const { return from_bits(static_cast<uint16_t>(bits ^ 0x8000u)); }
  constexpr BFloat16& operator+=(float v) { return *this = BFloat16(static_cast<float>(*this) + v); }
  constexpr BFloat16& operator-=(float v) { return *this = BFloat16(static_cast<float>(*this) - v); }
  constexpr BFloat16& operator*=(float v) { return *this = BFloat16(static_cast<float>(*this) * v); }
  constexpr BFloat16& operator/=(float v) { return *this = BFloat16(static_cast<float>(*this) / v); }
};

// Same-type arithmetic rounds each result to the type; mixing with float or double gives float or double.
constexpr Half operator+(Half a, Half b) { return Half(float(a) + float(b)); }
constexpr Half operator-(Half a, Half b) { return Half(float(a) - float(b)); }
constexpr Half operator*(Half a, Half b) { return Half(float(a) * float(b)); }
constexpr Half operator/(Half a, Half b) { return Half(float(a) / float(b)); }
constexpr BFloat16 operator+(BFloat16 a, BFloat16 b) { return BFloat16(float(a) + float(b)); }
constexpr BFloat16 operator-(BFloat16 a, BFloat16 b) { return BFloat16(float(a) - float(b)); }
constexpr BFloat16 operator*(BFloat16 a, BFloat16 b) { return BFloat16(float(a) * float(b)); }
constexpr BFloat16 operator/(BFloat16 a, BFloat16 b) { return BFloat16(float(a) / float(b)); }

}  // namespace rustorch

template <>
struct std::numeric_limits<rustorch::Half> {
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = true;
  static constexpr bool is_integer = false;
  static constexpr bool is_exact = false;
  static constexpr bool has_infinity = true;
  static constexpr bool has_quiet_NaN = true;
  static constexpr bool has_signaling_NaN = true;
  static constexpr bool is_iec559 = true;
  static constexpr bool is_bounded = true;
  static constexpr bool is_modulo = false;
  static constexpr std::float_round_style round_style = std::round_to_nearest;
  static constexpr int radix = 2;
  static constexpr int digits = 11;
  static constexpr int digits10 = 3;
  static constexpr int max_digits10 = 5;
  static constexpr int min_exponent = -13;
  static constexpr int min_exponent10 = -4;
  static constexpr int max_exponent = 16;
  static constexpr int max_exponent10 = 4;
  static constexpr rustorch::Half min() { return rustorch::Half::from_bits(0x0400); }
  static constexpr rustorch::Half lowest() { return rustorch::Half::from_bits(0xfbff); }
  static constexpr rustorch::Half max() { return rustorch::Half::from_bits(0x7bff); }
  static constexpr rustorch::Half epsilon() { return rustorch::Half::from_bits(0x1400); }
  static constexpr rustorch::Half round_error() { return rustorch::Half::from_bits(0x3800); }
  static constexpr rustorch::Half infinity() { return rustorch::Half::from_bits(0x7c00); }
  static constexpr rustorch::Half quiet_NaN() { return rustorch::Half::from_bits(0x7e00); }
  static constexpr rustorch::Half signaling_NaN() { return rustorch::Half::from_bits(0x7d00); }
  static constexpr rustorch::Half denorm_min() { return rustorch::Half::from_bits(0x0001); }
};

template <>
struct std::numeric_limits<rustorch::BFloat16> {
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = true;
  static constexpr bool is_integer = false;
  static constexpr bool is_exact = false;
  static constexpr bool has_infinity = true;
  static constexpr bool has_quiet_NaN = true;
  static constexpr bool has_signaling_NaN = true;
  static constexpr bool is_iec559 = false;
  static constexpr bool is_bounded = true;
  static constexpr bool is_modulo = false;
  static constexpr std::float_round_style round_style = std::round_to_nearest;
  static constexpr int radix = 2;
  static constexpr int digits = 8;
  static constexpr int digits10 = 2;
  static constexpr int max_digits10 = 4;
  static constexpr int min_exponent = -125;
  static constexpr int min_exponent10 = -37;
  static constexpr int max_exponent = 128;
  static constexpr int max_exponent10 = 38;
  static constexpr rustorch::BFloat16 min() { return rustorch::BFloat16::from_bits(0x0080); }
  static constexpr rustorch::BFloat16 lowest() { return rustorch::BFloat16::from_bits(0xff7f); }
  static constexpr rustorch::BFloat16 max() { return rustorch::BFloat16::from_bits(0x7f7f); }
  static constexpr rustorch::BFloat16 epsilon() { return rustorch::BFloat16::from_bits(0x3c00); }
  static constexpr rustorch::BFloat16 round_error() { return rustorch::BFloat16::from_bits(0x3f00); }
  static constexpr rustorch::BFloat16 infinity() { return rustorch::BFloat16::from_bits(0x7f80); }
  static constexpr rustorch::BFloat16 quiet_NaN() { return rustorch::BFloat16::from_bits(0x7fc0); }
  static constexpr rustorch::BFloat16 signaling_NaN() { return rustorch::BFloat16::from_bits(0x7fa0); }
  static constexpr rustorch::BFloat16 denorm_min() { return rustorch::BFloat16::from_bits(0x0001); }
};
