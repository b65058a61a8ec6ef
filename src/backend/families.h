// The calls of the operator families: plain structs that meta functions fill and backends execute.
#pragma once
#include <cstdint>

#include "backend/families_nn.h"
#include "expr/compute_type.h"
#include "rustorch/scalar.h"
#include "rustorch/tensor.h"

namespace rustorch {

enum class KernelId : uint16_t;

/// A tensor or a number.
using Operand = TensorLike;

/// outs[k] = formula_k(ins..., params...), elementwise with broadcasting of ins to the shape of the outputs.
struct PointwiseCall {
  KernelId kernel;
  ComputeType type;
  const Tensor* outs;
  int nout;
  const Operand* ins;
  int nin;
  const Scalar* params;
  int nparams;
};

enum class ReduceKind : uint8_t {
  Sum,
  Prod,
  Max,
  Min,
  Any,
  All,
  Mean,
  Var,
  Std,
  Norm,
  LogSumExp,
  NanSum,
  CountNonzero
};

/// out = reduction of in over the dims set in mask (bit d = dimension d of in). out has the kept dims only,
/// contiguous or not; for keepdim the caller views it without the ones. in.numel() may be 0.
struct ReduceCall {
  ReduceKind kind;
  Tensor out;
  Tensor in;
  uint64_t dim_mask;
  double param = 0;  // Var/Std: correction; Norm: the order p
  Tensor out2 = {};  // Var/Std: also the mean when defined
};

enum class ArgReduceKind : uint8_t { ArgMax, ArgMin };

/// Index (int64) of the extreme along dim (-1: over the flattened input) and, when defined, its value.
struct ArgReduceCall {
  ArgReduceKind kind;
  Tensor values;  // may be undefined
  Tensor indices;
  Tensor in;
  int64_t dim;
};

}  // namespace rustorch
