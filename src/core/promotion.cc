#include "core/promotion.h"

#include "rustorch/error.h"

namespace rustorch {

namespace {

constexpr int kTableTypes = 12;  // bool ... complex128

[[noreturn]] void refuse_promotion(const char* what, DType a, DType b) {
  raise(ErrorKind::DType, "",
        cat("Promotion for ", what, " is not supported, attempted to promote ", dtype_scalar_name(a), " and ",
            dtype_scalar_name(b)));
}

/// uint1 ... uint64 but for uint8: they promote with floats only.
bool is_unsigned(DType t) { return is_wide_unsigned(t) || (t >= kUInt1 && t <= kUInt7); }

/// The types that have no row in the table.
DType promote_stored_only(DType a, DType b) {
  if (a == b) return a;
  RT_CHECK(!is_quantized(a) && !is_quantized(b), DType, "",
           "promoteTypes with quantized numbers is not handled yet; figure out what the correct rules should "
           "be, offending types: ",
           dtype_scalar_name(a), " ", dtype_scalar_name(b));
  RT_CHECK(!is_bits(a) && !is_bits(b), DType, "", "Promotion from ", dtype_scalar_name(a), " and ",
           dtype_scalar_name(b), " is unsupported.");
  if (is_float8(a) || is_float8(b)) refuse_promotion("Float8 Types", a, b);
  if (is_unsigned(a) || is_unsigned(b)) {
    if (is_floating_point(a)) return a;
    if (is_floating_point(b)) return b;
    refuse_promotion("uint16, uint32, uint64 types", a, b);
  }
  if (is_opaque(a) || is_opaque(b)) refuse_promotion("types of less than a byte", a, b);
  // complex32 holds integers and float16, bcomplex32 integers and bfloat16
  const DType half = is_stored_only(a) ? a : b, other = half == a ? b : a;
  if (is_stored_only(other)) return kComplex64;  // one of each
  return is_integral(other, true) || other == real_type(half) ? half : promote_types(kComplex64, other);
}

}  // namespace

DType promote_types(DType a, DType b) {
  if (is_stored_only(a) || is_stored_only(b)) [[unlikely]]
    return promote_stored_only(a, b);
  // Rows and columns: b u8 i8 i16 i32 i64 f16 bf16 f32 f64 c64 c128 (torch.promote_types).
  constexpr DType b1 = kBool, u1 = kUInt8, i1 = kInt8, i2 = kInt16, i4 = kInt32, i8 = kInt64, f2 = kFloat16,
                  bf = kBFloat16, f4 = kFloat32, f8 = kFloat64, c4 = kComplex64, c8 = kComplex128;
  static constexpr DType kTable[kTableTypes][kTableTypes] = {
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
    if (is_floating_point(higher)) {
      if (!is_complex(lower)) return higher;
      RT_CHECK(!is_float8(higher) && higher != kFloat4_e2m1fn_x2, DType, "",
               "Unknown Complex ScalarType for ", dtype_scalar_name(higher));
      return complex_type(higher);
    }
    if (is_wide_unsigned(higher) && is_complex(lower)) return lower;
    if (higher == kBool || is_floating_point(lower) || is_complex(lower)) return promote_types(higher, lower);
    return higher;
  };
  return combine(dims_, combine(zero_, wrapped_));
}

}  // namespace rustorch
