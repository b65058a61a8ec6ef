// What numbers a dtype holds: its ends, and PyTorch's rule for which may fill a tensor.
#pragma once
#include "rustorch/dtype.h"
#include "rustorch/scalar.h"

namespace rustorch {

/// The largest finite value of a floating dtype; of a complex one, of its parts.
double largest_finite(DType dtype);

/// False for what an element would not hold: an integer or float beyond the ends of the dtype, nan or
/// infinity in integers, an imaginary part other than zero in real numbers. Fractions are cut and bytes take
/// -255..255 (wider unsigned types likewise), as in PyTorch; bool and 8-bit floats take everything.
bool fits(const Scalar& value, DType dtype);

/// Throws Value "value cannot be converted to type X without overflow" when it does not fit.
void check_fits(const char* op, const Scalar& value, DType dtype);

/// Throws Value for a negative integer that is to be an element of uint64: fills let it wrap around, tensors
/// made of numbers and assignments do not.
void check_not_negative(const char* op, const Scalar& value, DType dtype);

/// What assignments and new_full put into 16-bit floats: a number too large for them becomes infinity. Others
/// are left as they are.
Scalar rounded(const Scalar& value, DType dtype);

}  // namespace rustorch
