// Whether tensors share places in memory: what writing operators ask before they write.
#pragma once
#include "rustorch/array_ref.h"
#include "rustorch/tensor.h"

namespace rustorch {

enum class Overlap { No, Partial, Full, Unknown };

/// How the elements of a and b lie to each other. Unknown when one of them has gaps.
Overlap memory_overlap(const Tensor& a, const Tensor& b);

/// True when two indices name one element. Exact for at most 65,536 elements; beyond, overlaps that take
/// three dimensions together are not seen.
bool overlaps_itself(IntArrayRef sizes, IntArrayRef strides);

/// Refuses a partial overlap of what is written and what is read.
void check_no_partial_overlap(const char* op, const Tensor& out, const Tensor& input);

}  // namespace rustorch
