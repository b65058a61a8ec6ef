// Convolutions and transposed convolutions in 1 to 3 dimensions.
#pragma once
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

/// Options of ConvNd. padding is a number per dimension, or "same" or "valid".
template <size_t N>
class ConvOptions {
 public:
  ConvOptions(int64_t in_channels, int64_t out_channels, ExpandingArray<N> kernel_size)
      : in_channels_(in_channels), out_channels_(out_channels), kernel_size_(kernel_size) {}
  /// "same" or "valid" instead of numbers.
  ConvOptions& padding(const char* name) { return padding_name_ = name, *this; }
  const std::string& padding_name() const { return padding_name_; }
  RT_OPTION(int64_t, in_channels, 0);
  RT_OPTION(int64_t, out_channels, 0);
  RT_OPTION(ExpandingArray<N>, kernel_size, 1);
  RT_OPTION(ExpandingArray<N>, stride, 1);
  RT_OPTION(ExpandingArray<N>, padding, 0);
  RT_OPTION(ExpandingArray<N>, dilation, 1);
  RT_OPTION(int64_t, groups, 1);
  RT_OPTION(bool, bias, true);
  RT_OPTION(std::string, padding_mode, "zeros");
  std::string padding_name_;
};
using Conv1dOptions = ConvOptions<1>;
using Conv2dOptions = ConvOptions<2>;
using Conv3dOptions = ConvOptions<3>;

/// x [N, in, ...] -> [N, out, ...], N may be absent; weight [out, in / groups, kernel...]. Weights start
/// uniform in +-1/sqrt(in / groups * kernel size).
template <size_t N>
class ConvNdImpl : public LayerOf<ConvNdImpl<N>, ConvOptions<N>> {
  RT_LAYER_CONSTRUCTORS(ConvNdImpl, ConvOptions<N>);
  /// Draws new weights and biases.
  void reset_parameters();
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override;
  std::string extra_repr() const override;
  Tensor weight, bias;
};
using Conv1dImpl = ConvNdImpl<1>;
using Conv2dImpl = ConvNdImpl<2>;
using Conv3dImpl = ConvNdImpl<3>;
using Conv1d = ModuleHolder<Conv1dImpl>;
using Conv2d = ModuleHolder<Conv2dImpl>;
using Conv3d = ModuleHolder<Conv3dImpl>;

template <size_t N>
class ConvTransposeOptions {
 public:
  ConvTransposeOptions(int64_t in_channels, int64_t out_channels, ExpandingArray<N> kernel_size)
      : in_channels_(in_channels), out_channels_(out_channels), kernel_size_(kernel_size) {}
  RT_OPTION(int64_t, in_channels, 0);
  RT_OPTION(int64_t, out_channels, 0);
  RT_OPTION(ExpandingArray<N>, kernel_size, 1);
  RT_OPTION(ExpandingArray<N>, stride, 1);
  RT_OPTION(ExpandingArray<N>, padding, 0);
  RT_OPTION(ExpandingArray<N>, output_padding, 0);
  RT_OPTION(int64_t, groups, 1);
  RT_OPTION(bool, bias, true);
  RT_OPTION(ExpandingArray<N>, dilation, 1);
  RT_OPTION(std::string, padding_mode, "zeros");
};
using ConvTranspose1dOptions = ConvTransposeOptions<1>;
using ConvTranspose2dOptions = ConvTransposeOptions<2>;
using ConvTranspose3dOptions = ConvTransposeOptions<3>;

/// The gradient of a convolution as a layer: x [N, in, ...] -> [N, out, ...]; weight [in, out / groups,
/// kernel...].
template <size_t N>
class ConvTransposeNdImpl : public LayerOf<ConvTransposeNdImpl<N>, ConvTransposeOptions<N>> {
  RT_LAYER_CONSTRUCTORS(ConvTransposeNdImpl, ConvTransposeOptions<N>);
  void reset_parameters();
  Tensor forward(const Tensor& input) override { return forward(input, IntArrayRef()); }
  /// output_size (may be empty): the spatial sizes wanted, out of the possible ones.
  Tensor forward(const Tensor& input, IntArrayRef output_size);
  std::string type_name() const override;
  std::string extra_repr() const override;
  Tensor weight, bias;
};
using ConvTranspose1dImpl = ConvTransposeNdImpl<1>;
using ConvTranspose2dImpl = ConvTransposeNdImpl<2>;
using ConvTranspose3dImpl = ConvTransposeNdImpl<3>;
using ConvTranspose1d = ModuleHolder<ConvTranspose1dImpl>;
using ConvTranspose2d = ModuleHolder<ConvTranspose2dImpl>;
using ConvTranspose3d = ModuleHolder<ConvTranspose3dImpl>;

}  // namespace rustorch::nn
