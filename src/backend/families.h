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
  CountNonzero,
  Xor
};

/// out = reduction of in over the dims set in mask (bit d = dimension d of in). out has the kept dims only,
/// or all dims of in with ones for the reduced; contiguous or not. in.numel() may be 0. Sum, Prod, Mean: the
/// dtype of out says what elements are converted to first. Xor: out is int64; integers are widened to it, of
/// floats it takes the bits of their double.
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

enum class ScanKind : uint8_t { CumSum, CumProd, CumMax, CumMin, LogCumSumExp };

/// out[..., i, ...] = running combination of in[..., 0..i, ...] along dim. in and out: same dtype, shape,
/// contiguous. indices (CumMax, CumMin): int64, contiguous, the place of the running extreme (the last of
/// equal ones). dtypes: sums and products float32/64, int64, complex; extremes float32/64, int32/64;
/// LogCumSumExp floats, complex.
struct ScanCall {
  ScanKind kind;
  Tensor out;
  Tensor indices;  // undefined unless CumMax, CumMin
  Tensor in;
  int64_t dim;
};

/// Kth: the k-th smallest (1-based). Median: the lower median, nan when the row has one; NanMedian: of the
/// others.
enum class OrderKind : uint8_t { Sort, TopK, Kth, Median, NanMedian, Mode };

/// Ordering of the rows (last dimension) of in; all tensors are contiguous, indices are int64. nan counts as
/// the largest value. Sort and TopK give rows of length n or k, the others one value per row. Equal elements
/// come in the order of their indices.
struct OrderCall {
  OrderKind kind;
  Tensor values;
  Tensor indices;
  Tensor in;
  int64_t k = 0;
  bool descending = false;  // Sort: largest first; TopK: the largest
};

/// out (int64 or int32, contiguous) = number of elements of the matching row of sorted that are < value
/// (right: <=). sorted is 1-d, or has values' sizes but for the last dimension; sorted and values: one dtype,
/// contiguous.
struct SearchCall {
  Tensor out;
  Tensor sorted;
  Tensor values;
  bool right;
};

}  // namespace rustorch
