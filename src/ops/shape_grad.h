// Gradients of the operators that join and reorder, called by generated code.
#pragma once
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch {

/// One gradient per tensor, in its dtype.
std::vector<Tensor> cat_backward(const Tensor& g, const std::vector<std::vector<int64_t>>& shapes,
                                 int64_t dim);
Tensor roll_backward(const Tensor& g, IntArrayRef shifts, IntArrayRef dims);

}  // namespace rustorch
