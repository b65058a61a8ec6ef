#include "iter/loop_plan.h"

#include <utility>

namespace rustorch {

LoopPlan::LoopPlan(IntArrayRef shape) : ndim(static_cast<int>(shape.size())), numel(1) {
  for (int d = 0; d < ndim; ++d) {
    sizes[d] = shape[ndim - 1 - d];
    numel *= sizes[d];
  }
}

void LoopPlan::add(IntArrayRef operand_sizes, IntArrayRef operand_strides) {
  auto& s = strides[noperands++];
  int n = static_cast<int>(operand_sizes.size());
  for (int d = 0; d < ndim; ++d) {
    int from = n - 1 - d;
    s[d] = from >= 0 && operand_sizes[from] != 1 ? operand_strides[from] : 0;
  }
}

void LoopPlan::add_scalar() {
  auto& s = strides[noperands++];
  for (int d = 0; d < ndim; ++d) s[d] = 0;
}

bool LoopPlan::can_merge(int inner, int outer) const {
  if (sizes[inner] == 1 || sizes[outer] == 1) return true;
  for (int k = 0; k < noperands; ++k)
    if (strides[k][outer] != strides[k][inner] * sizes[inner]) return false;
  return true;
}

void LoopPlan::finish() {
  // Insertion sort: a dimension goes inside of another when the first operand that can tell has smaller
  // strides.
  auto goes_inside = [&](int a, int b) {
    for (int k = 0; k < noperands; ++k) {
      int64_t x = strides[k][a], y = strides[k][b];
      if (x == 0 || y == 0 || x == y) continue;
      return (x < 0 ? -x : x) < (y < 0 ? -y : y);
    }
    return false;
  };
  auto swap_dims = [&](int a, int b) {
    std::swap(sizes[a], sizes[b]);
    for (int k = 0; k < noperands; ++k) std::swap(strides[k][a], strides[k][b]);
  };
  for (int i = 1; i < ndim; ++i)
    for (int j = i; j > 0 && goes_inside(j, j - 1); --j) swap_dims(j, j - 1);
  int last = 0;
  for (int d = 1; d < ndim; ++d) {
    if (can_merge(last, d)) {
      if (sizes[last] == 1)
        for (int k = 0; k < noperands; ++k) strides[k][last] = strides[k][d];
      sizes[last] *= sizes[d];
    } else {
      ++last;
      sizes[last] = sizes[d];
      for (int k = 0; k < noperands; ++k) strides[k][last] = strides[k][d];
    }
  }
  ndim = ndim == 0 ? 0 : last + 1;
}

}  // namespace rustorch
