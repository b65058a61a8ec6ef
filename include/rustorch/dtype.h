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
};
inline constexpr int kNumDTypes = 12;

inline constexpr DType kBool = DType::Bool, kUInt8 = DType::UInt8, kInt8 = DType::Int8, kInt16 = DType::Int16,
                       kInt32 = DType::Int32, kInt64 = DType::Int64, kFloat16 = DType::Float16,
                       kBFloat16 = DType::BFloat16, kFloat32 = DType::Float32, kFloat64 = DType::Float64,
                       kComplex64 = DType::Complex64, kComplex128 = DType::Complex128;
inline constexpr DType kByte = kUInt8, kChar = kInt8, kShort = kInt16, kInt = kInt32, kLong = kInt64,
                       kHalf = kFloat16, kFloat = kFloat32, kDouble = kFloat64;

/// Bytes of one element.
constexpr size_t element_size(DType t) {
  constexpr uint8_t kSizes[kNumDTypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};
  return kSizes[static_cast<int>(t)];
}
constexpr bool is_complex(DType t) { return t >= DType::Complex64; }
constexpr bool is_floating_point(DType t) { return t >= DType::Float16 && t <= DType::Float64; }
/// Integers and bool.
constexpr bool is_integral(DType t, bool include_bool) {
  return t <= DType::Int64 && (include_bool || t != DType::Bool);
}
constexpr bool is_differentiable(DType t) { return t >= DType::Float16; }
constexpr bool is_reduced_float(DType t) { return t == kFloat16 || t == kBFloat16; }
constexpr bool is_signed(DType t) { return t != kBool && t != kUInt8; }
/// Complex64 -> Float32, Complex128 -> Float64, others unchanged.
constexpr DType real_type(DType t) { return t == kComplex64 ? kFloat32 : t == kComplex128 ? kFloat64 : t; }
/// Float64 -> Complex128, other floats -> Complex64, complex unchanged.
constexpr DType complex_type(DType t) { return is_complex(t) ? t : t == kFloat64 ? kComplex128 : kComplex64; }

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
