// The 8-bit floats and the complex number of two Halfs: types that hold numbers and do not compute.
//
// Conversions round to nearest, ties to even, and are those of PyTorch bit for bit:
//
//   type            exponent, mantissa   bias   largest   too large or infinite gives     zeros
//   Float8_e4m3fn   4, 3                    7       448   the largest                     +0, -0
//   Float8_e5m2     5, 2                   15     57344   infinity                        +0, -0
//   Float8_e4m3fnuz 4, 3                    8       240   nan                             +0
//   Float8_e5m2fnuz 5, 2                   16     57344   nan                             +0
//   Float8_e8m0fnu  8, 0 (powers of two)  127     2^127   nan                             none: 2^-127
//
// Float8_e8m0fnu has no sign: it keeps the absolute value.
#pragma once
#include <cstdint>

#include "rustorch/half.h"

namespace rustorch {
namespace detail {

/// What tells the formats with a mantissa apart. `top` is the largest finite number's code, `over` what
/// stands for all above it, `nan` the code of nan (with either sign where there is a -0).
struct Float8Format {
  int mantissa, bias;
  uint8_t top, over, nan;
  bool unsigned_zero;
};
inline constexpr Float8Format kE4M3FN{3, 7, 0x7e, 0x7e, 0x7f, false}, kE5M2{2, 15, 0x7b, 0x7c, 0x7f, false},
    kE4M3FNUZ{3, 8, 0x7f, 0x80, 0x80, true}, kE5M2FNUZ{2, 16, 0x7f, 0x80, 0x80, true};

constexpr uint8_t f32_to_f8_bits(const Float8Format& f, float value) {
  const uint32_t bits = float_to_bits(value);
  const uint32_t sign = (bits >> 24) & 0x80u, a = bits & 0x7fffffffu;
  const int m = f.mantissa, drop = 23 - m;
  if (a > 0x7f800000u) return static_cast<uint8_t>(f.unsigned_zero ? f.nan : sign | f.nan);
  uint32_t code = 0;
  const int exponent = static_cast<int>(a >> 23) - 127 + f.bias;
  if (exponent >= 1) {
    const uint32_t r = a + (1u << (drop - 1)) - 1u + ((a >> drop) & 1u);
    code = (r >> drop) - (static_cast<uint32_t>(127 - f.bias) << m);
  } else if (exponent >= -m) {  // a subnormal number, or the smallest normal one
    const int shift = drop + 1 - exponent;
    const uint32_t whole = (a & 0x7fffffu) | 0x800000u, kept = whole >> shift;
    const uint32_t rest = whole & ((1u << shift) - 1u), half = 1u << (shift - 1);
    code = kept + (rest > half || (rest == half && (kept & 1u)) ? 1u : 0u);
  }
  if (code > f.top) return static_cast<uint8_t>(f.unsigned_zero ? f.over : sign | f.over);
  if (code == 0 && f.unsigned_zero) return 0;
  return static_cast<uint8_t>(sign | code);
}

constexpr float f8_bits_to_f32(const Float8Format& f, uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80u) << 24;
  const uint32_t a = code & 0x7fu;
  if (f.unsigned_zero ? code == f.nan : a > f.top && a != f.over) return bits_to_float(sign | 0x7fc00000u);
  if (a > f.top) return bits_to_float(sign | 0x7f800000u);
  const int m = f.mantissa;
  if (a >> m) return bits_to_float(sign | ((a << (23 - m)) + (static_cast<uint32_t>(127 - f.bias) << 23)));
  // subnormal: a * 2^(1 - bias - m), exact
  const float unit = bits_to_float(static_cast<uint32_t>(128 - f.bias - m) << 23);
  return bits_to_float(sign | float_to_bits(static_cast<float>(a) * unit));
}

constexpr uint8_t f32_to_e8m0_bits(float value) {
  const uint32_t bits = float_to_bits(value), exponent = (bits >> 23) & 0xffu;
  if (exponent == 0xffu) return 0xff;
  const bool up = (bits & 0x400000u) != 0 && ((bits & 0x3fffffu) != 0 || exponent != 0);
  return static_cast<uint8_t>(exponent + (up ? 1u : 0u));
}
constexpr float e8m0_bits_to_f32(uint8_t code) {
  if (code == 0xff) return bits_to_float(0x7fc00000u);
  return bits_to_float(code == 0 ? 0x00400000u : static_cast<uint32_t>(code) << 23);
}

/// An 8-bit float: made explicitly from a float, converted to float exactly.
template <const Float8Format& format>
struct Float8 {
  uint8_t bits;

  Float8() = default;
  constexpr explicit Float8(float value) : bits(f32_to_f8_bits(format, value)) {}
  /// The value with exactly these bits.
  static constexpr Float8 from_bits(uint8_t raw) {
    Float8 x(0.0f);
    x.bits = raw;
    return x;
  }
  constexpr operator float() const { return f8_bits_to_f32(format, bits); }
};

}  // namespace detail

using Float8_e4m3fn = detail::Float8<detail::kE4M3FN>;
using Float8_e5m2 = detail::Float8<detail::kE5M2>;
using Float8_e4m3fnuz = detail::Float8<detail::kE4M3FNUZ>;
using Float8_e5m2fnuz = detail::Float8<detail::kE5M2FNUZ>;

/// A power of two between 2^-127 and 2^127, or nan: the scale of a block in microscaling formats.
struct Float8_e8m0fnu {
  uint8_t bits;

  Float8_e8m0fnu() = default;
  constexpr explicit Float8_e8m0fnu(float value) : bits(detail::f32_to_e8m0_bits(value)) {}
  /// The value with exactly these bits.
  static constexpr Float8_e8m0fnu from_bits(uint8_t raw) {
    Float8_e8m0fnu x(1.0f);
    x.bits = raw;
    return x;
  }
  constexpr operator float() const { return detail::e8m0_bits_to_f32(bits); }
};

/// The element of complex32: two Halfs.
struct ComplexHalf {
  Half re, im;

  constexpr float real() const { return re; }
  constexpr float imag() const { return im; }
};
/// The element of bcomplex32: two BFloat16s.
struct ComplexBFloat16 {
  BFloat16 re, im;

  constexpr float real() const { return re; }
  constexpr float imag() const { return im; }
};

}  // namespace rustorch
