// A tensor of two or three dimensions as a (batch of a) matrix with strides.
#pragma once
#include <cstdint>
#include <utility>

#include "core/tensor_impl.h"
#include "rustorch/tensor.h"

namespace rustorch {

struct MatrixView {
  int64_t rows, cols, row_stride, col_stride, batch_stride = 0, batch = 1;

  /// As a product reads it: transposed when `trans`.
  MatrixView(const Tensor& tensor, bool trans) {
    const TensorImpl& t = *tensor.impl();
    const int d = t.dim();
    rows = t.size(d - 2), cols = t.size(d - 1), row_stride = t.stride(d - 2), col_stride = t.stride(d - 1);
    if (d == 3) {
      batch = t.size(0);
      batch_stride = batch == 1 ? 0 : t.stride(0);
    }
    if (trans) {
      std::swap(rows, cols);
      std::swap(row_stride, col_stride);
    }
  }
};

}  // namespace rustorch
