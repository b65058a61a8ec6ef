// Convolution by its definition, for the types the packed kernels do not cover (integers and complex
// numbers).
#pragma once
#include "backend/families_nn.h"

namespace rustorch::cpu {

/// Executes any convolution call of any dtype but bool; sums of 16-bit floats are kept in float. Activations
/// are not supported.
void plain_convolution(const ConvCall& call);

}  // namespace rustorch::cpu
