// Gradients of the index, mask and scatter operators, called by generated code. Compositions of public
// operators, so they can be differentiated again.
#pragma once
#include <optional>
#include <string_view>
#include <tuple>

#include "rustorch/tensor.h"

namespace rustorch {

Tensor index_backward(const Tensor& g, IntArrayRef sizes, ArrayRef<std::optional<Tensor>> indices);
Tensor index_put_self_backward(const Tensor& g, ArrayRef<std::optional<Tensor>> indices, bool accumulate);
Tensor index_put_values_backward(const Tensor& g, ArrayRef<std::optional<Tensor>> indices, IntArrayRef sizes);
Tensor index_select_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, const Tensor& index);
Tensor index_add_source_backward(const Tensor& g, int64_t dim, const Tensor& index, const Scalar& alpha,
                                 IntArrayRef sizes);
/// index as a vector (0-d becomes one element).
Tensor index_list(const Tensor& index);
Tensor masked_select_backward(const Tensor& g, IntArrayRef sizes, const Tensor& mask);
Tensor masked_scatter_source_backward(const Tensor& g, const Tensor& mask, IntArrayRef sizes);
Tensor take_backward(const Tensor& g, IntArrayRef sizes, const Tensor& index);
Tensor put_self_backward(const Tensor& g, const Tensor& index, bool accumulate);
/// Dense, or with `sparse` a sparse_coo tensor of what was read.
Tensor gather_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, const Tensor& index, bool sparse);
/// src may be larger than index: what was not read gets zero.
Tensor scatter_src_backward(const Tensor& g, int64_t dim, const Tensor& index, IntArrayRef sizes);
std::tuple<Tensor, Tensor> scatter_reduce_backward(const Tensor& g, const Tensor& self, int64_t dim,
                                                   const Tensor& index, const Tensor& src,
                                                   std::string_view reduce, bool include_self,
                                                   const Tensor& result);

}  // namespace rustorch
