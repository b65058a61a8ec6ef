// CPU kernels that select and place by index or mask: see families_data.h for the calls.
#pragma once
#include "backend/families_data.h"

namespace rustorch::cpu {

void index(const IndexCall& call);
void gather(const GatherCall& call);
void scatter(const ScatterCall& call);

/// How many elements of a bool tensor are true.
int64_t count_true(const Tensor& mask);
void masked_select(const MaskedSelectCall& call);
void masked_scatter(const MaskedScatterCall& call);
/// out[k] = the index of the k-th true element; out is contiguous [count_true(mask), mask.dim()].
void nonzero(const Tensor& out, const Tensor& mask);

}  // namespace rustorch::cpu
