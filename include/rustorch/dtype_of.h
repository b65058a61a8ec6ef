// The dtype of a C++ type.
#pragma once
#include <complex>
#include <type_traits>

#include "rustorch/dtype.h"
#include "rustorch/half.h"

namespace rustorch {

/// The dtype of a C++ number: bool, integers by size, float, double, complex.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, bool>)
    return kBool;
  else if constexpr (std::is_integral_v<T>)
    return sizeof(T) == 8        ? kInt64
           : sizeof(T) == 4      ? kInt32
           : sizeof(T) == 2      ? kInt16
           : std::is_signed_v<T> ? kInt8
                                 : kUInt8;
  else if constexpr (std::is_same_v<T, float>)
    return kFloat32;
  else if constexpr (std::is_same_v<T, double>)
    return kFloat64;
  else if constexpr (std::is_same_v<T, Half>)
    return kFloat16;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return kBFloat16;
  else if constexpr (std::is_same_v<T, std::complex<float>>)
    return kComplex64;
  else {
    static_assert(std::is_same_v<T, std::complex<double>>, "no dtype holds this type");
    return kComplex128;
  }
}

}  // namespace rustorch
