// Identity, Linear, Bilinear, Flatten and Unflatten.
#pragma once
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

class LinearOptions {
 public:
  LinearOptions(int64_t in_features, int64_t out_features, bool bias = true)
      : in_features_(in_features), out_features_(out_features), bias_(bias) {}
  RT_OPTION(int64_t, in_features, 0);
  RT_OPTION(int64_t, out_features, 0);
  RT_OPTION(bool, bias, true);
};

/// y = x W^T + b; x [..., in], y [..., out]. Weights start uniform in +-1/sqrt(in).
class LinearImpl : public LayerOf<LinearImpl, LinearOptions> {
  RT_LAYER_CONSTRUCTORS(LinearImpl, LinearOptions);
  void reset_parameters();
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "Linear"; }
  std::string extra_repr() const override;
  Tensor weight, bias;
};
using Linear = ModuleHolder<LinearImpl>;

class BilinearOptions {
 public:
  BilinearOptions(int64_t in1_features, int64_t in2_features, int64_t out_features)
      : in1_features_(in1_features), in2_features_(in2_features), out_features_(out_features) {}
  RT_OPTION(int64_t, in1_features, 0);
  RT_OPTION(int64_t, in2_features, 0);
  RT_OPTION(int64_t, out_features, 0);
  RT_OPTION(bool, bias, true);
};

/// y = x1^T A x2 + b for x1 [..., in1], x2 [..., in2].
class BilinearImpl : public LayerOf<BilinearImpl, BilinearOptions> {
  RT_LAYER_CONSTRUCTORS(BilinearImpl, BilinearOptions);
  using Module::forward;
  Tensor forward(const Tensor& input1, const Tensor& input2);
  std::string type_name() const override { return "Bilinear"; }
  std::string extra_repr() const override;
  Tensor weight, bias;
};
using Bilinear = ModuleHolder<BilinearImpl>;

/// Gives its input back.
RT_PLAIN_LAYER(Identity, NoOptions);

class FlattenOptions {
 public:
  FlattenOptions(int64_t start_dim = 1, int64_t end_dim = -1) : start_dim_(start_dim), end_dim_(end_dim) {}
  RT_OPTION(int64_t, start_dim, 1);
  RT_OPTION(int64_t, end_dim, -1);
};
/// Joins the dimensions start_dim..end_dim.
RT_PLAIN_LAYER(Flatten, FlattenOptions);

class UnflattenOptions {
 public:
  UnflattenOptions(int64_t dim, std::vector<int64_t> unflattened_size)
      : dim_(dim), unflattened_size_(std::move(unflattened_size)) {}
  RT_OPTION(int64_t, dim, 0);
  RT_OPTION(std::vector<int64_t>, unflattened_size, {});
};
/// Splits a dimension into sizes.
RT_PLAIN_LAYER(Unflatten, UnflattenOptions);

}  // namespace rustorch::nn
