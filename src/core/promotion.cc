#include "core/promotion.h"

namespace rustorch {

DType promote_types(DType a, DType b) {
  // Rows and columns: b u8 i8 i16 i32 i64 f16 bf16 f32 f64 c64 c128 (torch.promote_types).
  constexpr DType b1 = kBool, u1 = kUInt8, i1 = kInt8, i2 = kInt16, i4 = kInt32, i8 = kInt64, f2 = kFloat16,
                  bf = kBFloat16, f4 = kFloat32, f8 = kFloat64, c4 = kComplex64, c8 = kComplex128;
  static constexpr DType kTable[kNumDTypes][kNumDTypes] = {
      {b1, u1, i1, i2, i4, i8, f2, bf, f4, f8, c4, c8}, {u1, u1, i2, i2, i4, i8, f2, bf, f4, f8, c4, c8},
      {i1, i2, i1, i2, i4, i8, f2, bf, f4, f8, c4, c8}, {i2, i2, i2, i2, i4, i8, f2, bf, f4, f8, c4, c8},
      {i4, i4, i4, i4, i4, i8, f2, bf, f4, f8, c4, c8}, {i8, i8, i8, i8, i8, i8, f2, bf, f4, f8, c4, c8},
      {f2, f2, f2, f2, f2, f2, f2, f4, f4, f8, c4, c8}, {bf, bf, bf, bf, bf, bf, f4, bf, f4, f8, c4, c8},
      {f4, f4, f4, f4, f4, f4, f4, f4, f4, f8, c4, c8}, {f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, c8, c8},
      {c4, c4, c4, c4, c4, c4, c4, c4, c4, c8, c4, c8}, {c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8},
  };
  return kTable[static_cast<int>(a)][static_cast<int>(b)];
}

bool can_cast(DType from, DType to) {
  if (is_complex(from) && !is_complex(to)) return false;
  if (is_floating_point(from) && is_integral(to, true)) return false;
  if (from != kBool && to == kBool) return false;
  return true;
}

void ResultType::add(DType t, bool zero_dim, bool wrapped) {
  DType& slot = wrapped ? wrapped_ : zero_dim ? zero_ : dims_;
  // A wrapped float counts as the default float type, whatever it was stored as.
  if (wrapped && is_complex(t)) t = complex_type(get_default_dtype());
  if (wrapped && is_floating_point(t)) t = get_default_dtype();
  slot = slot == kNone ? t : promote_types(slot, t);
}

DType ResultType::get() const {
  // Combines a category with the next lower one (c10's combine_categories).
  auto combine = [](DType higher, DType lower) {
    if (lower == kNone) return higher;
    if (higher == kNone) return lower;
    if (is_complex(higher)) return higher;
    if (is_floating_point(higher)) return is_complex(lower) ? complex_type(higher) : higher;
    if (higher == kBool || is_floating_point(lower) || is_complex(lower)) return promote_types(higher, lower);
    return higher;
  };
  return combine(dims_, combine(zero_, wrapped_));
}

}  // namespace rustorch
