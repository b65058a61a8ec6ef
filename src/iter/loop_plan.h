// LoopPlan: how to walk several strided operands together. Broadcast, reorder, coalesce; then every backend
// sees the fewest dimensions that describe the work.
//
// Operand 0 is the output; its strides decide the order of the dimensions, so that writes run through memory.
// Strides are in elements. No heap allocation.
#pragma once
#include <array>
#include <cstdint>

#include "rustorch/array_ref.h"

namespace rustorch {

struct LoopPlan {
  static constexpr int kMaxOperands = 10;
  static constexpr int kMaxDims = 64;

  int ndim = 0;  // after coalescing; dimension 0 is the innermost
  int noperands = 0;
  int64_t numel = 0;
  std::array<int64_t, kMaxDims> sizes;
  std::array<std::array<int64_t, kMaxDims>, kMaxOperands> strides;

  /// Starts a plan over the given shape.
  explicit LoopPlan(IntArrayRef shape);
  /// Adds an operand whose shape broadcasts to the plan's.
  void add(IntArrayRef sizes, IntArrayRef strides);
  /// Adds an operand that is one element.
  void add_scalar();
  /// Sorts the dimensions by the strides of operand 0 (then the others) and merges what can be merged.
  void finish();

  /// True when operand k is one run of consecutive elements.
  bool contiguous(int k) const { return ndim == 0 || (ndim == 1 && (strides[k][0] == 1 || sizes[0] == 1)); }

 private:
  bool can_merge(int inner, int outer) const;
};

/// A position in a plan: walks linear indices while keeping the offset of one operand.
class LoopCursor {
 public:
  LoopCursor(const LoopPlan& plan, int operand, int64_t linear) : plan_(plan), k_(operand) {
    for (int d = 0; d < plan.ndim; ++d) {
      index_[d] = linear % plan.sizes[d];
      linear /= plan.sizes[d];
      offset_ += index_[d] * plan.strides[operand][d];
    }
  }
  int64_t offset() const { return offset_; }
  /// Elements left in the innermost row.
  int64_t row_left() const { return plan_.ndim == 0 ? 1 : plan_.sizes[0] - index_[0]; }
  int64_t row_stride() const { return plan_.ndim == 0 ? 0 : plan_.strides[k_][0]; }
  /// Moves on by n <= row_left() elements.
  void advance(int64_t n) {
    if (plan_.ndim == 0) return;
    index_[0] += n;
    offset_ += n * plan_.strides[k_][0];
    for (int d = 0; d + 1 < plan_.ndim && index_[d] == plan_.sizes[d]; ++d) {
      offset_ += plan_.strides[k_][d + 1] - index_[d] * plan_.strides[k_][d];
      index_[d] = 0;
      ++index_[d + 1];
    }
  }

 private:
  const LoopPlan& plan_;
  int k_;
  int64_t offset_ = 0;
  std::array<int64_t, LoopPlan::kMaxDims> index_;
};

}  // namespace rustorch
