// The pointwise family on the CPU: chunk kernels driven over any strides, dtypes and broadcasts.
#pragma once
#include "backend/families.h"

namespace rustorch::cpu {

void run_pointwise(const PointwiseCall& call);

}  // namespace rustorch::cpu
