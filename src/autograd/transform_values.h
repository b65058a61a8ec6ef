// Reading values inside of function transforms, for gradient formulas that take another way for some values.
#pragma once
#include "rustorch/tensor.h"

namespace rustorch {

/// The values of all examples of a vmap, without history: for decisions that may be taken for all of them
/// together.
Tensor transform_all_values(const Tensor& t);

/// Whether what is computed from t may have to be differentiated, in reverse or in forward mode.
bool will_differentiate(const Tensor& t);

}  // namespace rustorch
