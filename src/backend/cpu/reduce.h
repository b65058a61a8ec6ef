// The reduction family on the CPU.
#pragma once
#include "backend/families.h"

namespace rustorch::cpu {

/// Executes one reduction. Strided inputs and outputs; any thread may call.
void reduce(const ReduceCall& call);
/// Executes argmax or argmin, with values when call.values is defined.
void arg_reduce(const ArgReduceCall& call);

}  // namespace rustorch::cpu
