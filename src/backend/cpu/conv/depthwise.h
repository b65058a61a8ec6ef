// Depthwise convolutions of stride 1 on channels as they lie. Internal to this folder.
#pragma once
#include "backend/cpu/conv/conv.h"

namespace rustorch::cpu::detail {

/// True when the functions below take a convolution: one channel in and out per group, one image dimension or
/// two, stride 1, channels first, and an instruction set with masks. Depends on nothing else.
template <class T>
bool depthwise_in_place(const ConvArgs& args);

/// y = x * w, then bias and activation. Sizes are normalised to three dimensions, as below.
template <class T>
void depthwise_forward(const ConvArgs& args, const T* x, const T* w, const T* bias, Activation act, T* y);
template <class T>
void depthwise_backward_data(const ConvArgs& args, const T* grad_y, const T* w, T* grad_x);

/// Gradient by the weights; false, and nothing done, unless the kernel is 3 x 3.
template <class T>
bool depthwise_backward_weight(const ConvArgs& args, const T* x, const T* grad_y, T* grad_w);

}  // namespace rustorch::cpu::detail
