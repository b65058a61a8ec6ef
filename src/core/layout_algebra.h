// Layout algebra: pure functions on (sizes, strides), the arithmetic behind every view.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "rustorch/array_ref.h"
#include "rustorch/layout.h"

namespace rustorch {

using DimVector = std::vector<int64_t>;

/// Product of the sizes; throws Value naming op when one is negative or the product overflows.
int64_t checked_numel(const char* op, IntArrayRef sizes);
/// numel * element size, throwing on overflow.
size_t checked_nbytes(const char* op, IntArrayRef sizes, size_t element_size);
int64_t numel_of(IntArrayRef sizes);

DimVector contiguous_strides(IntArrayRef sizes);
/// NHWC (or NDHWC) strides for sizes given in NCHW order.
DimVector channels_last_strides(IntArrayRef sizes);
bool is_channels_last(IntArrayRef sizes, IntArrayRef strides, MemoryFormat format);
bool is_non_overlapping_and_dense(IntArrayRef sizes, IntArrayRef strides);
/// True when two different indices may name one element.
bool may_overlap(IntArrayRef sizes, IntArrayRef strides);
/// Dense strides for sizes in the same dimension order as the given strides (what elementwise results get).
DimVector dense_strides_like(IntArrayRef sizes, IntArrayRef strides);

/// The strides of a view with new sizes, or nothing when the elements do not lie that way.
std::optional<DimVector> view_strides(IntArrayRef sizes, IntArrayRef strides, IntArrayRef new_sizes);
/// Replaces one -1 in shape so that the product is numel; throws as PyTorch does.
DimVector infer_size(const char* op, IntArrayRef shape, int64_t numel);

/// PyTorch's rule for negative dims: d in [-ndim, ndim) -> [0, ndim); ndim 0 counts as 1. Throws Index.
int64_t wrap_dim(const char* op, int64_t dim, int64_t ndim);
/// Broadcasts two shapes; throws Shape with PyTorch's wording.
DimVector broadcast_shapes(const char* op, IntArrayRef a, IntArrayRef b);
/// True when a broadcasts to b without changing b.
bool is_expandable_to(IntArrayRef a, IntArrayRef b);
/// The elements reachable from offset: [first, last] relative to it, in elements; numel must not be 0.
void extent(IntArrayRef sizes, IntArrayRef strides, int64_t* first, int64_t* last);

}  // namespace rustorch
