// The ordering family on the CPU: sort, top-k, k-th smallest, median, mode.
#pragma once
#include "backend/families.h"

namespace rustorch::cpu {

/// Executes one ordering of the rows of a contiguous tensor; any thread may call.
void order(const OrderCall& call);

}  // namespace rustorch::cpu
