// The layers: PyTorch's names, arguments, initialisation and state-dict keys.
//
// Shapes: N batch, C channels, H and W image. Losses and other functions are operators
// (rustorch::cross_entropy ...).
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "rustorch/nn/module.h"

namespace rustorch::nn {

/// Height and width; one number stands for both.
struct Pair {
  Pair(int64_t both) : values{both, both} {}
  Pair(int64_t height, int64_t width) : values{height, width} {}
  std::array<int64_t, 2> values;
  operator IntArrayRef() const { return IntArrayRef(values.data(), 2); }
};

/// y = x W^T + b; x [..., in], y [..., out]. Weights start uniform in +-1/sqrt(in).
class LinearImpl : public Module {
 public:
  LinearImpl(int64_t in_features, int64_t out_features, bool with_bias = true);
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "Linear"; }
  std::string extra_repr() const override;
  Tensor weight, bias;
};
using Linear = ModuleHolder<LinearImpl>;

/// What a Conv2d does beyond its channels and kernel.
struct Conv2dOptions {
  Conv2dOptions(int64_t in, int64_t out, Pair kernel)
      : in_channels(in), out_channels(out), kernel_size(kernel) {}
  Conv2dOptions& stride(Pair v) { return stride_ = v, *this; }
  Conv2dOptions& padding(Pair v) { return padding_ = v, *this; }
  Conv2dOptions& dilation(Pair v) { return dilation_ = v, *this; }
  Conv2dOptions& groups(int64_t v) { return groups_ = v, *this; }
  Conv2dOptions& bias(bool v) { return bias_ = v, *this; }

  int64_t in_channels, out_channels;
  Pair kernel_size;
  Pair stride_ = 1, padding_ = 0, dilation_ = 1;
  int64_t groups_ = 1;
  bool bias_ = true;
};

/// 2-d convolution of x [N, C, H, W]. Weights start uniform in +-1/sqrt(C / groups * kernel area).
class Conv2dImpl : public Module {
 public:
  explicit Conv2dImpl(const Conv2dOptions& options);
  Conv2dImpl(int64_t in_channels, int64_t out_channels, Pair kernel_size)
      : Conv2dImpl(Conv2dOptions(in_channels, out_channels, kernel_size)) {}
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "Conv2d"; }
  std::string extra_repr() const override;
  Conv2dOptions options;
  Tensor weight, bias;
};
using Conv2d = ModuleHolder<Conv2dImpl>;

/// Normalises each channel of x [N, C, H, W] over the batch; uses running statistics in eval mode.
class BatchNorm2dImpl : public Module {
 public:
  explicit BatchNorm2dImpl(int64_t num_features, double eps = 1e-5, double momentum = 0.1);
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "BatchNorm2d"; }
  std::string extra_repr() const override;
  Tensor weight, bias, running_mean, running_var, num_batches_tracked;

 private:
  int64_t num_features_;
  double eps_, momentum_;
};
using BatchNorm2d = ModuleHolder<BatchNorm2dImpl>;

/// Normalises over the last dimensions, which have the given shape.
class LayerNormImpl : public Module {
 public:
  explicit LayerNormImpl(std::vector<int64_t> normalized_shape, double eps = 1e-5);
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "LayerNorm"; }
  Tensor weight, bias;

 private:
  std::vector<int64_t> shape_;
  double eps_;
};
using LayerNorm = ModuleHolder<LayerNormImpl>;

/// Rows of a table by integer index; the table starts normal with deviation 1.
class EmbeddingImpl : public Module {
 public:
  EmbeddingImpl(int64_t num_embeddings, int64_t embedding_dim, int64_t padding_idx = -1);
  Tensor forward(const Tensor& indices) override;
  std::string type_name() const override { return "Embedding"; }
  Tensor weight;

 private:
  int64_t padding_idx_;
};
using Embedding = ModuleHolder<EmbeddingImpl>;

/// Maximum of each window; the stride is the window unless given.
class MaxPool2dImpl : public Module {
 public:
  explicit MaxPool2dImpl(Pair kernel_size, Pair padding = 0)
      : MaxPool2dImpl(kernel_size, kernel_size, padding) {}
  MaxPool2dImpl(Pair kernel_size, Pair stride, Pair padding)
      : kernel_(kernel_size), stride_(stride), padding_(padding) {}
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "MaxPool2d"; }

 private:
  Pair kernel_, stride_, padding_;
};
using MaxPool2d = ModuleHolder<MaxPool2dImpl>;

/// Mean of each window; the stride is the window.
class AvgPool2dImpl : public Module {
 public:
  explicit AvgPool2dImpl(Pair kernel_size) : kernel_(kernel_size) {}
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "AvgPool2d"; }

 private:
  Pair kernel_;
};
using AvgPool2d = ModuleHolder<AvgPool2dImpl>;

/// While training, sets elements to 0 with probability p and scales the rest by 1 / (1 - p).
class DropoutImpl : public Module {
 public:
  explicit DropoutImpl(double p = 0.5);
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "Dropout"; }
  std::string extra_repr() const override;

 private:
  double p_;
};
using Dropout = ModuleHolder<DropoutImpl>;

/// Joins dimensions start_dim..end_dim.
class FlattenImpl : public Module {
 public:
  explicit FlattenImpl(int64_t start_dim = 1, int64_t end_dim = -1) : start_(start_dim), end_(end_dim) {}
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "Flatten"; }

 private:
  int64_t start_, end_;
};
using Flatten = ModuleHolder<FlattenImpl>;

/// A layer without weights that applies one operator.
#define RT_ACTIVATION(Name)                                  \
  class Name##Impl : public Module {                         \
   public:                                                   \
    Tensor forward(const Tensor& input) override;            \
    std::string type_name() const override { return #Name; } \
  };                                                         \
  using Name = ModuleHolder<Name##Impl>
RT_ACTIVATION(ReLU);
RT_ACTIVATION(GELU);
RT_ACTIVATION(SiLU);
RT_ACTIVATION(Sigmoid);
RT_ACTIVATION(Tanh);
RT_ACTIVATION(Identity);
#undef RT_ACTIVATION

}  // namespace rustorch::nn
