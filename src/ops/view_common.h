// Helpers shared by the view operators, indexing and their gradients.
#pragma once
#include <cstdint>
#include <optional>

#include "rustorch/tensor.h"

namespace rustorch {

/// An alias of the storage of self with another dtype as well; offset counts elements of that dtype.
Tensor alias_as(const Tensor& self, DType dtype, IntArrayRef sizes, IntArrayRef strides, int64_t offset);

struct SliceRange {
  int64_t start, step, length;
};
/// Python's slice rules for a dimension of the given size; throws Value unless step is positive.
SliceRange normalize_slice(std::optional<int64_t> start, std::optional<int64_t> end, int64_t step,
                           int64_t size);

}  // namespace rustorch
