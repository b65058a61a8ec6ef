// Normalisation: batch and instance norm in 1 to 3 dimensions, layer, RMS, group and local response norm.
#pragma once
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

class BatchNormOptions {
 public:
  BatchNormOptions(int64_t num_features) : num_features_(num_features) {}
  RT_OPTION(int64_t, num_features, 0);
  RT_OPTION(double, eps, 1e-5);
  RT_OPTIONAL(double, momentum, 0.1);
  RT_OPTION(bool, affine, true);
  RT_OPTION(bool, track_running_stats, true);
  RT_OPTION(bool, bias, true);
};

class InstanceNormOptions {
 public:
  InstanceNormOptions(int64_t num_features) : num_features_(num_features) {}
  RT_OPTION(int64_t, num_features, 0);
  RT_OPTION(double, eps, 1e-5);
  RT_OPTIONAL(double, momentum, 0.1);
  RT_OPTION(bool, affine, false);
  RT_OPTION(bool, track_running_stats, false);
  RT_OPTION(bool, bias, true);
};

/// Parameters and running statistics of both kinds.
template <class Derived, class Options>
class NormBase : public LayerOf<Derived, Options> {
 public:
  using LayerOf<Derived, Options>::LayerOf;
  void reset() override;
  void reset_running_stats();
  /// Weight 1, bias 0, fresh statistics.
  void reset_parameters();
  std::string extra_repr() const override;
  Tensor weight, bias, running_mean, running_var, num_batches_tracked;
};

/// Normalises each channel of [N, C, ...] over all but C; running statistics in eval mode.
template <size_t N>
class BatchNormImpl : public NormBase<BatchNormImpl<N>, BatchNormOptions> {
 public:
  explicit BatchNormImpl(BatchNormOptions o) : NormBase<BatchNormImpl<N>, BatchNormOptions>(std::move(o)) {
    this->reset();
  }
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override;
};

/// Normalises each channel of each sample of [N, C, ...] or [C, ...].
template <size_t N>
class InstanceNormImpl : public NormBase<InstanceNormImpl<N>, InstanceNormOptions> {
 public:
  explicit InstanceNormImpl(InstanceNormOptions o)
      : NormBase<InstanceNormImpl<N>, InstanceNormOptions>(std::move(o)) {
    this->reset();
  }
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override;
};

#define RT_NORM_NAMES(N)                                  \
  using BatchNorm##N##dOptions = BatchNormOptions;        \
  using BatchNorm##N##dImpl = BatchNormImpl<N>;           \
  using BatchNorm##N##d = ModuleHolder<BatchNormImpl<N>>; \
  using InstanceNorm##N##dOptions = InstanceNormOptions;  \
  using InstanceNorm##N##dImpl = InstanceNormImpl<N>;     \
  using InstanceNorm##N##d = ModuleHolder<InstanceNormImpl<N>>
RT_NORM_NAMES(1);
RT_NORM_NAMES(2);
RT_NORM_NAMES(3);
#undef RT_NORM_NAMES

/// Batch normalisation over all processes of a group; with one process BatchNorm of [N, C, ...].
using SyncBatchNormOptions = BatchNormOptions;
using SyncBatchNormImpl = BatchNormImpl<0>;
using SyncBatchNorm = ModuleHolder<SyncBatchNormImpl>;

class LayerNormOptions {
 public:
  LayerNormOptions(std::vector<int64_t> normalized_shape) : normalized_shape_(std::move(normalized_shape)) {}
  LayerNormOptions(std::initializer_list<int64_t> normalized_shape) : normalized_shape_(normalized_shape) {}
  LayerNormOptions(int64_t last) : normalized_shape_{last} {}
  RT_OPTION(std::vector<int64_t>, normalized_shape, {});
  RT_OPTION(double, eps, 1e-5);
  RT_OPTION(bool, elementwise_affine, true);
  RT_OPTION(bool, bias, true);
};
/// Normalises over the last dimensions, which have the given shape.
class LayerNormImpl : public LayerOf<LayerNormImpl, LayerNormOptions> {
  RT_LAYER_CONSTRUCTORS(LayerNormImpl, LayerNormOptions);
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "LayerNorm"; }
  std::string extra_repr() const override;
  Tensor weight, bias;
};
using LayerNorm = ModuleHolder<LayerNormImpl>;

class RMSNormOptions {
 public:
  RMSNormOptions(std::vector<int64_t> normalized_shape) : normalized_shape_(std::move(normalized_shape)) {}
  RMSNormOptions(std::initializer_list<int64_t> normalized_shape) : normalized_shape_(normalized_shape) {}
  RMSNormOptions(int64_t last) : normalized_shape_{last} {}
  RT_OPTION(std::vector<int64_t>, normalized_shape, {});
  RT_OPTIONAL(double, eps, std::nullopt);
  RT_OPTION(bool, elementwise_affine, true);
};
/// x / sqrt(mean(x^2) + eps) * weight over the last dimensions.
class RMSNormImpl : public LayerOf<RMSNormImpl, RMSNormOptions> {
  RT_LAYER_CONSTRUCTORS(RMSNormImpl, RMSNormOptions);
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "RMSNorm"; }
  std::string extra_repr() const override;
  Tensor weight;
};
using RMSNorm = ModuleHolder<RMSNormImpl>;

class GroupNormOptions {
 public:
  GroupNormOptions(int64_t num_groups, int64_t num_channels)
      : num_groups_(num_groups), num_channels_(num_channels) {}
  RT_OPTION(int64_t, num_groups, 1);
  RT_OPTION(int64_t, num_channels, 1);
  RT_OPTION(double, eps, 1e-5);
  RT_OPTION(bool, affine, true);
  RT_OPTION(bool, bias, true);
};
/// Normalises [N, C, ...] over groups of channels.
class GroupNormImpl : public LayerOf<GroupNormImpl, GroupNormOptions> {
  RT_LAYER_CONSTRUCTORS(GroupNormImpl, GroupNormOptions);
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "GroupNorm"; }
  std::string extra_repr() const override;
  Tensor weight, bias;
};
using GroupNorm = ModuleHolder<GroupNormImpl>;

class LocalResponseNormOptions {
 public:
  LocalResponseNormOptions(int64_t size) : size_(size) {}
  RT_OPTION(int64_t, size, 1);
  RT_OPTION(double, alpha, 1e-4);
  RT_OPTION(double, beta, 0.75);
  RT_OPTION(double, k, 1.0);
};
/// x / (k + alpha * mean of x^2 over `size` neighbouring channels) ** beta.
RT_PLAIN_LAYER(LocalResponseNorm, LocalResponseNormOptions);

class CrossMapLRN2dOptions {
 public:
  CrossMapLRN2dOptions(int64_t size) : size_(size) {}
  RT_OPTION(int64_t, size, 1);
  RT_OPTION(double, alpha, 1e-4);
  RT_OPTION(double, beta, 0.75);
  RT_OPTION(double, k, 1);
};
/// Local response normalisation of [N, C, H, W] in Caffe's form.
RT_PLAIN_LAYER(CrossMapLRN2d, CrossMapLRN2dOptions);

}  // namespace rustorch::nn
