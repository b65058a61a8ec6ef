// The ordering family on the CPU: sort, top-k, k-th smallest, median, mode, binary search.
#pragma once
#include "backend/families.h"

namespace rustorch::cpu {

/// Executes one ordering of the rows of a contiguous tensor; any thread may call.
void order(const OrderCall& call);
/// Binary search in sorted rows.
void search(const SearchCall& call);

}  // namespace rustorch::cpu
