// The conv family on the CPU.
#include "backend/cpu/convolution_plain.h"
#include "backend/cpu/nn_kernels.h"

namespace rustorch::cpu {

void convolution(const ConvCall& call) { plain_convolution(call); }

}  // namespace rustorch::cpu
