#include "rustorch/nn/norm.h"

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/nn/functional.h"
#include "rustorch/nn/init.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

using text::Fields;

namespace {
/// Weight 1 and bias 0, or neither.
std::pair<Tensor, Tensor> make_affine(Module& m, IntArrayRef shape, bool affine, bool with_bias) {
  const Tensor weight = m.register_parameter("weight", affine ? ones(shape) : Tensor());
  const Tensor bias = m.register_parameter("bias", affine && with_bias ? zeros(shape) : Tensor());
  return {weight, bias};
}

int64_t per_channel(const Tensor& x) {
  int64_t n = x.size(0);
  for (int64_t d = 2; d < x.dim(); ++d) n *= x.size(d);
  return n;
}
}  // namespace

// ---- batch and instance norm

template <class Derived, class Options>
void NormBase<Derived, Options>::reset() {
  const auto& o = this->options;
  std::tie(weight, bias) = make_affine(*this, {o.num_features()}, o.affine(), o.bias());
  const bool track = o.track_running_stats();
  running_mean = this->register_buffer("running_mean", track ? zeros({o.num_features()}) : Tensor());
  running_var = this->register_buffer("running_var", track ? ones({o.num_features()}) : Tensor());
  num_batches_tracked = this->register_buffer("num_batches_tracked", track ? zeros({}, kInt64) : Tensor());
}

template <class Derived, class Options>
void NormBase<Derived, Options>::reset_running_stats() {
  if (!running_mean.defined()) return;
  running_mean.zero_();
  running_var.fill_(Scalar(1));
  num_batches_tracked.zero_();
}

template <class Derived, class Options>
void NormBase<Derived, Options>::reset_parameters() {
  const NoGradGuard no_grad;
  reset_running_stats();
  if (weight.defined()) weight.fill_(Scalar(1));
  if (bias.defined()) bias.zero_();
}

template <class Derived, class Options>
std::string NormBase<Derived, Options>::extra_repr() const {
  const auto& o = this->options;
  return Fields()
      .raw("", text::py(o.num_features()))
      .add("eps", o.eps())
      .add("momentum", o.momentum())
      .add("affine", o.affine())
      .add("bias", bias.defined())
      .add("track_running_stats", o.track_running_stats());
}

template <size_t N>
Tensor BatchNormImpl<N>::forward(const Tensor& x) {
  const auto& o = this->options;
  constexpr auto kDims = static_cast<int64_t>(N);
  if constexpr (N == 0) {
    RT_CHECK(x.dim() >= 2, Shape, type_name(), "expected at least 2D input (got ", x.dim(), "D input)");
  } else {
    RT_CHECK(x.dim() == kDims + 2 || (N == 1 && x.dim() == 2), Value, type_name(), "expected ",
             N == 1   ? "2D or 3D"
             : N == 2 ? "4D"
                      : "5D",
             " input (got ", x.dim(), "D input)");
  }
  double factor = o.momentum().value_or(0.0);
  std::optional<Tensor> mean = maybe(this->running_mean), var = maybe(this->running_var);
  bool training = this->is_training();
  if (training && mean) {
    this->num_batches_tracked.add_(1);
    if (!o.momentum()) factor = 1.0 / this->num_batches_tracked.template item<double>();
  }
  training = training || !mean;
  RT_CHECK(!training || per_channel(x) != 1, Value, type_name(),
           "Expected more than 1 value per channel when training, got input size ", x.sizes());
  return batch_norm(x, maybe(this->weight), maybe(this->bias), mean, var, training, factor, o.eps());
}

template <size_t N>
std::string BatchNormImpl<N>::type_name() const {
  return N == 0 ? "SyncBatchNorm" : cat("BatchNorm", N, "d");
}

template <size_t N>
Tensor InstanceNormImpl<N>::forward(const Tensor& input) {
  const auto& o = this->options;
  constexpr auto kDims = static_cast<int64_t>(N);
  RT_CHECK(input.dim() == kDims + 1 || input.dim() == kDims + 2, Value, type_name(), "expected ", kDims + 1,
           "D or ", kDims + 2, "D input (got ", input.dim(), "D input)");
  const bool batched = input.dim() == kDims + 2;
  const Tensor x = batched ? input : input.unsqueeze(0);
  RT_CHECK(!o.affine() || x.size(1) == o.num_features(), Value, type_name(),
           "expected input's channels to match num_features (", o.num_features(), "), but got: ", x.size(1));
  const bool own = this->is_training() || !o.track_running_stats();
  RT_CHECK(!own || per_channel(x) != x.size(0), Value, type_name(),
           "Expected more than 1 spatial element when training, got input size ", input.sizes());
  const Tensor y = instance_norm(x, maybe(this->weight), maybe(this->bias), maybe(this->running_mean),
                                 maybe(this->running_var), own, o.momentum().value_or(0.0), o.eps());
  return batched ? y : y.squeeze(0);
}

template <size_t N>
std::string InstanceNormImpl<N>::type_name() const {
  return cat("InstanceNorm", N, "d");
}

template class NormBase<BatchNormImpl<0>, BatchNormOptions>;
template class NormBase<BatchNormImpl<1>, BatchNormOptions>;
template class NormBase<BatchNormImpl<2>, BatchNormOptions>;
template class NormBase<BatchNormImpl<3>, BatchNormOptions>;
template class NormBase<InstanceNormImpl<1>, InstanceNormOptions>;
template class NormBase<InstanceNormImpl<2>, InstanceNormOptions>;
template class NormBase<InstanceNormImpl<3>, InstanceNormOptions>;
template class BatchNormImpl<0>;
template class BatchNormImpl<1>;
template class BatchNormImpl<2>;
template class BatchNormImpl<3>;
template class InstanceNormImpl<1>;
template class InstanceNormImpl<2>;
template class InstanceNormImpl<3>;

// ---- layer, RMS and group norm

void LayerNormImpl::reset() {
  std::tie(weight, bias) =
      make_affine(*this, options.normalized_shape(), options.elementwise_affine(), options.bias());
}
Tensor LayerNormImpl::forward(const Tensor& x) {
  return layer_norm(x, options.normalized_shape(), maybe(weight), maybe(bias), options.eps());
}
std::string LayerNormImpl::extra_repr() const {
  return Fields()
      .raw("", text::py(options.normalized_shape()))
      .add("eps", options.eps())
      .add("elementwise_affine", options.elementwise_affine())
      .add("bias", bias.defined());
}

void RMSNormImpl::reset() {
  weight = register_parameter(
      "weight", options.elementwise_affine() ? ones(IntArrayRef(options.normalized_shape())) : Tensor());
}
Tensor RMSNormImpl::forward(const Tensor& x) {
  return rms_norm(x, options.normalized_shape(), maybe(weight), options.eps());
}
std::string RMSNormImpl::extra_repr() const {
  return Fields()
      .raw("", text::py(options.normalized_shape()))
      .add("eps", options.eps())
      .add("elementwise_affine", options.elementwise_affine());
}

void GroupNormImpl::reset() {
  RT_CHECK(options.num_groups() > 0 && options.num_channels() % options.num_groups() == 0, Value, "GroupNorm",
           "num_channels (", options.num_channels(), ") must be divisible by num_groups (",
           options.num_groups(), ")");
  std::tie(weight, bias) = make_affine(*this, {options.num_channels()}, options.affine(), options.bias());
}
Tensor GroupNormImpl::forward(const Tensor& x) {
  return group_norm(x, options.num_groups(), maybe(weight), maybe(bias), options.eps());
}
std::string GroupNormImpl::extra_repr() const {
  return Fields()
      .raw("", text::py(options.num_groups()))
      .raw("", text::py(options.num_channels()))
      .add("eps", options.eps())
      .add("affine", options.affine())
      .add("bias", bias.defined());
}

// ---- local response norm

namespace {
template <class Options>
std::string lrn_text(const Options& o) {
  return Fields().raw("", text::py(o.size())).add("alpha", o.alpha()).add("beta", o.beta()).add("k", o.k());
}
}  // namespace

Tensor LocalResponseNormImpl::forward(const Tensor& x) {
  return functional::local_response_norm(x, options.size(), options.alpha(), options.beta(), options.k());
}
std::string LocalResponseNormImpl::extra_repr() const { return lrn_text(options); }

Tensor CrossMapLRN2dImpl::forward(const Tensor& x) {
  RT_CHECK(x.dim() == 4, Shape, "CrossMapLRN2d", "Expected input to be 4D, got ", x.dim(), "D instead.");
  const int64_t half = (options.size() - 1) / 2, width = 2 * half + 1;
  const Tensor square = pad(x.square().unsqueeze(1), {0, 0, 0, 0, half, half});
  Tensor total = avg_pool3d(square, {width, 1, 1}, IntArrayRef({1, 1, 1})).squeeze(1) * width;
  if (const int64_t c = x.size(1); c > half + 1) {
    // as in PyTorch, channel 0 never leaves the running sum once it should, and its share has no gradient
    const Tensor left = square.select(1, 0).narrow(1, half, 1).detach();
    total = cat({total.narrow(1, 0, half + 1), total.narrow(1, half + 1, c - half - 1) + left}, 1);
  }
  return x *
         (total * (options.alpha() / static_cast<double>(options.size())) + options.k()).pow(-options.beta());
}
std::string CrossMapLRN2dImpl::extra_repr() const { return lrn_text(options); }

}  // namespace rustorch::nn
