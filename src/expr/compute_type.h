// The element types in which pointwise arithmetic is done. Storage types (16-bit floats, small integers,
// bool) are converted to one of these by the loop planner before a kernel sees them.
#pragma once
#include <cstdint>

namespace rustorch {

/// Arithmetic type of a pointwise kernel. The order is the index into KernelInfo::fn.
enum class ComputeType : uint8_t { f32, f64, i32, i64, c64, c128 };
inline constexpr int kNumComputeTypes = 6;

inline constexpr const char* compute_type_name(ComputeType t) {
  constexpr const char* kNames[] = {"f32", "f64", "i32", "i64", "c64", "c128"};
  return kNames[static_cast<int>(t)];
}
inline constexpr bool is_integer(ComputeType t) { return t == ComputeType::i32 || t == ComputeType::i64; }
inline constexpr bool is_complex(ComputeType t) { return t == ComputeType::c64 || t == ComputeType::c128; }
inline constexpr bool is_real(ComputeType t) { return t == ComputeType::f32 || t == ComputeType::f64; }
/// f32 for c64, f64 for c128, else the type itself.
inline constexpr ComputeType real_part_type(ComputeType t) {
  return t == ComputeType::c64 ? ComputeType::f32 : t == ComputeType::c128 ? ComputeType::f64 : t;
}
/// Whether the arithmetic has single precision (f32, c64).
inline constexpr bool is_single(ComputeType t) { return t == ComputeType::f32 || t == ComputeType::c64; }

}  // namespace rustorch
