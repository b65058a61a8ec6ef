// Scalar: one number of Python's kinds (bool, int, float, complex), tagged.
#pragma once
#include <complex>
#include <cstdint>
#include <string>

#include "rustorch/dtype.h"

namespace rustorch {

class Scalar {
 public:
  enum class Kind : uint8_t { Bool, Int, Float, Complex };

  constexpr Scalar() : Scalar(static_cast<int64_t>(0)) {}
  constexpr Scalar(bool v) : kind_(Kind::Bool), int_(v ? 1 : 0), im_(0) {}
  constexpr Scalar(int v) : Scalar(static_cast<int64_t>(v)) {}
  constexpr Scalar(unsigned v) : Scalar(static_cast<int64_t>(v)) {}
  constexpr Scalar(long v) : kind_(Kind::Int), int_(v), im_(0) {}
  constexpr Scalar(long long v) : kind_(Kind::Int), int_(static_cast<int64_t>(v)), im_(0) {}
  constexpr Scalar(unsigned long v) : kind_(Kind::Int), int_(static_cast<int64_t>(v)), im_(0) {}
  constexpr Scalar(float v) : kind_(Kind::Float), re_(v), im_(0) {}
  constexpr Scalar(double v) : kind_(Kind::Float), re_(v), im_(0) {}
  constexpr Scalar(std::complex<double> v) : kind_(Kind::Complex), re_(v.real()), im_(v.imag()) {}
  constexpr Scalar(std::complex<float> v) : Scalar(std::complex<double>(v.real(), v.imag())) {}

  constexpr Kind kind() const { return kind_; }
  constexpr bool is_bool() const { return kind_ == Kind::Bool; }
  constexpr bool is_integral(bool include_bool = true) const {
    return kind_ == Kind::Int || (include_bool && kind_ == Kind::Bool);
  }
  constexpr bool is_floating_point() const { return kind_ == Kind::Float; }
  constexpr bool is_complex() const { return kind_ == Kind::Complex; }

  constexpr double to_double() const { return kind_ <= Kind::Int ? static_cast<double>(int_) : re_; }
  /// Truncates a float towards zero, saturating at the ends; nan gives the smallest integer.
  constexpr int64_t to_int() const {
    if (kind_ <= Kind::Int) return int_;
    if (re_ >= 9223372036854775808.0) return INT64_MAX;
    if (!(re_ > -9223372036854775808.0)) return INT64_MIN;
    return static_cast<int64_t>(re_);
  }
  constexpr bool to_bool() const { return kind_ <= Kind::Int ? int_ != 0 : re_ != 0 || im_ != 0; }
  constexpr std::complex<double> to_complex() const { return {to_double(), im_}; }
  /// True when the value equals v exactly.
  constexpr bool equal(double v) const { return to_double() == v && im_ == 0; }
  /// The dtype PyTorch gives a tensor made of this number: bool, int64, the default float, its complex twin.
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
