// The product at the heart of the forward pass and of the gradient by the source. Internal to this folder.
#pragma once
#include "backend/cpu/conv/geometry.h"

namespace rustorch::cpu::detail {

/// out(row, column) = act(sum over (channel, tap) of weight(row, channel, tap) * source(channel, column +
/// shift)).
template <class T>
struct TapsProblem {
  int64_t batch, groups;
  const T* source;   ///< tensor [batch, groups * channels, extent...]
  int64_t channels;  ///< of the source, per group
  T* out;            ///< tensor [batch, groups * rows, out_extent...]
  int64_t rows;      ///< channels of out, per group
  const int64_t* out_extent;
  bool channels_last;
  const T* weight;  ///< element (g, row, channel, tap) at the strides below
  int64_t w_group, w_row, w_channel;
  const T* bias;  ///< groups * rows elements or null
  Activation act;
};

/// Runs every tap set on the planes of the source.
template <class T>
void run_taps(const TapsProblem<T>& problem, const SourceLayout& layout, const std::vector<TapSet>& sets);

/// Gradient by the weights; see conv_backward_weight.
template <class T>
void run_backward_weight(const ConvArgs& args, const T* x, const T* grad_y, T* grad_w);

}  // namespace rustorch::cpu::detail
