// Calls of the families that create, move and select data. See families.h for the conventions.
#pragma once
#include <cstdint>
#include <optional>

#include "rustorch/scalar.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// out = mask ? value : in; all of one shape (zero strides allowed on in and mask); out may be in.
struct MaskedFillCall {
  Tensor out, in, mask;
  Scalar value;
};

enum class RangeKind : uint8_t { Step, Linspace, Logspace };

/// The 1-d out = a + i * b (Step), from a to b (Linspace), base to the power of that (Logspace).
struct RangeCall {
  Tensor out;
  Scalar a, b;
  RangeKind kind;
  double base = 10;
};

/// out (contiguous) = the upper or lower triangle of the last two dimensions of in, zero elsewhere.
struct TriangleCall {
  Tensor out, in;
  int64_t diagonal;
  bool upper;
};

}  // namespace rustorch
