// Scalar: one number of Python's kinds (bool, int, float, complex), tagged.
#pragma once
#include <complex>
#include <cstdint>
#include <string>

#include "rustorch/dtype.h"

namespace rustorch {

class Scalar {
 public:
  /// UInt: an integer that only uint64 holds (2^63 and above).
  enum class Kind : uint8_t { Bool, Int, UInt, Float, Complex };

  constexpr Scalar() : Scalar(static_cast<int64_t>(0)) {}
  constexpr Scalar(bool v) : kind_(Kind::Bool), int_(v ? 1 : 0), im_(0) {}
  constexpr Scalar(int v) : Scalar(static_cast<int64_t>(v)) {}
  constexpr Scalar(unsigned v) : Scalar(static_cast<int64_t>(v)) {}
  constexpr Scalar(long v) : kind_(Kind::Int), int_(v), im_(0) {}
  constexpr Scalar(long long v) : kind_(Kind::Int), int_(static_cast<int64_t>(v)), im_(0) {}
  constexpr Scalar(unsigned long v) : Scalar(static_cast<unsigned long long>(v)) {}
  constexpr Scalar(unsigned long long v)
      : kind_(v > static_cast<unsigned long long>(INT64_MAX) ? Kind::UInt : Kind::Int),
        int_(static_cast<int64_t>(v)),
        im_(0) {}
  constexpr Scalar(float v) : kind_(Kind::Float), re_(v), im_(0) {}
  constexpr Scalar(double v) : kind_(Kind::Float), re_(v), im_(0) {}
  constexpr Scalar(std::complex<double> v) : kind_(Kind::Complex), re_(v.real()), im_(v.imag()) {}
  constexpr Scalar(std::complex<float> v) : Scalar(std::complex<double>(v.real(), v.imag())) {}

  constexpr Kind kind() const { return kind_; }
  constexpr bool is_bool() const { return kind_ == Kind::Bool; }
  constexpr bool is_integral(bool include_bool = true) const {
    return kind_ == Kind::Int || kind_ == Kind::UInt || (include_bool && kind_ == Kind::Bool);
  }
  /// An integer above int64.
  constexpr bool is_beyond_int64() const { return kind_ == Kind::UInt; }
  constexpr bool is_floating_point() const { return kind_ == Kind::Float; }
  constexpr bool is_complex() const { return kind_ == Kind::Complex; }

  constexpr double to_double() const {
    if (kind_ == Kind::UInt) return static_cast<double>(static_cast<uint64_t>(int_));
    return kind_ < Kind::UInt ? static_cast<double>(int_) : re_;
  }
  /// Truncates a float towards zero, saturating at the ends; nan gives the smallest integer. An integer above
  /// int64 keeps its 64 bits.
  constexpr int64_t to_int() const {
    if (kind_ <= Kind::UInt) return int_;
    if (re_ >= 9223372036854775808.0) return INT64_MAX;
    if (!(re_ > -9223372036854775808.0)) return INT64_MIN;
    return static_cast<int64_t>(re_);
  }
  constexpr bool to_bool() const { return kind_ <= Kind::UInt ? int_ != 0 : re_ != 0 || im_ != 0; }
  /// As to_int(), for an element of uint64: floats from 2^63 to 2^64 are taken as well.
  constexpr uint64_t to_uint() const {
    const bool high = kind_ > Kind::UInt && re_ >= 9223372036854775808.0 && re_ < 18446744073709551616.0;
    return high ? static_cast<uint64_t>(re_) : static_cast<uint64_t>(to_int());
  }
  constexpr std::complex<double> to_complex() const { return {to_double(), im_}; }
  /// True when the value equals v exactly.
  constexpr bool equal(double v) const { return to_double() == v && im_ == 0; }
  /// The dtype PyTorch gives a tensor made of this number: bool, int64 (uint64 above it), the default float,
  /// its complex twin.
  DType dtype() const;
  constexpr Scalar operator-() const {
    switch (kind_) {
      case Kind::Float:
        return Scalar(-re_);
      case Kind::Complex:
        return Scalar(std::complex<double>(-re_, -im_));
      default:
        return Scalar(static_cast<int64_t>(0 - static_cast<uint64_t>(int_)));
    }
  }

 private:
  Kind kind_;
  union {
    int64_t int_;
    double re_;
  };
  double im_;
};

namespace detail {
void append(std::string& out, const Scalar& v);
}

}  // namespace rustorch
