#include "rustorch/nn/lazy.h"

#include <algorithm>

#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

// ---- tensors without a shape

Tensor LazyParameters::wait() {
  waiting_.push_back(empty({0}));
  return waiting_.back();
}

bool LazyParameters::is_waiting(const Tensor& t) const {
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const Tensor& w) { return w.is_same(t); });
}

void LazyParameters::materialize(const Tensor& t, IntArrayRef shape) {
  if (!t.defined() || !is_waiting(t)) return;
  const NoGradGuard no_grad;
  t.set_data(empty(shape, t.dtype(), t.device()));
  std::erase_if(waiting_, [&](const Tensor& w) { return w.is_same(t); });
}

void LazyParameters::load(const std::string& prefix, const StateDict& state, const Module& module) {
  for (const auto& list : {module.named_parameters(false), module.named_buffers(false)}) {
    for (const auto& [name, t] : list) {
      if (const Tensor* given = state.find(prefix + name)) materialize(t, given->sizes());
    }
  }
}

// ---- Linear

LazyLinearImpl::LazyLinearImpl(LazyLinearOptions o) : LazyOf(LinearOptions(0, 0, false)) {
  options.out_features(o.out_features()).bias(o.bias());
  weight = wait().requires_grad_(true);
  replace_parameter("weight", weight);
  if (!o.bias()) return;
  bias = wait().requires_grad_(true);
  replace_parameter("bias", bias);
}

void LazyLinearImpl::initialize_parameters(const Tensor& input) {
  const int64_t in = input.size(-1);
  if (has_uninitialized_params()) {
    options.in_features(in);
    materialize(weight, {options.out_features(), in});
    materialize(bias, {options.out_features()});
    reset_parameters();
  }
  options.in_features(in);
  RT_CHECK(in == weight.size(-1), Value, "LazyLinear",
           "The in_features inferred from input does not fit the weight");
}

namespace {
/// A lazy layer that has seen no input has nothing to copy; one that has is a plain layer.
template <class Lazy, class Options, class Base>
std::shared_ptr<Module> clone_lazy(const Lazy& layer, const Options& options, bool waits, const Base& base) {
  if (!waits) return base();
  auto copy = std::make_shared<Lazy>(options);
  copy->train(layer.is_training());
  return copy;
}
}  // namespace

std::shared_ptr<Module> LazyLinearImpl::clone() const {
  return clone_lazy(*this, LazyLinearOptions(options.out_features(), options.bias()),
                    has_uninitialized_params(), [&] { return LinearImpl::clone(); });
}

// ---- convolutions

namespace {
/// The options of a layer that makes no weights.
template <class Options>
Options without_weights(Options o) {
  o.in_channels(0).out_channels(0).bias(false);
  return o;
}
template <size_t N>
IntArrayRef weight_lead(const ConvOptions<N>& o, int64_t (&lead)[2]) {
  lead[0] = o.out_channels();
  lead[1] = o.in_channels() / o.groups();
  return lead;
}
template <size_t N>
IntArrayRef weight_lead(const ConvTransposeOptions<N>& o, int64_t (&lead)[2]) {
  lead[0] = o.in_channels();
  lead[1] = o.out_channels() / o.groups();
  return lead;
}
template <size_t N>
int64_t channels_of(const ConvOptions<N>& o, const Tensor& weight) {
  return weight.size(1) * o.groups();
}
template <size_t N>
int64_t channels_of(const ConvTransposeOptions<N>&, const Tensor& weight) {
  return weight.size(0);
}
}  // namespace

template <class Base, class Options, size_t N>
LazyConvOf<Base, Options, N>::LazyConvOf(Options o) : LazyOf<Base>(without_weights(o)) {
  this->options.out_channels(o.out_channels()).bias(o.bias());
  this->weight = this->wait().requires_grad_(true);
  this->replace_parameter("weight", this->weight);
  if (!o.bias()) return;
  this->bias = this->wait().requires_grad_(true);
  this->replace_parameter("bias", this->bias);
}

template <class Base, class Options, size_t N>
void LazyConvOf<Base, Options, N>::initialize_parameters(const Tensor& input) {
  auto& o = this->options;
  if (!this->has_uninitialized_params()) {  // the weight was loaded
    if (o.in_channels() == 0) o.in_channels(channels_of(o, this->weight));
    return;
  }
  constexpr auto kDims = static_cast<int64_t>(N);
  RT_CHECK(input.dim() == kDims + 1 || input.dim() == kDims + 2, Value, this->type_name(), "Expected ",
           kDims + 1, "D (unbatched) or ", kDims + 2,
           "D (batched) input, but got input of size: ", input.sizes());
  o.in_channels(input.size(-kDims - 1));
  RT_CHECK(o.in_channels() % o.groups() == 0, Value, this->type_name(),
           "in_channels must be divisible by groups");
  int64_t lead[2];
  std::vector<int64_t> shape = weight_lead(o, lead).vec();
  for (const int64_t k : o.kernel_size().ref()) shape.push_back(k);
  this->materialize(this->weight, shape);
  this->materialize(this->bias, {o.out_channels()});
  this->reset_parameters();
}

template <class Base, class Options, size_t N>
std::shared_ptr<Module> LazyConvOf<Base, Options, N>::clone() const {
  return clone_lazy(*this, Options(this->options), this->has_uninitialized_params(),
                    [&] { return Base::clone(); });
}

// ---- norms

namespace {
template <class Options>
Options without_tensors(Options o) {
  o.num_features(0).affine(false).track_running_stats(false);
  return o;
}
}  // namespace

template <class Base, class Options, size_t N>
LazyNormOf<Base, Options, N>::LazyNormOf(Options o) : LazyOf<Base>(without_tensors(o)) {
  this->options.affine(o.affine()).track_running_stats(o.track_running_stats());
  if (o.affine()) {
    this->weight = this->wait().requires_grad_(true);
    this->replace_parameter("weight", this->weight);
    if (o.bias()) {
      this->bias = this->wait().requires_grad_(true);
      this->replace_parameter("bias", this->bias);
    }
  }
  if (!o.track_running_stats()) return;
  this->running_mean = this->wait();
  this->running_var = this->wait();
  this->num_batches_tracked = zeros({}, kInt64);
  this->replace_buffer("running_mean", this->running_mean);
  this->replace_buffer("running_var", this->running_var);
  this->replace_buffer("num_batches_tracked", this->num_batches_tracked);
}

template <class Base, class Options, size_t N>
void LazyNormOf<Base, Options, N>::initialize_parameters(const Tensor& input) {
  auto& o = this->options;
  if (!this->has_uninitialized_params()) {
    const Tensor& loaded = this->weight.defined() ? this->weight : this->running_mean;
    if (o.num_features() == 0 && loaded.defined()) o.num_features(loaded.size(0));
    return;
  }
  o.num_features(input.size(1));
  for (const Tensor& t : {this->weight, this->bias, this->running_mean, this->running_var}) {
    this->materialize(t, {o.num_features()});
  }
  this->reset_parameters();
}

template <class Base, class Options, size_t N>
std::shared_ptr<Module> LazyNormOf<Base, Options, N>::clone() const {
  return clone_lazy(*this, Options(this->options), this->has_uninitialized_params(),
                    [&] { return Base::clone(); });
}

#define RT_LAZY(N)                                                                   \
  template class LazyConvOf<ConvNdImpl<N>, LazyConvOptions<N>, N>;                   \
  template class LazyConvOf<ConvTransposeNdImpl<N>, LazyConvTransposeOptions<N>, N>; \
  template class LazyNormOf<BatchNormImpl<N>, LazyBatchNormOptions, N>;              \
  template class LazyNormOf<InstanceNormImpl<N>, LazyInstanceNormOptions, N>;
RT_LAZY(1)
RT_LAZY(2)
RT_LAZY(3)
#undef RT_LAZY

}  // namespace rustorch::nn
