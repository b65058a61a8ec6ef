// Discrete distributions of probabilities, counts and categories.
#include "rustorch/distributions/discrete.h"

#include <cmath>

#include "distributions/helpers.h"
#include "rustorch/factories.h"
#include "rustorch/grad_mode.h"

namespace rustorch::distributions {

namespace c = constraints;

namespace {
/// value * log p + (1 - value) * log(1 - p), p given by its logits.
Tensor log_probability(const Tensor& logits, const Tensor& value) {
  const Tensor top = value * logits;
  return top + log_sigmoid(logits.neg());
}

/// Outcomes along the first dimension with a batch dimension of 1, or of batch_shape, for each of a batch.
Tensor enumerated(const Tensor& values, IntArrayRef batch, bool expand) {
  const IntArrayRef count = head(values.sizes(), 1), event = values.sizes().slice(1);
  const Tensor out = values.reshape(join(join(count, Shape(batch.size(), 1)), event));
  return expand ? out.expand(join(join(count, batch), event)) : out;
}

int64_t product(IntArrayRef shape) {
  int64_t n = 1;
  for (const int64_t s : shape) n *= s;
  return n;
}

Parameter binary(bool is_logits, TensorLike value, const Constraint& probs = c::unit_interval()) {
  return {is_logits ? "logits" : "probs", value, is_logits ? c::real() : probs};
}
}  // namespace

BinaryDistribution::BinaryDistribution(bool is_logits, std::vector<Parameter> parameters, Validate validate)
    : Distribution(std::move(parameters), 0, validate), is_logits_(is_logits) {}
Tensor BinaryDistribution::probs() const { return is_logits_ ? sigmoid(param(0)) : param(0); }
Tensor BinaryDistribution::logits() const {
  if (is_logits_) return param(0);
  const Tensor p = clamp_probs(param(0));
  const Tensor top = p.log();
  return top - p.neg().log1p();
}

// ---- Bernoulli

Bernoulli::Bernoulli(bool is_logits, TensorLike value, Validate validate)
    : DistributionOf(is_logits, {binary(is_logits, value)}, validate) {}
Constraint Bernoulli::support() const { return c::boolean(); }
Tensor Bernoulli::mean() const { return probs(); }
Tensor Bernoulli::mode() const {
  const Tensor p = probs();
  return where(p.eq(0.5), Scalar(kNaN), p.ge(0.5).to(p.dtype()));
}
Tensor Bernoulli::variance() const {
  const Tensor p = probs();
  return p * minus(1, p);
}
Tensor Bernoulli::sample(IntArrayRef shape) const {
  const NoGradGuard no_grad;
  return bernoulli(probs().expand(extended(shape)));
}
Tensor Bernoulli::log_prob(const Tensor& value) const { return log_probability(logits(), checked(value)); }
Tensor Bernoulli::entropy() const { return log_probability(logits(), probs()).neg(); }
Tensor Bernoulli::enumerate_support(bool expand) const {
  return enumerated(arange(2, param(0).dtype(), param(0).device()), batch_shape(), expand);
}

// ---- ContinuousBernoulli: with the logits t, the density is t exp(t x) / (exp(t) - 1)

ContinuousBernoulli::ContinuousBernoulli(bool is_logits, TensorLike value, std::pair<double, double> lims,
                                         Validate validate)
    : DistributionOf(is_logits, {binary(is_logits, value)}, validate), lims_(lims) {
  if (!is_logits) parameters_[0].second = clamp_probs(param(0));
}
/// Where the closed forms hold, the logits there (1 elsewhere), and the logits.
struct ContinuousBernoulli::Tilt {
  Tensor closed, t, small;
};
ContinuousBernoulli::Tilt ContinuousBernoulli::tilt(const Tensor& logit) const {
  const Tensor p = probs();
  const Tensor closed = p.le(lims_.first).logical_or(p.gt(lims_.second));
  return {closed, where(closed, logit, Scalar(1.0)), where(closed, Scalar(0.0), logit)};
}
Tensor ContinuousBernoulli::log_norm() const { return log_norm(logits()); }
Tensor ContinuousBernoulli::log_norm(const Tensor& logit) const {
  const auto [closed, t, small] = tilt(logit);
  const Tensor first = small.pow(2) / 12 + std::log(2.0);
  const Tensor series = first - small.pow(4) * 7 / 1440;
  const Tensor top = t.abs().log();
  return where(closed, top - (t.abs() / 2).tanh().log(), series);
}
Constraint ContinuousBernoulli::support() const { return c::unit_interval(); }
Tensor ContinuousBernoulli::mean() const { return mean(logits()); }
Tensor ContinuousBernoulli::mean(const Tensor& logit) const {
  const auto [closed, t, small] = tilt(logit);
  const Tensor first = over(-1, t.neg().expm1());
  const Tensor exact = first - over(1, t);
  const Tensor rise = small / 12 + 0.5;
  return where(closed, exact, rise - small.pow(3) / 720);
}
Tensor ContinuousBernoulli::variance() const {
  const auto [closed, t, small] = tilt(logits());
  const Tensor first = t.pow(-2);
  const Tensor exact = first - (t / 2).sinh().pow(-2) / 4;
  return where(closed, exact, minus(1.0 / 12, small.pow(2) / 240));
}
Tensor ContinuousBernoulli::rsample(IntArrayRef shape) const {
  return icdf(uniform(extended(shape), param(0)));
}
Tensor ContinuousBernoulli::log_prob(const Tensor& value) const {
  const Tensor t = logits();  // made once, as in Python: gradients are added there
  const Tensor top = log_probability(t, checked(value));
  return top + log_norm(t);
}
Tensor ContinuousBernoulli::cdf(const Tensor& value) const {
  const auto [closed, t, small] = tilt(logits());
  const Tensor x = checked(value).clamp(Scalar(0), Scalar(1));
  const Tensor series = x + small * x * (x - 1) / 2;
  // For t > 0 both exponentials are taken relative to exp(t), which may be large.
  const Tensor shift = t.clamp_min(0);
  const Tensor top = (t * x - shift).exp() - shift.neg().exp();
  const Tensor ratio = top / ((t - shift).exp() - shift.neg().exp());
  return where(closed, ratio, series);
}
Tensor ContinuousBernoulli::icdf(const Tensor& value) const {
  const auto [closed, t, small] = tilt(logits());
  const Tensor series = value + small * value * minus(1, value) / 2;
  const Tensor up = t.clamp_min(0);
  const Tensor mass = value * (t - up).exp();
  const Tensor exact = (up + (mass + minus(1, value) * up.neg().exp()).log()) / t;
  return where(closed, exact, series);
}
Tensor ContinuousBernoulli::entropy() const {
  const Tensor t = logits();
  const Tensor top = log_probability(t, mean(t)).neg();
  return top - log_norm(t);
}

// ---- Geometric

Geometric::Geometric(bool is_logits, TensorLike value, Validate validate)
    : DistributionOf(is_logits, {binary(is_logits, value)}, validate) {
  require(!validate_ || is_logits || param(0).gt(0).all().item<bool>(), "Geometric",
          "Expected parameter probs to be positive but found invalid values");
}
Constraint Geometric::support() const { return c::nonnegative_integer(); }
Tensor Geometric::mean() const { return over(1.0, probs()) - 1.0; }
Tensor Geometric::mode() const { return zeros_like(probs()); }
Tensor Geometric::variance() const {
  const Tensor p = probs();
  return (over(1.0, p) - 1.0) / p;
}
Tensor Geometric::sample(IntArrayRef shape) const {
  const NoGradGuard no_grad;
  const Tensor p = probs();
  const Tensor u = p.new_empty(extended(shape)).uniform_(tiny_of(p), 1);
  return (u.log() / p.neg().log1p()).floor();
}
Tensor Geometric::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor p = probs(), sure = p.eq(1).logical_and(value.eq(0));  // 0 * log 0
  const Tensor log_fail = where(sure, Scalar(0.0), p).neg().log1p();
  const Tensor top = value * log_fail;
  return top + p.log();
}
Tensor Geometric::entropy() const {
  const Tensor p = probs();
  return log_probability(logits(), p).neg() / p;
}

// ---- Binomial

Binomial::Binomial(bool is_logits, TensorLike total_count, TensorLike value, Validate validate)
    : DistributionOf(is_logits,
                     {binary(is_logits, value), {"total_count", total_count, c::nonnegative_integer()}},
                     validate) {}
Constraint Binomial::support() const { return c::integer_interval(0, total_count()); }
Tensor Binomial::mean() const { return total_count() * probs(); }
Tensor Binomial::mode() const { return minimum(((total_count() + 1) * probs()).floor(), total_count()); }
Tensor Binomial::variance() const {
  const Tensor p = probs();
  return total_count() * p * minus(1, p);
}
Tensor Binomial::sample(IntArrayRef sample_shape) const {
  const NoGradGuard no_grad;
  const Shape shape = extended(sample_shape);
  return binomial(total_count().expand(shape), probs().expand(shape));
}
Tensor Binomial::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor &n = total_count(), t = logits();
  const Tensor log_ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1);
  const Tensor top = log_ways + value * t;
  return top + n * log_sigmoid(t.neg());
}
int64_t Binomial::common_count() const {
  const auto count = total_count().max().item<int64_t>();
  RT_CHECK(total_count().min().item<int64_t>() == count, NotImplemented, "Binomial",
           "Inhomogeneous total count not supported");
  return count;
}
Tensor Binomial::enumerate_support(bool expand) const {
  return enumerated(arange(1 + common_count(), param(0).dtype(), param(0).device()), batch_shape(), expand);
}
Tensor Binomial::entropy() const {
  const Tensor log_p = log_prob(enumerate_support(false));
  return (log_p.exp() * log_p).sum(0).neg();
}

// ---- NegativeBinomial

NegativeBinomial::NegativeBinomial(bool is_logits, TensorLike total_count, TensorLike value,
                                   Validate validate)
    : DistributionOf(is_logits,
                     {binary(is_logits, value, c::half_open_interval(0.0, 1.0)),
                      {"total_count", total_count, c::greater_than_eq(0)}},
                     validate) {}
Constraint NegativeBinomial::support() const { return c::nonnegative_integer(); }
Tensor NegativeBinomial::mean() const { return total_count() * logits().exp(); }
Tensor NegativeBinomial::mode() const { return ((total_count() - 1) * logits().exp()).floor().clamp_min(0); }
Tensor NegativeBinomial::variance() const { return mean() / sigmoid(logits().neg()); }
Tensor NegativeBinomial::sample(IntArrayRef shape) const {
  const NoGradGuard no_grad;
  return poisson(Gamma(total_count(), logits().neg().exp(), false).sample(shape));
}
Tensor NegativeBinomial::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor &n = total_count(), t = logits();
  const Tensor first = n * log_sigmoid(t.neg());
  const Tensor log_weight = first + value * log_sigmoid(t);
  const Tensor log_ways = lgamma(n + value) - lgamma(value + 1) - lgamma(n);
  return log_weight + where((n + value).eq(0), Scalar(0.0), log_ways);
}

// ---- Poisson

Poisson::Poisson(TensorLike rate, Validate validate)
    : DistributionOf({{"rate", rate, c::nonnegative()}}, 0, validate) {}
Constraint Poisson::support() const { return c::nonnegative_integer(); }
Tensor Poisson::mean() const { return rate(); }
Tensor Poisson::mode() const { return rate().floor(); }
Tensor Poisson::variance() const { return rate(); }
Tensor Poisson::sample(IntArrayRef shape) const {
  const NoGradGuard no_grad;
  return poisson(rate().expand(extended(shape)));
}
Tensor Poisson::log_prob(const Tensor& value) const {
  const std::vector<Tensor> both = broadcast_tensors({rate(), checked(value)});
  const Tensor &r = both[0], &x = both[1];
  const Tensor top = xlogy(x, r) - r;
  return top - lgamma(x + 1);
}

// ---- Categorical

namespace {
Tensor normalised(const Tensor& value, bool is_logits) {
  RT_CHECK(value.dim() >= 1, Value, "Categorical", "`", is_logits ? "logits" : "probs",
           "` parameter must be at least one-dimensional.");
  return is_logits ? value - value.logsumexp(-1, true) : value / value.sum(-1, true);
}
}  // namespace

Categorical::Categorical(bool is_logits, const Tensor& value, Validate validate)
    : DistributionOf(without(value.sizes(), value.dim() > 0 ? 1 : 0).vec(), Shape(), validate),
      is_logits_(is_logits) {
  own(is_logits ? "logits" : "probs", normalised(value, is_logits),
      is_logits ? c::real_vector() : c::simplex());
}
Constraint Categorical::support() const { return c::integer_interval(0, num_events() - 1); }
Tensor Categorical::probs() const { return is_logits_ ? softmax(param(0), -1) : param(0); }
Tensor Categorical::logits() const { return is_logits_ ? param(0) : clamp_probs(param(0)).log(); }
Tensor Categorical::mean() const {
  return full(batch_shape(), Scalar(kNaN), param(0).dtype(), param(0).device());
}
Tensor Categorical::variance() const { return mean(); }
Tensor Categorical::mode() const { return probs().argmax(-1); }
Tensor Categorical::sample(IntArrayRef shape) const {
  const NoGradGuard no_grad;
  const Tensor rows = probs().reshape({-1, num_events()});
  const int64_t count = product(shape);
  if (count == 0) return empty(extended(shape), kInt64, rows.device());
  return multinomial(rows, count, true).t().reshape(extended(shape));
}
Tensor Categorical::log_prob(const Tensor& value) const {
  const std::vector<Tensor> both = broadcast_tensors({checked(value).to(kInt64).unsqueeze(-1), logits()});
  return both[1].gather(-1, both[0].narrow(-1, 0, 1)).squeeze(-1);
}
Tensor Categorical::entropy() const {
  const double low = param(0).dtype() == kFloat64 ? std::numeric_limits<double>::lowest()
                                                  : static_cast<double>(std::numeric_limits<float>::lowest());
  const Tensor above = logits().clamp_min(low);
  return (above * probs()).sum(-1).neg();
}
Tensor Categorical::enumerate_support(bool expand) const {
  return enumerated(arange(num_events(), kInt64, param(0).device()), batch_shape(), expand);
}

CategoricalParameter::CategoricalParameter(const Categorical& categorical, Validate validate)
    : Distribution(categorical.batch_shape(), {categorical.num_events()}, validate),
      categorical_(categorical) {}
void CategoricalParameter::expand_parameters(IntArrayRef batch_shape) {
  categorical_ = categorical_.expand(batch_shape);
  Distribution::expand_parameters(batch_shape);
}

// ---- OneHotCategorical

Tensor OneHotCategorical::one_hot_of(const Tensor& index) const {
  return one_hot(index, event_shape()[0]).to(categorical_.given().dtype());
}
Constraint OneHotCategorical::support() const { return c::one_hot(); }
Tensor OneHotCategorical::mean() const { return probs(); }
Tensor OneHotCategorical::mode() const { return one_hot_of(categorical_.mode()); }
Tensor OneHotCategorical::variance() const {
  const Tensor p = probs();
  return p * minus(1, p);
}
Tensor OneHotCategorical::sample(IntArrayRef shape) const { return one_hot_of(categorical_.sample(shape)); }
Tensor OneHotCategorical::log_prob(const Tensor& value) const {
  return categorical_.log_prob(checked(value).argmax(-1));
}
Tensor OneHotCategorical::entropy() const { return categorical_.entropy(); }
Tensor OneHotCategorical::enumerate_support(bool expand) const {
  const Tensor& like = categorical_.given();
  return enumerated(eye(event_shape()[0], like.dtype(), like.device()), batch_shape(), expand);
}

Tensor OneHotCategoricalStraightThrough::rsample(IntArrayRef shape) const {
  const Tensor p = probs(), drawn = sample(shape);
  return drawn + (p - p.detach());
}

// ---- Multinomial

Constraint Multinomial::support() const { return c::multinomial(total_count_); }
Tensor Multinomial::mean() const { return probs() * total_count_; }
Tensor Multinomial::variance() const {
  const Tensor p = probs();
  return p * total_count_ * minus(1, p);
}
Tensor Multinomial::sample(IntArrayRef shape) const {
  const Tensor drawn = categorical_.sample(join({total_count_}, shape)).movedim(0, -1);
  const Tensor counts = zeros(extended(shape), categorical_.given().dtype(), drawn.device());
  return counts.scatter_add(-1, drawn, ones_like(drawn, counts.dtype()));
}
Tensor Multinomial::log_prob(const Tensor& value) const {
  const std::vector<Tensor> both = broadcast_tensors({logits(), checked(value)});
  const Tensor &t = both[0], &counts = both[1];
  const Tensor log_ways = lgamma(counts.sum(-1) + 1) - lgamma(counts + 1).sum(-1);
  const Tensor impossible = counts.eq(0).logical_and(t.eq(-kInfinity));  // 0 * log 0
  return log_ways + (where(impossible, Scalar(0.0), t) * counts).sum(-1);
}
Tensor Multinomial::entropy() const {
  const auto n = static_cast<double>(total_count_);
  const Binomial each(total_count_, probs(), false);
  const Tensor counts = each.enumerate_support(false).narrow(0, 1, total_count_);
  const Tensor log_ways = each.log_prob(counts).exp() * lgamma(counts + 1);
  const Tensor top = categorical_.entropy() * total_count_;
  return top - log_gamma(n + 1) + log_ways.sum(IntArrayRef({0, -1}));
}

// ---- from probabilities or from logits

Bernoulli::Bernoulli(TensorLike probs, Validate validate_args) : Bernoulli(false, probs, validate_args) {}
ContinuousBernoulli::ContinuousBernoulli(TensorLike probs, std::pair<double, double> lims,
                                         Validate validate_args)
    : ContinuousBernoulli(false, probs, lims, validate_args) {}
Geometric::Geometric(TensorLike probs, Validate validate_args) : Geometric(false, probs, validate_args) {}
Binomial::Binomial(TensorLike total_count, TensorLike probs, Validate validate_args)
    : Binomial(false, total_count, probs, validate_args) {}
NegativeBinomial::NegativeBinomial(TensorLike total_count, TensorLike probs, Validate validate_args)
    : NegativeBinomial(false, total_count, probs, validate_args) {}
Categorical::Categorical(const Tensor& probs, Validate validate_args)
    : Categorical(false, probs, validate_args) {}
OneHotCategorical::OneHotCategorical(const Tensor& probs, Validate validate_args)
    : OneHotCategorical(Categorical(probs), validate_args) {}
OneHotCategorical::OneHotCategorical(const Categorical& categorical, Validate validate_args)
    : DistributionOf(categorical, validate_args) {}
OneHotCategoricalStraightThrough::OneHotCategoricalStraightThrough(const Tensor& probs,
                                                                   Validate validate_args)
    : DistributionOf(Categorical(probs), validate_args) {}
OneHotCategoricalStraightThrough::OneHotCategoricalStraightThrough(const Categorical& categorical,
                                                                   Validate validate_args)
    : DistributionOf(categorical, validate_args) {}
Multinomial::Multinomial(int64_t total_count, const Tensor& probs, Validate validate_args)
    : DistributionOf(Categorical(probs), validate_args), total_count_(total_count) {}
Multinomial::Multinomial(const Categorical& categorical, int64_t total_count, Validate validate_args)
    : DistributionOf(categorical, validate_args), total_count_(total_count) {}
Bernoulli Bernoulli::from_logits(TensorLike logits, Validate validate_args) {
  return Bernoulli(true, logits, validate_args);
}
ContinuousBernoulli ContinuousBernoulli::from_logits(TensorLike logits, std::pair<double, double> lims,
                                                     Validate validate_args) {
  return ContinuousBernoulli(true, logits, lims, validate_args);
}
Geometric Geometric::from_logits(TensorLike logits, Validate validate_args) {
  return Geometric(true, logits, validate_args);
}
Binomial Binomial::from_logits(TensorLike total_count, TensorLike logits, Validate validate_args) {
  return Binomial(true, total_count, logits, validate_args);
}
NegativeBinomial NegativeBinomial::from_logits(TensorLike total_count, TensorLike logits,
                                               Validate validate_args) {
  return NegativeBinomial(true, total_count, logits, validate_args);
}
Categorical Categorical::from_logits(const Tensor& logits, Validate validate_args) {
  return Categorical(true, logits, validate_args);
}
OneHotCategorical OneHotCategorical::from_logits(const Tensor& logits, Validate validate_args) {
  return OneHotCategorical(Categorical::from_logits(logits), validate_args);
}
OneHotCategoricalStraightThrough OneHotCategoricalStraightThrough::from_logits(const Tensor& logits,
                                                                               Validate validate_args) {
  return OneHotCategoricalStraightThrough(Categorical::from_logits(logits), validate_args);
}
Multinomial Multinomial::from_logits(int64_t total_count, const Tensor& logits, Validate validate_args) {
  return Multinomial(Categorical::from_logits(logits), total_count, validate_args);
}

}  // namespace rustorch::distributions
