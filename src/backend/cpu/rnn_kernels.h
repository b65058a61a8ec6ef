// Gate kernels of recurrent layers on one row of a batch, resolved to the CPU's instruction set at run time.
//
// Gates of n hidden units lie one after the other: i, f, g, o (LSTM) or r, z, n (GRU), each n long; their
// gradients each `dgate` from the one before. The n units may be some of a row's.
// `grad` is what arrives at the row's output, or null; `dh` what comes back through time. Single-threaded.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

template <class T>
struct RnnKernels {
  /// Activates the gates in place; c = f * c_before + i * g, h = o * tanh(c).
  void (*lstm)(T* gates, const T* c_before, T* c, T* h, int64_t n);
  /// h = o * tanh(c) from activated gates.
  void (*lstm_output)(const T* gates, const T* c, T* h, int64_t n);
  /// From activated gates: the gradients of the gates' sums; dc becomes the gradient of c_before.
  void (*lstm_backward)(const T* gates, const T* c_before, const T* c, const T* grad, const T* dh, T* dc,
                        T* dgates, int64_t dgate, int64_t n);
  /// gates holds the input's part of the sums and becomes activated, hidden the recurrent part, whose last
  /// third is kept; h = n + z * (before - n).
  void (*gru)(T* gates, const T* hidden, const T* before, T* kept, T* h, int64_t n);
  /// Gradients of both parts of the sums; dh becomes the direct part of the gradient of `before`.
  void (*gru_backward)(const T* gates, const T* kept, const T* before, const T* grad, T* dh, T* dgates,
                       T* dhidden, int64_t dgate, int64_t n);
  /// dgates = (grad + dh) * derivative of tanh or relu, from the output h.
  void (*plain_backward)(const T* h, const T* grad, const T* dh, T* dgates, int64_t n, bool relu);
};

const RnnKernels<float>& rnn_kernels(float);
const RnnKernels<double>& rnn_kernels(double);

}  // namespace rustorch::cpu
