// Row and column kernels of the normalisations, resolved to the CPU's instruction set at run time.
//
// "Rows" are contiguous runs with one mean; "across" kernels work on rows whose element j belongs to channel
// j. Weights and biases may be null where the comment says "or null". Single-threaded; no alignment needed.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

template <class T>
struct NormKernels {
  /// Sum of x.
  T (*sum)(const T* x, int64_t n);
  /// Sum of (x - mean)^2.
  T (*deviation)(const T* x, int64_t n, T mean);
  /// y = x * a + b.
  void (*affine)(const T* x, T* y, int64_t n, T a, T b);
  /// sums[0] += sum of g, sums[1] += sum of g * (x - mean).
  void (*gradient_sums)(const T* g, const T* x, int64_t n, T mean, T* sums);
  /// y = a * g + b * x + c.
  void (*combine)(const T* g, const T* x, T* y, int64_t n, T a, T b, T c);

  /// y[j] = (x[j] - mean) * rstd * w[j] + b[j]; w or null, b or null.
  void (*normalize)(const T* x, T* y, int64_t n, T mean, T rstd, const T* w, const T* b);
  /// sums[0] = sum of g * w, sums[1] = sum of g * w * (x - mean) * rstd; w or null.
  void (*weighted_sums)(const T* g, const T* x, const T* w, int64_t n, T mean, T rstd, T* sums);
  /// y[j] = rstd * (g[j] * w[j] - c0 - (x[j] - mean) * rstd * c1); w or null.
  void (*normalize_backward)(const T* g, const T* x, const T* w, T* y, int64_t n, T mean, T rstd, T c0, T c1);
  /// gw[j] += g[j] * (x[j] - mean) * rstd and gb[j] += g[j]; gw or null, gb or null.
  void (*parameter_gradients)(const T* g, const T* x, int64_t n, T mean, T rstd, T* gw, T* gb);

  /// sum[j] += x[j].
  void (*add_across)(const T* x, T* sum, int64_t n);
  /// sum[j] += (x[j] - mean[j])^2.
  void (*deviation_across)(const T* x, const T* mean, T* sum, int64_t n);
  /// y[j] = x[j] * a[j] + b[j].
  void (*affine_across)(const T* x, T* y, const T* a, const T* b, int64_t n);
  /// sg[j] += g[j], sgx[j] += g[j] * (x[j] - mean[j]).
  void (*gradient_sums_across)(const T* g, const T* x, const T* mean, T* sg, T* sgx, int64_t n);
  /// y[j] = a[j] * g[j] + b[j] * x[j] + c[j].
  void (*combine_across)(const T* g, const T* x, T* y, const T* a, const T* b, const T* c, int64_t n);
};

const NormKernels<float>& norm_kernels(float);
const NormKernels<double>& norm_kernels(double);

}  // namespace rustorch::cpu
