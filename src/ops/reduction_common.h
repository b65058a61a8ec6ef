// What the bodies of the reduction families share: dimension lists, result shapes, the call of the backend.
#pragma once
#include <cstdint>
#include <optional>

#include "backend/families.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// Bit d set for every dimension in dim; no list means all dimensions, and so does an empty one when
/// empty_is_all. Throws for dimensions out of range or given twice.
uint64_t reduced_dims(const char* op, std::optional<IntArrayRef> dim, int64_t ndim, bool empty_is_all = true);
/// Bit of one dimension; 0-d tensors have a dimension 0 that is no bit.
uint64_t reduced_dim(const char* op, int64_t dim, int64_t ndim);
/// Uninitialised result of reducing the dimensions in mask.
Tensor make_reduced(const Tensor& self, uint64_t mask, bool keepdim, DType dtype);
/// Runs one reduction.
Tensor reduce_with(ReduceKind kind, const Tensor& self, uint64_t mask, bool keepdim, DType dtype,
                   double param = 0);
/// Throws PyTorch's error when the reduction has no identity and nothing to reduce.
void check_not_empty(const char* op, const Tensor& self, uint64_t mask, bool dims_given);

}  // namespace rustorch
