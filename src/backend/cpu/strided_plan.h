// StridedPlan<N>: the loop nest over N operands of one shape, with dimensions dropped, ordered and merged.
//
// Dimensions of size 1 vanish, the others are sorted so that operand 0 is walked as contiguously as possible
// (innermost last), and neighbours that lie evenly in all operands become one. Strides count elements of each
// operand. StridedCursor walks a linear range of the plan in contiguous inner runs, so that a loop can be cut
// anywhere. Lives on the stack of one call; no threads.
#pragma once
#include <cstdint>
#include <cstdlib>

#include "core/tensor_impl.h"
#include "rustorch/array_ref.h"

namespace rustorch::cpu {

template <int N>
struct StridedPlan {
  int ndim = 0;
  int64_t numel = 1;
  int64_t size[TensorImpl::kMaxDims];
  int64_t stride[TensorImpl::kMaxDims][N];

  StridedPlan() {}  // NOLINT: arrays stay uninitialised

  void add_dim(int64_t n, const int64_t (&strides)[N]) {
    numel *= n;
    if (n == 1) return;
    size[ndim] = n;
    for (int k = 0; k < N; ++k) stride[ndim][k] = strides[k];
    ++ndim;
  }

  /// Sorts by the strides of operand 0 (ties: the next operands), largest first.
  void sort() {
    for (int i = 1; i < ndim; ++i)
      for (int d = i; d > 0 && before(d, d - 1); --d) swap_dims(d, d - 1);
  }
  void merge() {
    int last = 0;
    for (int d = 1; d < ndim; ++d) {
      bool even = true;
      for (int k = 0; k < N; ++k) even &= stride[last][k] == stride[d][k] * size[d];
      if (!even) ++last;
      size[last] = even ? size[last] * size[d] : size[d];
      for (int k = 0; k < N; ++k) stride[last][k] = stride[d][k];
    }
    if (ndim > 0) ndim = last + 1;
  }
  int64_t inner_stride(int k) const { return ndim == 0 ? 1 : stride[ndim - 1][k]; }

 private:
  bool before(int a, int b) const {
    for (int k = 0; k < N; ++k) {
      int64_t x = std::llabs(stride[a][k]), y = std::llabs(stride[b][k]);
      if (x != y) return x > y;
    }
    return false;
  }
  void swap_dims(int a, int b) {
    std::swap(size[a], size[b]);
    for (int k = 0; k < N; ++k) std::swap(stride[a][k], stride[b][k]);
  }
};

/// Calls f(offsets, run) for consecutive runs along the innermost dimension of the linear range [begin, end).
template <int N, class F>
void for_runs(const StridedPlan<N>& plan, int64_t begin, int64_t end, F&& f) {
  int64_t offset[N] = {};
  if (plan.ndim <= 1) {
    for (int k = 0; k < N; ++k) offset[k] = plan.ndim == 0 ? 0 : begin * plan.stride[0][k];
    if (end > begin) f(offset, end - begin);
    return;
  }
  int64_t index[TensorImpl::kMaxDims];
  int64_t rest = begin;
  for (int d = plan.ndim - 1; d >= 0; --d) {
    index[d] = rest % plan.size[d];
    rest /= plan.size[d];
    for (int k = 0; k < N; ++k) offset[k] += index[d] * plan.stride[d][k];
  }
  const int inner = plan.ndim - 1;
  while (begin < end) {
    int64_t run = plan.size[inner] - index[inner];
    if (run > end - begin) run = end - begin;
    f(offset, run);
    begin += run;
    if (begin >= end) return;
    for (int k = 0; k < N; ++k) offset[k] -= index[inner] * plan.stride[inner][k];
    index[inner] = 0;
    for (int d = inner - 1; d >= 0; --d) {
      ++index[d];
      for (int k = 0; k < N; ++k) offset[k] += plan.stride[d][k];
      if (index[d] < plan.size[d]) break;
      for (int k = 0; k < N; ++k) offset[k] -= plan.size[d] * plan.stride[d][k];
      index[d] = 0;
    }
  }
}

}  // namespace rustorch::cpu
