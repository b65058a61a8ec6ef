// The families that GPU backends run themselves. A function returns false, with nothing done, for the
// cases that it leaves to the CPU.
#pragma once
#include "backend/families.h"
#include "backend/families_data.h"

namespace rustorch::kernels {

#define RT_FAMILY(name, Call) bool name(const Call& call);
#define RT_FAMILY_OTHER(name)
#define RT_OPERATOR_LEFT(name)
#include "backend/kernels/families.def"
#undef RT_OPERATOR_LEFT
#undef RT_FAMILY
#undef RT_FAMILY_OTHER

/// Copies within a device, between two of them, and from and to the CPU.
bool copy(const Tensor& dst, const Tensor& src);
bool fill(const Tensor& dst, const Scalar& value);
bool flip(const Tensor& out, const Tensor& in, uint64_t dim_mask);
bool count_true(const Tensor& mask, int64_t* count);
bool nonzero(const Tensor& out, const Tensor& mask);

}  // namespace rustorch::kernels
