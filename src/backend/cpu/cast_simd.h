// Casts compiled for each instruction set and chosen at run time.
#pragma once
#include "backend/cpu/copy.h"

namespace rustorch::cpu {

/// The vectorised conversion of a pair of dtypes, or null when there is none.
CastRun::Step simd_cast_run(DType to, DType from);

}  // namespace rustorch::cpu
