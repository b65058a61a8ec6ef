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

/// One channel of a convolution of stride 1 with one channel in and out, read in place: tap (i, j) of the
/// output at (y, x) lies at (y + top + i * down, x + left + j * across) of the source; zero outside.
template <class T>
struct DepthwiseArgs {
  const T* src;
  int64_t height, width;  ///< of the source
  T* out;                 ///< or the gradient of the output, for depthwise_plane_weight
  int64_t out_height, out_width;
  int taps_y, taps_x;
  int64_t top, left, down, across;
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
  /// True when the two below may be called: vectors can be read and written under masks.
  bool depthwise_in_place;
  /// out = the products with w[taps_y * taps_x]. At most kDepthwiseTaps taps along x.
  void (*depthwise_plane)(const DepthwiseArgs<T>& args, const T* w);
  /// sum[i * taps_x + j] = sum over the outputs of out * source at that tap; 3 x 3 taps.
  void (*depthwise_plane_weight)(const DepthwiseArgs<T>& args, T* sum);
};

/// Taps along x of depthwise_plane, at most.
constexpr int kDepthwiseTaps = 16;

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
