// ReducePlan: how a reduction walks its input: dimensions sorted by stride, merged where they lie in one
// line, and divided into those that stay (keep) and those that go (red).
//
// The plan depends on layout alone, never on the number of threads, so the order of every sum is fixed by the
// shape. Pure data on the stack, no allocation; strides count elements.
#pragma once
#include <cstdint>

#include "rustorch/array_ref.h"

namespace rustorch {

struct ReducePlan {
  static constexpr int kMax = 64;

  int nkeep = 0;
  int nred = 0;
  /// Outermost first. keep_out are the strides of the result.
  int64_t keep_size[kMax], keep_in[kMax], keep_out[kMax];
  int64_t red_size[kMax], red_in[kMax];
  int64_t outputs = 1;  ///< elements of the result
  int64_t reduced = 1;  ///< input elements for each of them
  /// True when the dimension with the smallest stride stays: lanes then hold neighbouring results.
  bool columns = false;

  /// Offsets of result number i (row-major over the kept dimensions) in input and output.
  void locate(int64_t i, int64_t* in, int64_t* out) const;
  /// Offset in the input of element i (row-major) of the first `dims` reduced dimensions.
  int64_t locate_reduced(int64_t i, int dims) const;
};

/// Fills plan for reducing the dimensions set in mask. out_strides belong to the kept dimensions (in order),
/// or to all dimensions of the input when it has as many entries as sizes.
void make_reduce_plan(ReducePlan& plan, IntArrayRef sizes, IntArrayRef strides, IntArrayRef out_strides,
                      uint64_t mask);

}  // namespace rustorch
