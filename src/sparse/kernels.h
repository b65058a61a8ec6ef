// CPU kernels of sparse products. They check every index: whoever has a sparse tensor can write to its
// indices.
//
// Each row is computed by one thread in a fixed order, so that results do not depend on the number of
// threads.
#pragma once
#include <cstdint>

#include "rustorch/tensor.h"

namespace rustorch::sparse_detail {

/// out[r, :] = sum of values[p] * dense[cols[p], :] over starts[r] <= p < starts[r + 1]. All contiguous on
/// the CPU, starts and cols int64, the others of one dtype: float, double, complex or int64. Throws Index.
void rows_times_dense(const Tensor& starts, const Tensor& cols, const Tensor& values, const Tensor& dense,
                      const Tensor& out);

/// out[p] = left[rows[p], :] . right[cols[p], :] (without conjugation), under the same conditions.
void pair_dots(const Tensor& left, const Tensor& right, const Tensor& rows, const Tensor& cols,
               const Tensor& out);

/// A matrix by rows: where they begin, columns in order, values.
struct RowMatrix {
  Tensor starts, cols, values;
};
/// The product of two matrices by rows, of which the columns of a need not be in order; b has the given
/// numbers of rows and columns. Terms of one element are added in the order of the columns of a.
RowMatrix rows_times_rows(const RowMatrix& a, const RowMatrix& b, int64_t inner, int64_t cols);

/// The dtype in which the kernels compute for tensors of this one.
DType kernel_dtype(DType t);

}  // namespace rustorch::sparse_detail
