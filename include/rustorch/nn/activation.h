// Activation layers. Each applies the function of the same name; shapes stay as they are.
#pragma once
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

/// Options of activations that can only be done in place.
class InplaceOptions {
 public:
  InplaceOptions(bool inplace = false) : inplace_(inplace) {}
  RT_OPTION(bool, inplace, false);
};
using ReLUOptions = InplaceOptions;
using ReLU6Options = InplaceOptions;
using SELUOptions = InplaceOptions;
using SiLUOptions = InplaceOptions;
using MishOptions = InplaceOptions;
using HardswishOptions = InplaceOptions;
using HardsigmoidOptions = InplaceOptions;
RT_PLAIN_LAYER(ReLU, ReLUOptions);
RT_PLAIN_LAYER(ReLU6, ReLU6Options);
RT_PLAIN_LAYER(SELU, SELUOptions);
RT_PLAIN_LAYER(SiLU, SiLUOptions);
RT_PLAIN_LAYER(Mish, MishOptions);
RT_PLAIN_LAYER(Hardswish, HardswishOptions);
RT_PLAIN_LAYER(Hardsigmoid, HardsigmoidOptions);

RT_PLAIN_LAYER(Sigmoid, NoOptions);
RT_PLAIN_LAYER(Tanh, NoOptions);
RT_PLAIN_LAYER(LogSigmoid, NoOptions);
RT_PLAIN_LAYER(Softsign, NoOptions);
RT_PLAIN_LAYER(Tanhshrink, NoOptions);
/// Softmax over the channels of (N, C, H, W) or (C, H, W).
RT_PLAIN_LAYER(Softmax2d, NoOptions);

class HardtanhOptions {
 public:
  HardtanhOptions(double min_val = -1.0, double max_val = 1.0) : min_val_(min_val), max_val_(max_val) {}
  RT_OPTION(double, min_val, -1.0);
  RT_OPTION(double, max_val, 1.0);
  RT_OPTION(bool, inplace, false);
};
RT_PLAIN_LAYER(Hardtanh, HardtanhOptions);

class ThresholdOptions {
 public:
  ThresholdOptions(double threshold, double value) : threshold_(threshold), value_(value) {}
  RT_OPTION(double, threshold, 0);
  RT_OPTION(double, value, 0);
  RT_OPTION(bool, inplace, false);
};
RT_PLAIN_LAYER(Threshold, ThresholdOptions);

class AlphaOptions {
 public:
  AlphaOptions(double alpha = 1.0) : alpha_(alpha) {}
  RT_OPTION(double, alpha, 1.0);
  RT_OPTION(bool, inplace, false);
};
using ELUOptions = AlphaOptions;
using CELUOptions = AlphaOptions;
RT_PLAIN_LAYER(ELU, ELUOptions);
RT_PLAIN_LAYER(CELU, CELUOptions);

class LeakyReLUOptions {
 public:
  LeakyReLUOptions(double negative_slope = 0.01) : negative_slope_(negative_slope) {}
  RT_OPTION(double, negative_slope, 0.01);
  RT_OPTION(bool, inplace, false);
};
RT_PLAIN_LAYER(LeakyReLU, LeakyReLUOptions);

class RReLUOptions {
 public:
  RReLUOptions(double lower = 1.0 / 8, double upper = 1.0 / 3) : lower_(lower), upper_(upper) {}
  RT_OPTION(double, lower, 1.0 / 8);
  RT_OPTION(double, upper, 1.0 / 3);
  RT_OPTION(bool, inplace, false);
};
/// Leaky ReLU with a random slope in U(lower, upper) while training.
RT_PLAIN_LAYER(RReLU, RReLUOptions);

class PReLUOptions {
 public:
  PReLUOptions(int64_t num_parameters = 1) : num_parameters_(num_parameters) {}
  RT_OPTION(int64_t, num_parameters, 1);
  RT_OPTION(double, init, 0.25);
};
/// x where x > 0, else weight * x; weight [num_parameters], one or one per channel.
class PReLUImpl : public LayerOf<PReLUImpl, PReLUOptions> {
  RT_LAYER_CONSTRUCTORS(PReLUImpl, PReLUOptions);
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "PReLU"; }
  std::string extra_repr() const override;
  Tensor weight;
};
using PReLU = ModuleHolder<PReLUImpl>;

class GELUOptions {
 public:
  RT_OPTION(std::string, approximate, "none");
};
RT_PLAIN_LAYER(GELU, GELUOptions);

class GLUOptions {
 public:
  GLUOptions(int64_t dim = -1) : dim_(dim) {}
  RT_OPTION(int64_t, dim, -1);
};
/// a * sigmoid(b) for the halves a, b of the input along dim.
RT_PLAIN_LAYER(GLU, GLUOptions);

class SoftplusOptions {
 public:
  SoftplusOptions(double beta = 1.0, double threshold = 20.0) : beta_(beta), threshold_(threshold) {}
  RT_OPTION(double, beta, 1.0);
  RT_OPTION(double, threshold, 20.0);
};
RT_PLAIN_LAYER(Softplus, SoftplusOptions);

class LambdaOptions {
 public:
  LambdaOptions(double lambd = 0.5) : lambd_(lambd) {}
  RT_OPTION(double, lambd, 0.5);
};
using SoftshrinkOptions = LambdaOptions;
using HardshrinkOptions = LambdaOptions;
RT_PLAIN_LAYER(Softshrink, SoftshrinkOptions);
RT_PLAIN_LAYER(Hardshrink, HardshrinkOptions);

class DimOptions {
 public:
  DimOptions(std::optional<int64_t> dim = std::nullopt) : dim_(dim) {}
  DimOptions(int64_t dim) : dim_(dim) {}
  DimOptions(int dim) : dim_(dim) {}
  RT_OPTIONAL(int64_t, dim, std::nullopt);
};
using SoftmaxOptions = DimOptions;
using SoftminOptions = DimOptions;
using LogSoftmaxOptions = DimOptions;
RT_PLAIN_LAYER(Softmax, SoftmaxOptions);
RT_PLAIN_LAYER(Softmin, SoftminOptions);
RT_PLAIN_LAYER(LogSoftmax, LogSoftmaxOptions);

}  // namespace rustorch::nn
