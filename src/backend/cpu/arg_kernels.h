// Vector kernels of argmax and argmin over contiguous blocks: the first place of the extreme; nan beats
// everything.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

template <class T>
struct ArgKernel {
  /// best[r], index[r] = extreme of x[r * row_stride ... + n) and the first place it is at. n >= 1.
  void (*rows)(const T* x, int64_t nrows, int64_t row_stride, int64_t n, T* best, int64_t* index);
  /// Takes nrows rows, numbered from row0 (at most 2^31), into best and index; first: these hold nothing yet.
  /// index has elements as wide as T.
  void (*cols)(const T* x, int64_t nrows, int64_t row_stride, int64_t ncols, T* best, void* index,
               int64_t row0, bool first);
};

/// T: float, double, int32_t, int64_t.
template <class T>
const ArgKernel<T>& arg_kernel(bool max);

}  // namespace rustorch::cpu
