// How a reduction walks its input: shared by the kernels of sums, extremes, arg-reductions and moments.
//
// Results are made by one item each, or, where a row is long, by a group of 64 items that fold in a fixed
// order.
#pragma once
#include <cstdint>

#include "backend/families.h"
#include "backend/opencl/cl_device.h"
#include "backend/opencl/kernel_text.h"
#include "iter/reduce_plan.h"

namespace rustorch::opencl {

/// Mirrors the struct in kLayoutText. Dimensions innermost first.
struct Layout {
  static constexpr int kDims = 8;
  int64_t outputs, count, lanes, nkeep, nred, in_at, out_at, values_at;
  int64_t keep_size[kDims], keep_in[kDims], keep_out[kDims], keep_values[kDims];
  int64_t red_size[kDims], red_in[kDims];
};
/// `Layout` and `long rt_reduced(const Layout*, long i)`: the offset of reduced element i.
extern const char* const kLayoutText;

/// False when there are too many dimensions.
bool make_layout(const ReducePlan& plan, Layout* l);
/// Adds the layout as the last argument and runs.
void launch_reduction(Launch& launch, const Layout& l);

/// The type in which sums for a result of this dtype are made.
ComputeType sum_type(DType out);

/// Var, Std and LogSumExp.
bool reduce_moments(const ReduceCall& call);

}  // namespace rustorch::opencl
