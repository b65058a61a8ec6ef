#include "rustorch/nn/layers.h"

#include <cmath>

#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch::nn {
namespace {

/// A new tensor, uniform in +-1/sqrt(fan_in).
Tensor uniform_weight(IntArrayRef sizes, int64_t fan_in) {
  const NoGradGuard no_grad;
  const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  Tensor t = empty(sizes);
  t.uniform_(-bound, bound);
  return t;
}

std::optional<Tensor> optional(const Tensor& t) {
  return t.defined() ? std::optional<Tensor>(t) : std::nullopt;
}

std::string pair_text(const Pair& p) { return cat("(", p.values[0], ", ", p.values[1], ")"); }

}  // namespace

// ---- Linear

LinearImpl::LinearImpl(int64_t in_features, int64_t out_features, bool with_bias) {
  RT_CHECK(in_features >= 0 && out_features >= 0, Value, "Linear", "sizes must not be negative; got ",
           in_features, " and ", out_features);
  weight = register_parameter("weight", uniform_weight({out_features, in_features}, in_features));
  bias = register_parameter("bias", with_bias ? uniform_weight({out_features}, in_features) : Tensor());
}

Tensor LinearImpl::forward(const Tensor& input) { return linear(input, weight, optional(bias)); }

std::string LinearImpl::extra_repr() const {
  return cat("in_features=", weight.size(1), ", out_features=", weight.size(0), ", bias=", bias.defined());
}

// ---- Conv2d

Conv2dImpl::Conv2dImpl(const Conv2dOptions& o) : options(o) {
  RT_CHECK(o.groups_ > 0 && o.in_channels % o.groups_ == 0 && o.out_channels % o.groups_ == 0, Value,
           "Conv2d", "in_channels and out_channels must be divisible by groups; got ", o.in_channels, ", ",
           o.out_channels, " and ", o.groups_);
  const int64_t h = o.kernel_size.values[0], w = o.kernel_size.values[1], in = o.in_channels / o.groups_;
  weight = register_parameter("weight", uniform_weight({o.out_channels, in, h, w}, in * h * w));
  bias = register_parameter("bias", o.bias_ ? uniform_weight({o.out_channels}, in * h * w) : Tensor());
}

Tensor Conv2dImpl::forward(const Tensor& input) {
  return conv2d(input, weight, optional(bias), IntArrayRef(options.stride_), IntArrayRef(options.padding_),
                IntArrayRef(options.dilation_), options.groups_);
}

std::string Conv2dImpl::extra_repr() const {
  return cat(options.in_channels, ", ", options.out_channels,
             ", kernel_size=", pair_text(options.kernel_size), ", stride=", pair_text(options.stride_),
             ", padding=", pair_text(options.padding_));
}

// ---- normalisation

BatchNorm2dImpl::BatchNorm2dImpl(int64_t num_features, double eps, double momentum)
    : num_features_(num_features), eps_(eps), momentum_(momentum) {
  weight = register_parameter("weight", ones({num_features}));
  bias = register_parameter("bias", zeros({num_features}));
  running_mean = register_buffer("running_mean", zeros({num_features}));
  running_var = register_buffer("running_var", ones({num_features}));
  num_batches_tracked = register_buffer("num_batches_tracked", zeros({}, kInt64));
}

Tensor BatchNorm2dImpl::forward(const Tensor& input) {
  RT_CHECK(input.dim() == 4, Shape, "BatchNorm2d", "expected 4D input; got ", input.dim(), "D input");
  if (is_training()) num_batches_tracked.add_(1);
  return batch_norm(input, weight, bias, running_mean, running_var, is_training(), momentum_, eps_);
}

std::string BatchNorm2dImpl::extra_repr() const {
  return cat(num_features_, ", eps=", eps_, ", momentum=", momentum_,
             ", affine=True, track_running_stats=True");
}

LayerNormImpl::LayerNormImpl(std::vector<int64_t> normalized_shape, double eps)
    : shape_(std::move(normalized_shape)), eps_(eps) {
  weight = register_parameter("weight", ones(shape_));
  bias = register_parameter("bias", zeros(shape_));
}

Tensor LayerNormImpl::forward(const Tensor& input) { return layer_norm(input, shape_, weight, bias, eps_); }

// ---- Embedding

EmbeddingImpl::EmbeddingImpl(int64_t num_embeddings, int64_t embedding_dim, int64_t padding_idx)
    : padding_idx_(padding_idx) {
  Tensor table = empty({num_embeddings, embedding_dim});
  const NoGradGuard no_grad;
  table.normal_();
  if (padding_idx >= 0) table.select(0, padding_idx).zero_();
  weight = register_parameter("weight", table);
}

Tensor EmbeddingImpl::forward(const Tensor& indices) { return embedding(weight, indices, padding_idx_); }

// ---- pooling and the rest

Tensor MaxPool2dImpl::forward(const Tensor& input) { return max_pool2d(input, kernel_, stride_, padding_); }
Tensor AvgPool2dImpl::forward(const Tensor& input) { return avg_pool2d(input, kernel_); }

DropoutImpl::DropoutImpl(double p) : p_(p) {
  RT_CHECK(p >= 0 && p <= 1, Value, "Dropout", "dropout probability has to be between 0 and 1, but got ", p);
}
Tensor DropoutImpl::forward(const Tensor& input) { return dropout(input, p_, is_training()); }
std::string DropoutImpl::extra_repr() const { return cat("p=", p_); }

Tensor FlattenImpl::forward(const Tensor& input) { return flatten(input, start_, end_); }

Tensor ReLUImpl::forward(const Tensor& input) { return relu(input); }
Tensor GELUImpl::forward(const Tensor& input) { return gelu(input); }
Tensor SiLUImpl::forward(const Tensor& input) { return silu(input); }
Tensor SigmoidImpl::forward(const Tensor& input) { return sigmoid(input); }
Tensor TanhImpl::forward(const Tensor& input) { return tanh(input); }
Tensor IdentityImpl::forward(const Tensor& input) { return input; }

}  // namespace rustorch::nn
