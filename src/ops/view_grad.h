// Gradients of the view and copy operators, called by generated code. All are compositions of public
// operators, so they can be differentiated again.
#pragma once
#include <optional>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch {

Tensor permute_backward(const Tensor& g, IntArrayRef dims);
Tensor select_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, int64_t index);
Tensor slice_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, std::optional<int64_t> start,
                      std::optional<int64_t> end, int64_t step);
Tensor narrow_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, int64_t start);
Tensor diagonal_backward(const Tensor& g, IntArrayRef sizes, int64_t offset, int64_t dim1, int64_t dim2);
Tensor unfold_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, int64_t size, int64_t step);
/// Any layouts, also overlapping ones: gradients of one storage place are added up, and shared equally among
/// the elements of self that lie on it.
Tensor as_strided_backward(const Tensor& g, IntArrayRef self_sizes, IntArrayRef self_strides,
                           int64_t self_offset, IntArrayRef size, IntArrayRef stride,
                           std::optional<int64_t> storage_offset);
/// Gradients of as_strided_scatter: what was overwritten gets none, the source what lies at its places.
Tensor as_strided_scatter_backward(const Tensor& g, IntArrayRef self_sizes, IntArrayRef self_strides,
                                   int64_t self_offset, IntArrayRef size, IntArrayRef stride,
                                   std::optional<int64_t> storage_offset);
Tensor as_strided_scatter_src_backward(const Tensor& g, IntArrayRef self_sizes, IntArrayRef self_strides,
                                       int64_t self_offset, IntArrayRef size, IntArrayRef stride,
                                       std::optional<int64_t> storage_offset, IntArrayRef src_sizes);
Tensor real_view_backward(const Tensor& g, DType dtype);
Tensor imag_view_backward(const Tensor& g, DType dtype);
/// gs[i] is undefined where a piece got no gradient.
Tensor split_backward(const std::vector<Tensor>& gs, IntArrayRef split_sizes, int64_t dim, IntArrayRef sizes);
Tensor split_equal_backward(const std::vector<Tensor>& gs, int64_t split_size, int64_t dim,
                            IntArrayRef sizes);
Tensor unbind_backward(const std::vector<Tensor>& gs, int64_t dim, IntArrayRef sizes);

Tensor to_copy_backward(const Tensor& g, DType dtype, Device device);
Tensor copy_backward(const Tensor& g, IntArrayRef sizes, DType dtype, Device device);
Tensor masked_fill_backward(const Tensor& g, const Tensor& mask, IntArrayRef sizes);
Tensor masked_fill_value_backward(const Tensor& g, const Tensor& mask);
/// The sum of all elements, 0-d.
Tensor sum_to_zero_dim(const Tensor& g);

}  // namespace rustorch
