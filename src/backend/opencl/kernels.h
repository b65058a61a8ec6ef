// The families that the OpenCL backend runs itself. A function returns false, with nothing done, for the
// cases that it leaves to the CPU.
#pragma once
#include "backend/families.h"
#include "backend/families_data.h"

namespace rustorch::opencl {

bool pointwise(const PointwiseCall& call);
/// Copies within a device, between two of them, and from and to the CPU.
bool copy(const Tensor& dst, const Tensor& src);
bool fill(const Tensor& dst, const Scalar& value);
bool masked_fill(const MaskedFillCall& call);
bool reduce(const ReduceCall& call);
bool arg_reduce(const ArgReduceCall& call);
bool matmul(const MatmulCall& call);
bool softmax(const SoftmaxCall& call);
bool class_loss(const ClassLossCall& call);
bool optimizer_step(const OptimizerCall& call);

}  // namespace rustorch::opencl
