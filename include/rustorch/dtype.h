// DType: the element type of a tensor, with its size, kind and PyTorch name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rustorch {

/// Element types. The order is part of the ABI; append only.
enum class DType : uint8_t {
  Bool,
  UInt8,
  Int8,
  Int16,
  Int32,
  Int64,
  Float16,
  BFloat16,
  Float32,
  Float64,
  Complex64,
  Complex128,
  // Below: what is stored but not computed in (see is_stored_only).
  UInt16,
  UInt32,
  UInt64,
  Float8_e4m3fn,
  Float8_e5m2,
  Float8_e4m3fnuz,
  Float8_e5m2fnuz,
  Float8_e8m0fnu,
  Complex32,
};
inline constexpr int kNumDTypes = 21;

inline constexpr DType kBool = DType::Bool, kUInt8 = DType::UInt8, kInt8 = DType::Int8, kInt16 = DType::Int16,
                       kInt32 = DType::Int32, kInt64 = DType::Int64, kFloat16 = DType::Float16,
                       kBFloat16 = DType::BFloat16, kFloat32 = DType::Float32, kFloat64 = DType::Float64,
                       kComplex64 = DType::Complex64, kComplex128 = DType::Complex128,
                       kUInt16 = DType::UInt16, kUInt32 = DType::UInt32, kUInt64 = DType::UInt64,
                       kFloat8_e4m3fn = DType::Float8_e4m3fn, kFloat8_e5m2 = DType::Float8_e5m2,
                       kFloat8_e4m3fnuz = DType::Float8_e4m3fnuz, kFloat8_e5m2fnuz = DType::Float8_e5m2fnuz,
                       kFloat8_e8m0fnu = DType::Float8_e8m0fnu, kComplex32 = DType::Complex32;
inline constexpr DType kByte = kUInt8, kChar = kInt8, kShort = kInt16, kInt = kInt32, kLong = kInt64,
                       kHalf = kFloat16, kFloat = kFloat32, kDouble = kFloat64, kComplexHalf = kComplex32,
                       kComplexFloat = kComplex64, kComplexDouble = kComplex128;

/// Bytes of one element.
constexpr size_t element_size(DType t) {
  constexpr uint8_t kSizes[kNumDTypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8, 1, 1, 1, 1, 1, 4};
  return kSizes[static_cast<int>(t)];
}

namespace detail {
constexpr bool is_between(DType t, DType first, DType last) { return t >= first && t <= last; }
}  // namespace detail

constexpr bool is_complex(DType t) {
  return t == DType::Complex64 || t == DType::Complex128 || t == DType::Complex32;
}
constexpr bool is_float8(DType t) {
  return detail::is_between(t, DType::Float8_e4m3fn, DType::Float8_e8m0fnu);
}
constexpr bool is_floating_point(DType t) {
  return detail::is_between(t, DType::Float16, DType::Float64) || is_float8(t);
}
/// uint16, uint32, uint64: integers that promote with nothing but themselves and floats.
constexpr bool is_wide_unsigned(DType t) { return detail::is_between(t, DType::UInt16, DType::UInt64); }
/// Integers and bool.
constexpr bool is_integral(DType t, bool include_bool) {
  return (t <= DType::Int64 && (include_bool || t != DType::Bool)) || is_wide_unsigned(t);
}
constexpr bool is_differentiable(DType t) { return t >= DType::Float16 && !is_wide_unsigned(t); }
constexpr bool is_reduced_float(DType t) { return t == kFloat16 || t == kBFloat16; }
constexpr bool is_signed(DType t) {
  return t != kBool && t != kUInt8 && !is_wide_unsigned(t) && t != kFloat8_e8m0fnu;
}
/// Types that kernels do not know. Their elements are moved as bytes, and converted to wide_type() wherever
/// something is computed.
constexpr bool is_stored_only(DType t) { return t > DType::Complex128; }
/// The type in which is_stored_only() types are computed (uint64: the same bits); others unchanged.
constexpr DType wide_type(DType t) {
  return !is_stored_only(t) ? t : is_wide_unsigned(t) ? kInt64 : is_float8(t) ? kFloat32 : kComplex64;
}
/// Complex32 -> Float16, Complex64 -> Float32, Complex128 -> Float64, others unchanged.
constexpr DType real_type(DType t) {
  return t == kComplex64 ? kFloat32 : t == kComplex128 ? kFloat64 : t == kComplex32 ? kFloat16 : t;
}
/// Float64 -> Complex128, Float16 -> Complex32, other floats -> Complex64, complex unchanged.
constexpr DType complex_type(DType t) {
  return is_complex(t) ? t : t == kFloat64 ? kComplex128 : t == kFloat16 ? kComplex32 : kComplex64;
}

/// PyTorch's name without the module: "float32".
const char* dtype_name(DType t);
/// PyTorch's internal name used in some error texts: "Float", "Long", "Half".
const char* dtype_scalar_name(DType t);

/// The type of new floating-point tensors (float32 at start; set_default_dtype changes it, floating types
/// only).
DType get_default_dtype();
void set_default_dtype(DType t);

namespace detail {
inline void append(std::string& out, DType t) { out.append(dtype_name(t)); }
}  // namespace detail

}  // namespace rustorch
