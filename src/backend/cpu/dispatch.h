// Calling a generic lambda with the C++ type of a DType: dispatch_all("op", t, [&](auto tag) { using T = ...;
// }).
#pragma once
#include <complex>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "rustorch/dtype.h"
#include "rustorch/error.h"
#include "rustorch/half.h"

namespace rustorch::cpu {

template <class T>
struct TypeTag {
  using type = T;
};

#define RT_CASE(name, T) \
  case DType::name:      \
    return f(TypeTag<T>{});

/// uint8, int8 ... int64.
template <class F>
decltype(auto) dispatch_integral(const char* op, DType t, F&& f) {
  switch (t) {
    RT_CASE(UInt8, uint8_t)
    RT_CASE(Int8, int8_t)
    RT_CASE(Int16, int16_t)
    RT_CASE(Int32, int32_t)
    RT_CASE(Int64, int64_t)
    default:
      raise(ErrorKind::NotImplemented, op,
            cat("\"", op, "\" not implemented for '", dtype_scalar_name(t), "'"));
  }
}

/// float16, bfloat16, float32, float64.
template <class F>
decltype(auto) dispatch_floating(const char* op, DType t, F&& f) {
  switch (t) {
    RT_CASE(Float16, Half)
    RT_CASE(BFloat16, BFloat16)
    RT_CASE(Float32, float)
    RT_CASE(Float64, double)
    default:
      raise(ErrorKind::NotImplemented, op,
            cat("\"", op, "\" not implemented for '", dtype_scalar_name(t), "'"));
  }
}

/// Integers (not bool) and floats.
template <class F>
decltype(auto) dispatch_real(const char* op, DType t, F&& f) {
  if (is_floating_point(t)) return dispatch_floating(op, t, std::forward<F>(f));
  return dispatch_integral(op, t, std::forward<F>(f));
}

/// Floats and complex.
template <class F>
decltype(auto) dispatch_floating_complex(const char* op, DType t, F&& f) {
  switch (t) {
    RT_CASE(Complex64, std::complex<float>)
    RT_CASE(Complex128, std::complex<double>)
    default:
      return dispatch_floating(op, t, std::forward<F>(f));
  }
}

/// All twelve types.
template <class F>
decltype(auto) dispatch_all(const char* op, DType t, F&& f) {
  switch (t) {
    RT_CASE(Bool, bool)
    RT_CASE(Complex64, std::complex<float>)
    RT_CASE(Complex128, std::complex<double>)
    default:
      return dispatch_real(op, t, std::forward<F>(f));
  }
}

/// An unsigned integer type of the element's size: for kernels that only move data (16 bytes:
/// std::complex<double>).
template <class F>
decltype(auto) dispatch_by_size(DType t, F&& f) {
  switch (element_size(t)) {
    case 1:
      return f(TypeTag<uint8_t>{});
    case 2:
      return f(TypeTag<uint16_t>{});
    case 4:
      return f(TypeTag<uint32_t>{});
    case 8:
      return f(TypeTag<uint64_t>{});
    default:
      return f(TypeTag<std::complex<double>>{});
  }
}

#undef RT_CASE

/// The type sums of T are kept in: float for 16-bit floats, int64 for integers, else T.
template <class T>
struct AccumulateType {
  using type = std::conditional_t<std::is_integral_v<T>, int64_t, T>;
};
template <>
struct AccumulateType<Half> {
  using type = float;
};
template <>
struct AccumulateType<BFloat16> {
  using type = float;
};
template <class T>
using accumulate_t = typename AccumulateType<T>::type;

}  // namespace rustorch::cpu
