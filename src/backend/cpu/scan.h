// The scan family on the CPU: running sums, products, extremes and log-sum-exps.
#pragma once
#include <cstdint>
#include <type_traits>

#include "backend/families.h"

namespace rustorch::cpu {

/// Executes one scan; any thread may call.
void scan(const ScanCall& call);

/// Running sums and products for one instruction set.
template <class T>
struct ScanKernels {
  using Acc = std::conditional_t<std::is_floating_point_v<T>, double, T>;
  /// Down the columns of a block; acc[c] holds what came before and is updated.
  using Columns = void (*)(const T* in, T* out, int64_t nrows, int64_t row_stride, int64_t ncols, Acc* acc);
  /// Along n elements, after what acc holds.
  using Row = void (*)(const T* in, T* out, int64_t n, Acc acc);
  Columns sum_columns, prod_columns;
  Row sum_row, prod_row;
};
/// T: float, double, int64_t.
template <class T>
const ScanKernels<T>& scan_kernels();

}  // namespace rustorch::cpu
