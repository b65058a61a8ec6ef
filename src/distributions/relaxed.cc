// Continuous relaxations of discrete distributions (Maddison et al.; Jang et al., 2017), and mixtures.
#include <cmath>

#include "distributions/helpers.h"
#include "rustorch/distributions/discrete.h"
#include "rustorch/grad_mode.h"
#include "rustorch/special.h"

namespace rustorch::distributions {

namespace c = constraints;

namespace {
/// a + log(temperature).
Tensor plus_log(const Tensor& a, const Value& temperature) {
  return temperature.is_tensor() ? a + temperature.tensor().log()
                                 : a + std::log(temperature.number().to_double());
}
}  // namespace

// ---- Bernoulli

LogitRelaxedBernoulli::LogitRelaxedBernoulli(bool is_logits, const Value& temperature, TensorLike value,
                                             Validate validate)
    : DistributionOf(is_logits,
                     {{is_logits ? "logits" : "probs", value, is_logits ? c::real() : c::unit_interval()}},
                     validate),
      temperature_(temperature) {}
Constraint LogitRelaxedBernoulli::support() const { return c::real(); }
Tensor LogitRelaxedBernoulli::rsample(IntArrayRef shape) const {
  const Tensor t = logit(clamp_probs(probs()));
  const Tensor u = clamp_probs(uniform(extended(shape), t));
  return (logit(u) + t).div(temperature_);
}
Tensor LogitRelaxedBernoulli::log_prob(const Tensor& value) const {
  const Tensor z = logits() - checked(value).mul(temperature_);
  return plus_log(z, temperature_) - softplus(z) * 2;
}

RelaxedBernoulli::RelaxedBernoulli(const LogitRelaxedBernoulli& base, Validate validate)
    : DistributionOf(base, SigmoidTransform(), validate) {}
RelaxedBernoulli::RelaxedBernoulli(const Value& temperature, TensorLike probs, Validate validate)
    : RelaxedBernoulli(LogitRelaxedBernoulli(temperature, probs), validate) {}
RelaxedBernoulli RelaxedBernoulli::from_logits(const Value& temperature, TensorLike logits,
                                               Validate validate) {
  return RelaxedBernoulli(LogitRelaxedBernoulli::from_logits(temperature, logits), validate);
}
Constraint RelaxedBernoulli::support() const { return c::unit_interval(); }

// ---- categories

Constraint ExpRelaxedCategorical::support() const { return c::real_vector(); }
Tensor ExpRelaxedCategorical::rsample(IntArrayRef shape) const {
  const Tensor t = logits();
  const Tensor u = clamp_probs(uniform(extended(shape), t));
  const Tensor gumbel = u.log().neg().log().neg();
  return log_softmax((t + gumbel).div(temperature_), -1);
}
Tensor ExpRelaxedCategorical::log_prob(const Tensor& value) const {
  const auto k = static_cast<double>(event_shape()[0]);
  const Tensor scores = log_softmax(logits() - checked(value).mul(temperature_), -1).sum(-1);
  if (!temperature_.is_tensor()) {
    return scores + (log_gamma(k) + (k - 1) * std::log(temperature_.number().to_double()));
  }
  return scores + (temperature_.tensor().log() * (k - 1) + log_gamma(k));
}

RelaxedOneHotCategorical::RelaxedOneHotCategorical(const ExpRelaxedCategorical& base, Validate validate)
    : DistributionOf(base, ExpTransform(), validate) {}
RelaxedOneHotCategorical::RelaxedOneHotCategorical(const Value& temperature, const Tensor& probs,
                                                   Validate validate)
    : RelaxedOneHotCategorical(ExpRelaxedCategorical(temperature, probs, validate), validate) {}
RelaxedOneHotCategorical RelaxedOneHotCategorical::from_logits(const Value& temperature, const Tensor& logits,
                                                               Validate validate) {
  return RelaxedOneHotCategorical(ExpRelaxedCategorical::from_logits(temperature, logits, validate),
                                  validate);
}
Constraint RelaxedOneHotCategorical::support() const { return c::simplex(); }

// ---- mixtures

MixtureSameFamily::MixtureSameFamily(const Categorical& mixture, DistributionPtr component, Validate validate)
    : DistributionOf(Shape(), component->event_shape(), validate),
      mixture_(mixture),
      component_(std::move(component)) {
  const IntArrayRef components = component_->batch_shape(), own = mixture_.batch_shape();
  require(!components.empty(), "MixtureSameFamily", "the components need a batch dimension");
  const IntArrayRef batch = without(components, 1);
  for (size_t i = 1; i <= std::min(own.size(), batch.size()); ++i) {
    const int64_t a = own[own.size() - i], b = batch[batch.size() - i];
    RT_CHECK(a == 1 || b == 1 || a == b, Value, "MixtureSameFamily", "`mixture_distribution.batch_shape` (",
             own, ") is not compatible with `component_distribution.batch_shape`(", batch, ")");
  }
  RT_CHECK(mixture_.num_events() == components.back(), Value, "MixtureSameFamily",
           "`mixture_distribution component` (", mixture_.num_events(),
           ") does not equal `component_distribution.batch_shape[-1]` (", components.back(), ")");
  batch_shape_ = batch.vec();
}

void MixtureSameFamily::expand_parameters(IntArrayRef batch_shape) {
  component_ = component_->expanded(join(batch_shape, {component_->batch_shape().back()}));
  mixture_ = mixture_.expand(batch_shape);
  batch_shape_ = batch_shape.vec();
}

std::string MixtureSameFamily::str() const {
  return "MixtureSameFamily(\n  " + mixture_.str() + ",\n  " + component_->str() + ")";
}
Constraint MixtureSameFamily::support() const { return c::mixture_same_family(component_->support()); }

Tensor MixtureSameFamily::padded(const Tensor& value) const {
  return value.unsqueeze(-1 - static_cast<int64_t>(event_shape_.size()));
}
Tensor MixtureSameFamily::average(const Tensor& value) const {
  const Tensor probs = mixture_.probs();
  const Tensor weights = probs.reshape(join(probs.sizes(), Shape(event_shape_.size(), 1)));
  return (weights * value).sum(-1 - static_cast<int64_t>(event_shape_.size()));
}
Tensor MixtureSameFamily::mean() const { return average(component_->mean()); }
Tensor MixtureSameFamily::variance() const {
  const Tensor within = average(component_->variance());
  const Tensor away = component_->mean() - padded(mean());
  return within + average(away * away);
}
Tensor MixtureSameFamily::cdf(const Tensor& value) const {
  const Tensor parts = component_->cdf(padded(value));
  return (parts * mixture_.probs()).sum(-1);
}
Tensor MixtureSameFamily::log_prob(const Tensor& value) const {
  const Tensor parts = component_->log_prob(padded(checked(value)));
  const Tensor weights = log_softmax(mixture_.logits(), -1);
  return (parts + weights).logsumexp(-1);
}
Tensor MixtureSameFamily::sample(IntArrayRef shape) const {
  const NoGradGuard no_grad;
  const Tensor chosen = mixture_.sample(shape);
  const Tensor values = component_->sample(shape);
  const Tensor index = chosen.reshape(join(chosen.sizes(), Shape(event_shape_.size() + 1, 1)));
  const int64_t dim = -1 - static_cast<int64_t>(event_shape_.size());
  const Shape wide = join(join(chosen.sizes(), {1}), event_shape_);
  return values.gather(dim, index.expand(wide)).squeeze(dim);
}

// ---- from probabilities or from logits

LogitRelaxedBernoulli::LogitRelaxedBernoulli(const Value& temperature, TensorLike probs,
                                             Validate validate_args)
    : LogitRelaxedBernoulli(false, temperature, probs, validate_args) {}
ExpRelaxedCategorical::ExpRelaxedCategorical(const Value& temperature, const Tensor& probs,
                                             Validate validate_args)
    : DistributionOf(Categorical(probs), validate_args), temperature_(temperature) {}
ExpRelaxedCategorical::ExpRelaxedCategorical(const Categorical& categorical, Value temperature,
                                             Validate validate_args)
    : DistributionOf(categorical, validate_args), temperature_(std::move(temperature)) {}
LogitRelaxedBernoulli LogitRelaxedBernoulli::from_logits(const Value& temperature, TensorLike logits,
                                                         Validate validate_args) {
  return LogitRelaxedBernoulli(true, temperature, logits, validate_args);
}
ExpRelaxedCategorical ExpRelaxedCategorical::from_logits(const Value& temperature, const Tensor& logits,
                                                         Validate validate_args) {
  return ExpRelaxedCategorical(Categorical::from_logits(logits), temperature, validate_args);
}

}  // namespace rustorch::distributions
