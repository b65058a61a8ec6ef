// How a reduction walks its input: shared by the kernels of sums, extremes, arg-reductions and moments.
//
// Results are made by one item each, or, where a row is long, by a group of 64 items that fold in a fixed
// order; few results of many elements by several items or groups each. All that depends on shapes alone.
#pragma once
#include <cstdint>
#include <functional>

#include "backend/families.h"
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "iter/reduce_plan.h"

namespace rustorch::kernels {

/// Mirrors the struct in kLayoutText. Dimensions innermost first. With slices > 1 every result is made by
/// that many items or groups, whose states go to memory (stage 1) and are joined by a second launch (stage
/// 2).
struct Layout {
  static constexpr int kDims = 8;
  int64_t outputs, count, lanes, slices, stage, total, narrow, nkeep, nred, in_at, out_at, values_at;
  int64_t keep_size[kDims], keep_in[kDims], keep_out[kDims], keep_values[kDims];
  int64_t red_size[kDims], red_in[kDims];
};
/// `Layout`, `long rt_reduced(const Layout*, long i)`: the offset of reduced element i, and WHO(o, slice,
/// lane): declares whose work an item does.
extern const char* const kLayoutText;

/// False when there are too many dimensions.
bool make_layout(const ReducePlan& plan, Layout* l);
/// The layout of a call, whose dtypes the device must have; false when the device or the shape needs another
/// way.
bool make_layout(GpuDevice& device, const ReduceCall& call, Layout* l);
/// Runs a reduction. begin(launch) adds the arguments up to the buffer of states, the last but one of the
/// kernel's; the layout is the last. state_bytes: at least the size of a state.
void run_reduction(GpuDevice& device, const KernelPtr& kernel, const Tensor& beside, const Layout& layout,
                   size_t state_bytes, const std::function<void(Launch&)>& begin);

/// The type in which sums for a result of this dtype are made.
ComputeType sum_type(DType out);

/// Var, Std and LogSumExp.
bool reduce_moments(const ReduceCall& call);

}  // namespace rustorch::kernels
