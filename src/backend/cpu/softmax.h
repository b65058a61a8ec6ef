// Row and column kernels of softmax and cross entropy, resolved to the CPU's instruction set at run time.
//
// "Rows" are contiguous; "columns" are n elements `stride` apart, `width` of them side by side in memory.
// Single-threaded building blocks; NaN and infinity propagate as in PyTorch. Pointers need no alignment.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

/// What a kernel computes; backward kinds take the forward's output in x and its gradient in g.
template <class T>
struct SoftmaxKernels {
  /// Also returns log(sum(exp(x))).
  T (*softmax_row)(const T* x, T* y, int64_t n);
  void (*log_softmax_row)(const T* x, T* y, int64_t n);
  void (*softmax_backward_row)(const T* x, const T* g, T* y, int64_t n);
  void (*log_softmax_backward_row)(const T* x, const T* g, T* y, int64_t n);
  /// scratch holds 2 * width elements.
  void (*columns)(int kind, const T* x, const T* g, T* y, int64_t n, int64_t stride, int64_t width,
                  T* scratch);
  /// The largest element and log(sum(exp(x - max))).
  void (*lse_row)(const T* x, int64_t n, T* max, T* log_total);
  /// The same for every column j.
  void (*lse_columns)(const T* x, T* max, T* log_total, int64_t n, int64_t stride, int64_t width);
  /// y[i] = a * exp(x[i] - max - log_total) - (b ? s * b[i] : s).
  void (*ce_grad_row)(const T* x, T* y, int64_t n, T max, T log_total, T a, T s, const T* b);
  /// y[j] = a[j] * exp(x[j] - max[j] - log_total[j]) - s[j] * b: one class of a block of positions.
  void (*ce_grad_across)(const T* x, T* y, int64_t width, const T* max, const T* log_total, const T* a,
                         const T* s, T b);
  /// Sum of the elements.
  T (*sum_row)(const T* x, int64_t n);
  /// Sum of x[i] * w[i].
  T (*dot_row)(const T* x, const T* w, int64_t n);
};

const SoftmaxKernels<float>& softmax_kernels(float);
const SoftmaxKernels<double>& softmax_kernels(double);

}  // namespace rustorch::cpu
