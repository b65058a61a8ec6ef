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
  BComplex32,
  // Below: opaque bytes, of which no operator reads numbers (see is_opaque).
  Float4_e2m1fn_x2,
  UInt1,
  UInt2,
  UInt3,
  UInt4,
  UInt5,
  UInt6,
  UInt7,
  Int1,
  Int2,
  Int3,
  Int4,
  Int5,
  Int6,
  Int7,
  Bits1x8,
  Bits2x4,
  Bits4x2,
  Bits8,
  Bits16,
  // Below: the integers of quantized tensors (core/quantized_data.h).
  QInt8,
  QUInt8,
  QInt32,
  QUInt4x2,
  QUInt2x4,
};
inline constexpr int kNumDTypes = 47;

inline constexpr DType kBool = DType::Bool, kUInt8 = DType::UInt8, kInt8 = DType::Int8, kInt16 = DType::Int16,
                       kInt32 = DType::Int32, kInt64 = DType::Int64, kFloat16 = DType::Float16,
                       kBFloat16 = DType::BFloat16, kFloat32 = DType::Float32, kFloat64 = DType::Float64,
                       kComplex64 = DType::Complex64, kComplex128 = DType::Complex128,
                       kUInt16 = DType::UInt16, kUInt32 = DType::UInt32, kUInt64 = DType::UInt64,
                       kFloat8_e4m3fn = DType::Float8_e4m3fn, kFloat8_e5m2 = DType::Float8_e5m2,
                       kFloat8_e4m3fnuz = DType::Float8_e4m3fnuz, kFloat8_e5m2fnuz = DType::Float8_e5m2fnuz,
                       kFloat8_e8m0fnu = DType::Float8_e8m0fnu, kComplex32 = DType::Complex32,
                       kBComplex32 = DType::BComplex32, kFloat4_e2m1fn_x2 = DType::Float4_e2m1fn_x2,
                       kUInt1 = DType::UInt1, kUInt2 = DType::UInt2, kUInt3 = DType::UInt3,
                       kUInt4 = DType::UInt4, kUInt5 = DType::UInt5, kUInt6 = DType::UInt6,
                       kUInt7 = DType::UInt7, kInt1 = DType::Int1, kInt2 = DType::Int2, kInt3 = DType::Int3,
                       kInt4 = DType::Int4, kInt5 = DType::Int5, kInt6 = DType::Int6, kInt7 = DType::Int7,
                       kBits1x8 = DType::Bits1x8, kBits2x4 = DType::Bits2x4, kBits4x2 = DType::Bits4x2,
                       kBits8 = DType::Bits8, kBits16 = DType::Bits16, kQInt8 = DType::QInt8,
                       kQUInt8 = DType::QUInt8, kQInt32 = DType::QInt32, kQUInt4x2 = DType::QUInt4x2,
                       kQUInt2x4 = DType::QUInt2x4;
inline constexpr DType kByte = kUInt8, kChar = kInt8, kShort = kInt16, kInt = kInt32, kLong = kInt64,
                       kHalf = kFloat16, kFloat = kFloat32, kDouble = kFloat64, kComplexHalf = kComplex32,
                       kComplexFloat = kComplex64, kComplexDouble = kComplex128;

/// Bytes of one element.
constexpr size_t element_size(DType t) {
  constexpr uint8_t kSizes[kNumDTypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8, 1,
                                          1, 1, 1, 1, 4, 4, 1, 1, 1, 1, 1, 1,  1, 1, 1, 1,
                                          1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1,  4, 1, 1};
  return kSizes[static_cast<int>(t)];
}

namespace detail {
constexpr bool is_between(DType t, DType first, DType last) { return t >= first && t <= last; }
}  // namespace detail

constexpr bool is_complex(DType t) {
  return detail::is_between(t, DType::Complex64, DType::Complex128) ||
         detail::is_between(t, DType::Complex32, DType::BComplex32);
}
/// Elements that can be kept, moved and seen as another type of the same size, and nothing else: types of
/// less than a byte, bits, and what quantized tensors hold.
constexpr bool is_opaque(DType t) { return t >= DType::Float4_e2m1fn_x2; }
/// qint8, quint8, qint32, quint4x2, quint2x4.
constexpr bool is_quantized(DType t) { return t >= DType::QInt8; }
/// bits1x8 ... bits16: PyTorch does not say what they mean.
constexpr bool is_bits(DType t) { return detail::is_between(t, DType::Bits1x8, DType::Bits16); }
constexpr bool is_float8(DType t) {
  return detail::is_between(t, DType::Float8_e4m3fn, DType::Float8_e8m0fnu);
}
constexpr bool is_floating_point(DType t) {
  return detail::is_between(t, DType::Float16, DType::Float64) || is_float8(t) || t == kFloat4_e2m1fn_x2;
}
/// uint16, uint32, uint64: integers that promote with nothing but themselves and floats.
constexpr bool is_wide_unsigned(DType t) { return detail::is_between(t, DType::UInt16, DType::UInt64); }
/// Integers and bool.
constexpr bool is_integral(DType t, bool include_bool) {
  return (t <= DType::Int64 && (include_bool || t != DType::Bool)) || is_wide_unsigned(t);
}
constexpr bool is_differentiable(DType t) {
  return detail::is_between(t, DType::Float16, kFloat4_e2m1fn_x2) && !is_wide_unsigned(t);
}
constexpr bool is_reduced_float(DType t) { return t == kFloat16 || t == kBFloat16; }
constexpr bool is_signed(DType t) {
  return t != kBool && t != kUInt8 && !is_wide_unsigned(t) && t != kFloat8_e8m0fnu &&
         !detail::is_between(t, DType::UInt1, DType::UInt7);
}
/// Types that kernels do not know. Their elements are moved as bytes, and converted to wide_type() wherever
/// something is computed.
constexpr bool is_stored_only(DType t) { return t > DType::Complex128; }
/// The type in which is_stored_only() types are computed (uint64: the same bits); others, and opaque ones,
/// unchanged.
constexpr DType wide_type(DType t) {
  return !is_stored_only(t) || is_opaque(t) ? t
         : is_wide_unsigned(t)              ? kInt64
         : is_float8(t)                     ? kFloat32
                                            : kComplex64;
}
/// The type of the parts of a complex type: Complex64 -> Float32; others unchanged.
constexpr DType real_type(DType t) {
  return t == kComplex64    ? kFloat32
         : t == kComplex128 ? kFloat64
         : t == kComplex32  ? kFloat16
         : t == kBComplex32 ? kBFloat16
                            : t;
}
/// The complex type with parts of this type (Complex64 for what has none); complex unchanged.
constexpr DType complex_type(DType t) {
  return is_complex(t)    ? t
         : t == kFloat64  ? kComplex128
         : t == kFloat16  ? kComplex32
         : t == kBFloat16 ? kBComplex32
                          : kComplex64;
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
