// The seam between the convolution code (compiled once) and its SIMD kernels (compiled once per instruction
// set).
#pragma once
#include <cstdint>

#include "backend/cpu/gemm/gemm.h"

namespace rustorch::cpu::detail {

/// C (m x n) = or += A B, where row k of B starts at src + shift[k] and its n columns follow.
/// A: panels of mr rows, packed as kernel_table.h says with k columns each. C has room for whole tiles; reads
/// run up to a whole tile past the last column.
template <class T>
struct ShiftArgs {
  int64_t m, n, k;
  int mr;
  const T* a;
  const T* src;
  const int64_t* shift;
  T* c;
  int64_t ldc;
  bool accumulate;
};

/// C (m x n) += sum over the runs and positions q of src[row[i] + start[r] + q] * b[position][j]. b: panels
/// of nr columns, positions of all runs one after the other. C has room for whole tiles.
template <class T>
struct RunArgs {
  int64_t m, n;
  const T* src;
  const int64_t* row;
  const int64_t* start;
  int64_t runs, run_length;
  const T* b;
  int64_t b_panel;
  T* c;
  int64_t ldc;
};

template <class T>
struct ConvKernels {
  void (*shift_block)(const ShiftArgs<T>& args);
  void (*run_block)(const RunArgs<T>& args);
  /// dst[k * nr + j] = src[shift[k] + column[j]] for j < cols; zero up to nr.
  void (*gather_panel)(T* dst, const T* src, const int64_t* shift, int64_t k, const int64_t* column,
                       int cols);
  /// out[q] = sum over t of w[t] * src[q + shift[t]], for q < n; reads and writes whole vectors.
  void (*depthwise)(T* out, const T* src, const T* w, const int64_t* shift, int64_t taps, int64_t n);
  /// sum[t] = sum over runs of dot(grad + r * length, src + shift[t] + start[r]).
  void (*depthwise_weight)(T* sum, const T* grad, const T* src, const int64_t* shift, int64_t taps,
                           const int64_t* start, int64_t runs, int64_t length);
};

const ConvKernels<float>& conv_kernels_f32();
const ConvKernels<double>& conv_kernels_f64();
template <class T>
const ConvKernels<T>& conv_kernels();
template <>
inline const ConvKernels<float>& conv_kernels<float>() {
  return conv_kernels_f32();
}
template <>
inline const ConvKernels<double>& conv_kernels<double>() {
  return conv_kernels_f64();
}

}  // namespace rustorch::cpu::detail
