// Scalar functions for the complex kernels (c64, c128): op_NAME overloads on T (parts) and Cx<T>.
//
// Multiplication is the plain formula; division scales by the larger part (Smith), as PyTorch does.
// Transcendental functions are those of <complex>, which follow C99 at infinities and nans.
#pragma once
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>

#include "expr/host_math.h"

namespace rustorch::cx {

/// A complex number laid out as in memory: real part, imaginary part.
template <class T>
struct Cx {
  T re, im;
};

template <class T>
std::complex<T> std_of(Cx<T> z) {
  return {z.re, z.im};
}
template <class T>
Cx<T> from_std(std::complex<T> z) {
  return {z.real(), z.imag()};
}

// --- parts ---
template <class T>
T op_add(T a, T b) {
  return a + b;
}
template <class T>
T op_sub(T a, T b) {
  return a - b;
}
template <class T>
T op_mul(T a, T b) {
  return a * b;
}
template <class T>
T op_div(T a, T b) {
  return a / b;
}
template <class T>
T op_neg(T a) {
  return -a;
}
template <class T>
bool op_eq(T a, T b) {
  return a == b;
}
template <class T>
bool op_ne(T a, T b) {
  return a != b;
}
template <class T>
bool op_lt(T a, T b) {
  return a < b;
}
template <class T>
bool op_le(T a, T b) {
  return a <= b;
}
template <class T>
bool op_gt(T a, T b) {
  return a > b;
}
template <class T>
bool op_ge(T a, T b) {
  return a >= b;
}
inline bool op_logical_and(bool a, bool b) { return a && b; }
inline bool op_logical_or(bool a, bool b) { return a || b; }
inline bool op_logical_xor(bool a, bool b) { return a != b; }
inline bool op_logical_not(bool a) { return !a; }
template <class T>
T op_where(bool c, T a, T b) {
  return c ? a : b;
}
template <class T>
T op_max(T a, T b) {
  return a != a || b != b ? a + b : (a < b ? b : a);
}
template <class T>
T op_min(T a, T b) {
  return a != a || b != b ? a + b : (a > b ? b : a);
}
template <class T>
bool op_signbit(T a) {
  return std::signbit(a);
}
template <class T>
T op_round(T a) {
  return std::nearbyint(a);
}

#define RT_CX_STD1(name) \
  template <class T>     \
  T op_##name(T a) {     \
    return std::name(a); \
  }
// clang-format off
RT_CX_STD1(abs) RT_CX_STD1(floor) RT_CX_STD1(ceil) RT_CX_STD1(trunc) RT_CX_STD1(sqrt)
RT_CX_STD1(cbrt) RT_CX_STD1(exp) RT_CX_STD1(exp2) RT_CX_STD1(expm1) RT_CX_STD1(log)
RT_CX_STD1(log2) RT_CX_STD1(log10) RT_CX_STD1(log1p) RT_CX_STD1(sin) RT_CX_STD1(cos)
RT_CX_STD1(tan) RT_CX_STD1(asin) RT_CX_STD1(acos) RT_CX_STD1(atan) RT_CX_STD1(sinh)
RT_CX_STD1(cosh) RT_CX_STD1(tanh) RT_CX_STD1(asinh) RT_CX_STD1(acosh) RT_CX_STD1(atanh)
RT_CX_STD1(erf) RT_CX_STD1(erfc)
// clang-format on
#undef RT_CX_STD1
#define RT_CX_STD2(name)    \
  template <class T>        \
  T op_##name(T a, T b) {   \
    return std::name(a, b); \
  }
    // clang-format off
RT_CX_STD2(pow) RT_CX_STD2(atan2) RT_CX_STD2(hypot) RT_CX_STD2(fmod) RT_CX_STD2(copysign)
RT_CX_STD2(nextafter)
// clang-format on
#undef RT_CX_STD2
            template <class T>
            T op_sign(T a) {
  return static_cast<T>((a > 0) - (a < 0));
}
template <class T>
T op_sigmoid(T a) {
  return 1 / (1 + std::exp(-a));
}
template <class T>
T op_remainder(T a, T b) {
  return static_cast<T>(host_math::remainder(a, b));
}
template <class T>
T op_floordiv(T a, T b) {
  return static_cast<T>(host_math::floordiv(a, b));
}
// --- complex numbers ---
template <class T>
Cx<T> op_add(Cx<T> a, Cx<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
Cx<T> op_sub(Cx<T> a, Cx<T> b) {
  return {a.re - b.re, a.im - b.im};
}
template <class T>
Cx<T> op_mul(Cx<T> a, Cx<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <class T>
Cx<T> op_div(Cx<T> a, Cx<T> b) {
  const T c = std::fabs(b.re), d = std::fabs(b.im);
  if (c >= d) {
    if (c == 0 && d == 0) return {a.re / c, a.im / d};
    const T ratio = b.im / b.re, scale = 1 / (b.re + b.im * ratio);
    return {(a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale};
  }
  const T ratio = b.re / b.im, scale = 1 / (b.re * ratio + b.im);
  return {(a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale};
}
template <class T>
Cx<T> op_neg(Cx<T> a) {
  return {-a.re, -a.im};
}
template <class T>
bool op_eq(Cx<T> a, Cx<T> b) {
  return a.re == b.re && a.im == b.im;
}
template <class T>
bool op_ne(Cx<T> a, Cx<T> b) {
  return a.re != b.re || a.im != b.im;
}
template <class T>
T op_abs(Cx<T> a) {
  return std::hypot(a.re, a.im);
}
template <class T>
Cx<T> op_conj(Cx<T> a) {
  return {a.re, -a.im};
}
template <class T>
T op_real(Cx<T> a) {
  return a.re;
}
template <class T>
T op_imag(Cx<T> a) {
  return a.im;
}
template <class T>
Cx<T> op_complex(T re, T im) {
  return {re, im};
}
#define RT_CX_COMPLEX1(name)               \
  template <class T>                       \
  Cx<T> op_##name(Cx<T> a) {               \
    return from_std(std::name(std_of(a))); \
  }
// clang-format off
RT_CX_COMPLEX1(sqrt) RT_CX_COMPLEX1(exp) RT_CX_COMPLEX1(log) RT_CX_COMPLEX1(sin)
RT_CX_COMPLEX1(cos) RT_CX_COMPLEX1(tan) RT_CX_COMPLEX1(asin) RT_CX_COMPLEX1(acos)
RT_CX_COMPLEX1(atan) RT_CX_COMPLEX1(sinh) RT_CX_COMPLEX1(cosh) RT_CX_COMPLEX1(tanh)
RT_CX_COMPLEX1(asinh) RT_CX_COMPLEX1(acosh) RT_CX_COMPLEX1(atanh)
// clang-format on
#undef RT_CX_COMPLEX1
    /// 0^0 = 1, 0^y = 0 where the real part of y is positive, (inf, nan) where it is negative, else nan;
    /// computed in double.
    template <class T>
    Cx<T> op_pow(Cx<T> a, Cx<T> b) {
  if (a.re == 0 && a.im == 0) {
    if (b.re > 0 || (b.re == 0 && b.im == 0)) return {static_cast<T>(b.re == 0), 0};
    const T nan = std::numeric_limits<T>::quiet_NaN();
    return {b.re < 0 ? std::numeric_limits<T>::infinity() : nan, nan};
  }
  const std::complex<double> r = std::pow(std::complex<double>(a.re, a.im), std::complex<double>(b.re, b.im));
  return {static_cast<T>(r.real()), static_cast<T>(r.imag())};
}

}  // namespace rustorch::cx
