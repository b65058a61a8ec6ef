// The scan family on the CPU: running sums, products, extremes and log-sum-exps.
#pragma once
#include "backend/families.h"

namespace rustorch::cpu {

/// Executes one scan; any thread may call.
void scan(const ScanCall& call);

/// Scans down the columns of a block, for one instruction set. acc[c] holds what came before and is updated.
template <class T>
struct ColumnScan {
  using Acc = std::conditional_t<std::is_floating_point_v<T>, double, T>;
  using Fn = void (*)(const T* in, T* out, int64_t nrows, int64_t row_stride, int64_t ncols, Acc* acc);
  Fn sum, prod;
};
/// T: float, double, int64_t.
template <class T>
const ColumnScan<T>& column_scan();

}  // namespace rustorch::cpu
