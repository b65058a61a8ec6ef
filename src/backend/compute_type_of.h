// Which arithmetic stands for elements of a dtype: the same on every device.
#pragma once
#include "expr/compute_type.h"
#include "rustorch/dtype.h"

namespace rustorch {

/// The type that pointwise kernels compute in for operands of dtype `t`.
constexpr ComputeType compute_type_of(DType t) {
  switch (t) {
    case kFloat16:
    case kBFloat16:
    case kFloat32:
    case kFloat8_e4m3fn:
    case kFloat8_e5m2:
    case kFloat8_e4m3fnuz:
    case kFloat8_e5m2fnuz:
    case kFloat8_e8m0fnu:
      return ComputeType::f32;
    case kFloat64:
      return ComputeType::f64;
    case kInt64:
    case kUInt32:
    case kUInt64:
      return ComputeType::i64;
    case kComplex32:
    case kBComplex32:
    case kComplex64:
      return ComputeType::c64;
    case kComplex128:
      return ComputeType::c128;
    default:
      return ComputeType::i32;
  }
}

}  // namespace rustorch
