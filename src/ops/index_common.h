// Helpers shared by advanced indexing, index_select and their relatives.
#pragma once
#include <optional>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch {

/// The indices of index() made uniform: int64 tensors for consecutive dimensions of `data`, all of one shape.
struct IndexPlan {
  Tensor data;                  // self, its dimensions moved when the indexed ones were not neighbours
  std::vector<Tensor> indices;  // broadcast to index_shape
  std::vector<int64_t> index_shape;
  std::vector<int64_t> dims;  // what the indexed dimensions are called in self
  int64_t first_dim = 0;
  std::vector<int64_t> result_shape;
};

/// Expands masks, checks dtypes and shapes, broadcasts. Throws Index with PyTorch's wording.
IndexPlan plan_index(const Tensor& self, ArrayRef<std::optional<Tensor>> indices);

/// An index argument (0-d or 1-d, int32 or int64) as a 1-d int64 tensor.
Tensor index_vector(const char* op, const Tensor& index);

}  // namespace rustorch
