// Type promotion: PyTorch's rules, in one place.
//
// Operands come in three categories: tensors with dimensions, 0-d tensors, and wrapped numbers (Python
// scalars). A lower category only changes the result's kind (bool < integer < float < complex), never its
// width.
#pragma once
#include "rustorch/dtype.h"
#include "rustorch/scalar.h"

namespace rustorch {

/// The smallest type both convert to (torch.promote_types).
DType promote_types(DType a, DType b);
/// True when a value of type `from` may be stored in `to` by an in-place or out= operation (torch.can_cast).
bool can_cast(DType from, DType to);

/// Accumulates operands and yields the common type.
class ResultType {
 public:
  void add(DType t, bool zero_dim, bool wrapped);
  void add(const Scalar& s) { add(s.dtype(), true, true); }
  DType get() const;

 private:
  static constexpr DType kNone = static_cast<DType>(255);
  DType dims_ = kNone, zero_ = kNone, wrapped_ = kNone;
};

}  // namespace rustorch
