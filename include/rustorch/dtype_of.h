// The dtype of a C++ type.
#pragma once
#include <complex>
#include <type_traits>

#include "rustorch/dtype.h"
#include "rustorch/float8.h"
#include "rustorch/half.h"

namespace rustorch {

/// The dtype of a C++ number: bool, integers by size and sign, floats of all widths, complex.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, bool>)
    return kBool;
  else if constexpr (std::is_integral_v<T>)
    return std::is_signed_v<T> ? (sizeof(T) == 8   ? kInt64
                                  : sizeof(T) == 4 ? kInt32
                                  : sizeof(T) == 2 ? kInt16
                                                   : kInt8)
                               : (sizeof(T) == 8   ? kUInt64
                                  : sizeof(T) == 4 ? kUInt32
                                  : sizeof(T) == 2 ? kUInt16
                                                   : kUInt8);
  else if constexpr (std::is_same_v<T, float>)
    return kFloat32;
  else if constexpr (std::is_same_v<T, double>)
    return kFloat64;
  else if constexpr (std::is_same_v<T, Half>)
    return kFloat16;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return kBFloat16;
  else if constexpr (std::is_same_v<T, Float8_e4m3fn>)
    return kFloat8_e4m3fn;
  else if constexpr (std::is_same_v<T, Float8_e5m2>)
    return kFloat8_e5m2;
  else if constexpr (std::is_same_v<T, Float8_e4m3fnuz>)
    return kFloat8_e4m3fnuz;
  else if constexpr (std::is_same_v<T, Float8_e5m2fnuz>)
    return kFloat8_e5m2fnuz;
  else if constexpr (std::is_same_v<T, Float8_e8m0fnu>)
    return kFloat8_e8m0fnu;
  else if constexpr (std::is_same_v<T, ComplexHalf>)
    return kComplex32;
  else if constexpr (std::is_same_v<T, ComplexBFloat16>)
    return kBComplex32;
  else if constexpr (std::is_same_v<T, std::complex<float>>)
    return kComplex64;
  else {
    static_assert(std::is_same_v<T, std::complex<double>>, "no dtype holds this type");
    return kComplex128;
  }
}

}  // namespace rustorch
