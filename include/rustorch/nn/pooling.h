// Pooling layers in 1 to 3 dimensions. Inputs are [N, C, ...] or [C, ...]; the stride is the window unless
// given.
#pragma once
#include <tuple>

#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

template <size_t N>
class MaxPoolOptions {
 public:
  MaxPoolOptions(ExpandingArray<N> kernel_size) : kernel_size_(kernel_size) {}
  RT_OPTION(ExpandingArray<N>, kernel_size, 1);
  RT_OPTIONAL(ExpandingArray<N>, stride, std::nullopt);
  RT_OPTION(ExpandingArray<N>, padding, 0);
  RT_OPTION(ExpandingArray<N>, dilation, 1);
  RT_OPTION(bool, ceil_mode, false);
};

/// Maximum of each window.
template <size_t N>
class MaxPoolImpl : public LayerOf<MaxPoolImpl<N>, MaxPoolOptions<N>> {
 public:
  using LayerOf<MaxPoolImpl<N>, MaxPoolOptions<N>>::LayerOf;
  Tensor forward(const Tensor& input) override;
  /// (values, flat positions), for MaxUnpool.
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input);
  std::string type_name() const override;
  std::string extra_repr() const override;
};

template <size_t N>
class AvgPoolOptions {
 public:
  AvgPoolOptions(ExpandingArray<N> kernel_size) : kernel_size_(kernel_size) {}
  RT_OPTION(ExpandingArray<N>, kernel_size, 1);
  RT_OPTIONAL(ExpandingArray<N>, stride, std::nullopt);
  RT_OPTION(ExpandingArray<N>, padding, 0);
  RT_OPTION(bool, ceil_mode, false);
  RT_OPTION(bool, count_include_pad, true);
  RT_OPTIONAL(int64_t, divisor_override, std::nullopt);
};

/// Mean of each window; divisor_override is for 2 and 3 dimensions.
template <size_t N>
class AvgPoolImpl : public LayerOf<AvgPoolImpl<N>, AvgPoolOptions<N>> {
 public:
  using LayerOf<AvgPoolImpl<N>, AvgPoolOptions<N>>::LayerOf;
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override;
  std::string extra_repr() const override;
};

template <size_t N>
class MaxUnpoolOptions {
 public:
  MaxUnpoolOptions(ExpandingArray<N> kernel_size) : kernel_size_(kernel_size) {}
  RT_OPTION(ExpandingArray<N>, kernel_size, 1);
  RT_OPTIONAL(ExpandingArray<N>, stride, std::nullopt);
  RT_OPTION(ExpandingArray<N>, padding, 0);
};

/// Values to the positions that a max pool gave, zeros elsewhere.
template <size_t N>
class MaxUnpoolImpl : public LayerOf<MaxUnpoolImpl<N>, MaxUnpoolOptions<N>> {
 public:
  using LayerOf<MaxUnpoolImpl<N>, MaxUnpoolOptions<N>>::LayerOf;
  using Module::forward;
  Tensor forward(const Tensor& input, const Tensor& indices, IntArrayRef output_size = {});
  std::string type_name() const override;
  std::string extra_repr() const override;
};

template <size_t N>
class LPPoolOptions {
 public:
  LPPoolOptions(double norm_type, ExpandingArray<N> kernel_size)
      : norm_type_(norm_type), kernel_size_(kernel_size) {}
  RT_OPTION(double, norm_type, 2);
  RT_OPTION(ExpandingArray<N>, kernel_size, 1);
  RT_OPTIONAL(ExpandingArray<N>, stride, std::nullopt);
  RT_OPTION(bool, ceil_mode, false);
};

/// (sum over the window of x^p)^(1/p).
template <size_t N>
class LPPoolImpl : public LayerOf<LPPoolImpl<N>, LPPoolOptions<N>> {
 public:
  using LayerOf<LPPoolImpl<N>, LPPoolOptions<N>>::LayerOf;
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override;
  std::string extra_repr() const override;
};

/// Options of adaptive pools: the output size, -1 (or nothing in a list of optionals) keeping the input's.
template <size_t N>
class AdaptivePoolOptions {
 public:
  AdaptivePoolOptions(ExpandingArray<N> output_size) : output_size_(output_size) {}
  RT_OPTION(ExpandingArray<N>, output_size, 1);
};

/// Mean over a grid of windows; a size of -1 keeps the input's.
template <size_t N>
class AdaptiveAvgPoolImpl : public LayerOf<AdaptiveAvgPoolImpl<N>, AdaptivePoolOptions<N>> {
 public:
  using LayerOf<AdaptiveAvgPoolImpl<N>, AdaptivePoolOptions<N>>::LayerOf;
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override;
  std::string extra_repr() const override;
};

/// Maximum over a grid of windows.
template <size_t N>
class AdaptiveMaxPoolImpl : public LayerOf<AdaptiveMaxPoolImpl<N>, AdaptivePoolOptions<N>> {
 public:
  using LayerOf<AdaptiveMaxPoolImpl<N>, AdaptivePoolOptions<N>>::LayerOf;
  Tensor forward(const Tensor& input) override { return std::get<0>(forward_with_indices(input)); }
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input);
  std::string type_name() const override;
  std::string extra_repr() const override;
};

template <size_t N>
class FractionalMaxPoolOptions {
 public:
  FractionalMaxPoolOptions(ExpandingArray<N> kernel_size) : kernel_size_(kernel_size) {}
  RT_OPTION(ExpandingArray<N>, kernel_size, 1);
  RT_OPTIONAL(ExpandingArray<N>, output_size, std::nullopt);
  RT_OPTIONAL(std::vector<double>, output_ratio, std::nullopt);
  RT_OPTION(Tensor, _random_samples, {});
};

/// Maximum over pseudo-random windows, down to output_size or by output_ratio.
template <size_t N>
class FractionalMaxPoolImpl : public LayerOf<FractionalMaxPoolImpl<N>, FractionalMaxPoolOptions<N>> {
  RT_LAYER_CONSTRUCTORS(FractionalMaxPoolImpl, FractionalMaxPoolOptions<N>);
  Tensor forward(const Tensor& input) override { return std::get<0>(forward_with_indices(input)); }
  std::tuple<Tensor, Tensor> forward_with_indices(const Tensor& input);
  std::string type_name() const override;
  Tensor _random_samples;
};

/// The names of a pool in N dimensions.
#define RT_POOL_NAMES(Name, Options, N) \
  using Name##N##dOptions = Options<N>; \
  using Name##N##dImpl = Name##Impl<N>; \
  using Name##N##d = ModuleHolder<Name##Impl<N>>
#define RT_POOL_NAMES3(Name, Options) \
  RT_POOL_NAMES(Name, Options, 1);    \
  RT_POOL_NAMES(Name, Options, 2);    \
  RT_POOL_NAMES(Name, Options, 3)
RT_POOL_NAMES3(MaxPool, MaxPoolOptions);
RT_POOL_NAMES3(AvgPool, AvgPoolOptions);
RT_POOL_NAMES3(MaxUnpool, MaxUnpoolOptions);
RT_POOL_NAMES3(LPPool, LPPoolOptions);
RT_POOL_NAMES3(AdaptiveAvgPool, AdaptivePoolOptions);
RT_POOL_NAMES3(AdaptiveMaxPool, AdaptivePoolOptions);
RT_POOL_NAMES(FractionalMaxPool, FractionalMaxPoolOptions, 2);
RT_POOL_NAMES(FractionalMaxPool, FractionalMaxPoolOptions, 3);
#undef RT_POOL_NAMES3
#undef RT_POOL_NAMES

}  // namespace rustorch::nn
