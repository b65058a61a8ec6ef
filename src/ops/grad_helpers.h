// Everything that gradient formulas and `instead` lines of ops/*.ops may call besides the public operators.
// Each family lists its header.
#pragma once
#include "core/layout_algebra.h"
#include "ops/index_grad.h"
#include "ops/linalg_grad.h"
#include "ops/shape_grad.h"
#include "ops/view_grad.h"
#include "ops/conv_grad.h"
#include "ops/loss_grad.h"
#include "ops/matmul_grad.h"
#include "ops/nn_grad.h"
#include "ops/norm_grad.h"
#include "ops/softmax_grad.h"
#include "ops/reduction_grad.h"
#include "ops/rnn_grad.h"
#include "ops/sparse_grad.h"
#include "ops/scan_grad.h"
#include "rustorch/ops.h"

namespace rustorch {

Tensor angle_backward(const Tensor& g, const Tensor& self);
/// Gradients of polar(length, angle), of its result only: both broadcast.
Tensor polar_length_backward(const Tensor& g, const Tensor& result);
Tensor polar_angle_backward(const Tensor& g, const Tensor& result);
/// The gradient of an operator that has none: refuses.
[[noreturn]] Tensor derivative_missing(const char* op, const Tensor& g);
/// resize_ to the size that self has: no element is written, so that the version stays.
const Tensor& resize_same(const Tensor& self, std::optional<MemoryFormat> memory_format);

}  // namespace rustorch
