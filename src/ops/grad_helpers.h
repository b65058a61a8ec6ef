// Everything that gradient formulas of ops/*.ops may call besides the public operators. Each family lists its header.
#pragma once
#include "core/layout_algebra.h"
#include "rustorch/ops.h"

namespace rustorch {

/// Sums a broadcast gradient back to the given shape.
Tensor sum_to_size(const Tensor& t, IntArrayRef sizes);

}  // namespace rustorch
