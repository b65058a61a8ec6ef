// Gradient pieces of the products of sparse matrices; the bodies are in src/sparse.
#pragma once
#include "rustorch/tensor.h"

namespace rustorch {

/// Gradient of _sparse_mm() by its sparse argument: g @ dense^H at the places of self, in its layout.
Tensor sparse_mm_mask(const Tensor& g, const Tensor& dense, const Tensor& self);
/// The conjugate transpose of a matrix, dense or sparse.
Tensor sparse_adjoint(const Tensor& t);
/// Gradient of embedding() by weight: dense, or the rows that were looked up.
Tensor embedding_backward(const Tensor& g, const Tensor& indices, int64_t num_weights, int64_t padding_idx,
                          bool scale_grad_by_freq, bool sparse);

}  // namespace rustorch
