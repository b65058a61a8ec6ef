// The layer interfaces as concepts: what generic code may ask of a layer. Both the Impl classes and their
// holders are meant by "layer"; the concepts are about the Impl.
#pragma once
#include <concepts>

#include "rustorch/nn/module.h"

namespace rustorch::nn {

/// Something with a forward pass of one tensor, modes and a name.
template <class T>
concept Layer = std::derived_from<T, Module> && requires(T& layer, const Tensor& x) {
  { layer.forward(x) } -> std::same_as<Tensor>;
};

/// A layer with trainable tensors of its own, which reset() makes and initialises.
template <class T>
concept ParameterizedLayer = Layer<T> && requires(T& layer) {
  { layer.weight } -> std::convertible_to<Tensor>;
  layer.reset();
};

/// A parameterised layer that slides a window: its options tell the geometry.
template <class T>
concept ConvolutionLayer = ParameterizedLayer<T> && requires(const T& layer) {
  layer.options.in_channels();
  layer.options.out_channels();
  layer.options.kernel_size();
  layer.options.stride();
  layer.options.padding();
  layer.options.dilation();
  layer.options.groups();
};

}  // namespace rustorch::nn
