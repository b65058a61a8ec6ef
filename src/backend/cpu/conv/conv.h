// N-dimensional convolution (rank 1 to 3) on raw pointers: forward and both gradients.
//
// The products run on the packed kernels of backend/cpu/gemm; the source is padded (and split by stride
// phase) once, after which every kernel tap is a shift, so that no im2col matrix is built for large images.
// Results are bit-identical for any number of threads. Outputs are overwritten, never read. Transposed
// convolution is conv_backward_data. Threads: calls split their work over base/thread_pool.h.
#pragma once
#include <complex>
#include <cstdint>

#include "backend/cpu/gemm/gemm.h"
#include "rustorch/half.h"

namespace rustorch::cpu {

/// Shapes and steps of a convolution. Unused trailing dimensions are ignored. x is [batch, in_channels,
/// in...], y is [batch, out_channels, out...], both dense, with channels innermost when channels_last.
/// Weights are always dense [out_channels, in_channels / groups, kernel...].
struct ConvArgs {
  int rank = 2;
  int64_t batch = 0, in_channels = 0, out_channels = 0, groups = 1;
  int64_t in[3] = {1, 1, 1}, kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, padding[3] = {0, 0, 0};
  int64_t dilation[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  bool channels_last = false;
};

/// Fills args.out from the other sizes: (in + 2 padding - dilation (kernel - 1) - 1) / stride + 1.
void conv_output_size(ConvArgs& args);

/// y = act(conv(x, w) + bias); bias has out_channels elements or is null.
/// T: float, double, Half, BFloat16 (the last two compute in float), and, without activation, every integer
/// type from 8 to 64 bits (modulo 2^bits) and complex float and double, by a plain loop.
template <class T>
void conv_forward(const ConvArgs& args, const T* x, const T* w, const T* bias, Activation act, T* y);

/// grad_x = the gradient of sum(grad_y * conv(x, w)) by x. Elements that no output touches become zero.
template <class T>
void conv_backward_data(const ConvArgs& args, const T* grad_y, const T* w, T* grad_x);

/// grad_w = the gradient of sum(grad_y * conv(x, w)) by w.
template <class T>
void conv_backward_weight(const ConvArgs& args, const T* x, const T* grad_y, T* grad_w);

}  // namespace rustorch::cpu
