// CPU kernels that fill, mask and mirror: see families_data.h for the calls.
#pragma once
#include "backend/families_data.h"

namespace rustorch::cpu {

void range(const RangeCall& call);
void masked_fill(const MaskedFillCall& call);
void triangle(const TriangleCall& call);
/// out = in with the dimensions of the mask reversed.
void flip(const Tensor& out, const Tensor& in, uint64_t dim_mask);

}  // namespace rustorch::cpu
