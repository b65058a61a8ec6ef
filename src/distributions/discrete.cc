#include "rustorch/distributions/discrete.h"

#include <cmath>

#include "distributions/helpers.h"
#include "rustorch/factories.h"

namespace rustorch::distributions {

using Kind = Constraint::Kind;

namespace {
Tensor clamped(const Tensor& probs) { return probs.clamp(Scalar(eps_of(probs)), Scalar(1 - eps_of(probs))); }

/// value * log p + (1 - value) * log(1 - p), p given by its logits.
Tensor log_probability(const Tensor& logits, const Tensor& value) {
  return value * logits + log_sigmoid(logits.neg());
}

/// Outcomes along the first dimension with a batch dimension of 1, or of batch_shape, for each of a batch.
Tensor enumerated(const Tensor& values, IntArrayRef batch, bool expand) {
  std::vector<int64_t> narrow = {values.size(0)}, wide = narrow;
  for (const int64_t n : batch) {
    narrow.push_back(1);
    wide.push_back(n);
  }
  for (int64_t d = 1; d < values.dim(); ++d) {
    narrow.push_back(values.size(d));
    wide.push_back(values.size(d));
  }
  const Tensor out = values.reshape(narrow);
  return expand ? out.expand(wide) : out;
}

int64_t product(IntArrayRef shape) {
  int64_t n = 1;
  for (const int64_t s : shape) n *= s;
  return n;
}

std::vector<Parameter> binary(bool is_logits, TensorLike value) {
  return {{is_logits ? "logits" : "probs", value, is_logits ? Kind::Real : Kind::UnitInterval}};
}
std::vector<Parameter> counted(bool is_logits, TensorLike value, TensorLike count, Kind kind) {
  return {binary(is_logits, value)[0], {"total_count", count, kind}};
}
}  // namespace

template <class Derived>
BinaryDistribution<Derived>::BinaryDistribution(bool is_logits, std::vector<Parameter> parameters)
    : DistributionOf<Derived>(std::move(parameters)), is_logits_(is_logits) {}
template <class Derived>
Tensor BinaryDistribution<Derived>::probs() const {
  return is_logits_ ? sigmoid(this->param(0)) : this->param(0);
}
template <class Derived>
Tensor BinaryDistribution<Derived>::logits() const {
  if (is_logits_) return this->param(0);
  const Tensor p = clamped(this->param(0));
  return p.log() - p.neg().log1p();
}
template class BinaryDistribution<Bernoulli>;
template class BinaryDistribution<Geometric>;
template class BinaryDistribution<Binomial>;
template class BinaryDistribution<NegativeBinomial>;

// ---- Bernoulli

Bernoulli::Bernoulli(TensorLike value, bool is_logits)
    : BinaryDistribution(is_logits, binary(is_logits, value)) {}
Constraint Bernoulli::support() const { return Kind::Boolean; }
Tensor Bernoulli::mean() const { return probs(); }
Tensor Bernoulli::mode() const {
  const Tensor p = probs();
  return where(p.eq(0.5), Scalar(kNaN), p.ge(0.5).to(p.dtype()));
}
Tensor Bernoulli::variance() const { return probs() * (Scalar(1) - probs()); }
Tensor Bernoulli::sample(IntArrayRef shape) const {
  return bernoulli(probs().detach().expand(extended(shape)));
}
Tensor Bernoulli::log_prob(const Tensor& value) const { return log_probability(logits(), checked(value)); }
Tensor Bernoulli::entropy() const { return log_probability(logits(), probs()).neg(); }
Tensor Bernoulli::enumerate_support(bool expand) const {
  return enumerated(arange(2, param(0).dtype()), batch_shape(), expand);
}

// ---- Geometric

Geometric::Geometric(TensorLike value, bool is_logits)
    : BinaryDistribution(is_logits, binary(is_logits, value)) {
  require(!validate_ || is_logits || param(0).gt(0).all().item<bool>(), "Geometric",
          "probs must be positive");
}
Constraint Geometric::support() const { return Kind::NonnegativeInteger; }
Tensor Geometric::mean() const { return probs().reciprocal() - 1.0; }
Tensor Geometric::mode() const { return zeros_like(probs()); }
Tensor Geometric::variance() const { return (probs().reciprocal() - 1.0) / probs(); }
Tensor Geometric::sample(IntArrayRef shape) const {
  const Tensor p = probs().detach();
  const Tensor u = empty(extended(shape), p.dtype(), p.device()).uniform_(tiny_of(p), 1);
  return (u.log() / p.neg().log1p()).floor();
}
Tensor Geometric::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor p = probs(), sure = p.eq(1).logical_and(value.eq(0));  // 0 * log 0
  return value * where(sure, Scalar(0.0), p).neg().log1p() + p.log();
}
Tensor Geometric::entropy() const { return log_probability(logits(), probs()).neg() / probs(); }

// ---- Binomial

Binomial::Binomial(TensorLike total_count, TensorLike value, bool is_logits)
    : BinaryDistribution(is_logits, counted(is_logits, value, total_count, Kind::NonnegativeInteger)) {}
Constraint Binomial::support() const {
  return Constraint(Kind::IntegerInterval, zeros_like(total_count()), total_count());
}
Tensor Binomial::mean() const { return total_count() * probs(); }
Tensor Binomial::mode() const { return minimum(((total_count() + 1) * probs()).floor(), total_count()); }
Tensor Binomial::variance() const { return total_count() * probs() * (Scalar(1) - probs()); }
Tensor Binomial::sample(IntArrayRef shape) const {
  return binomial(total_count().expand(extended(shape)), probs().detach().expand(extended(shape)));
}
Tensor Binomial::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor& n = total_count();
  const Tensor log_ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1);
  return log_ways + value * logits() + n * log_sigmoid(logits().neg());
}
Tensor Binomial::enumerate_support(bool expand) const {
  const auto count = total_count().max().item<int64_t>();
  require(total_count().min().item<int64_t>() == count, "Binomial",
          "Inhomogeneous total count not supported");
  return enumerated(arange(count + 1, param(0).dtype()), batch_shape(), expand);
}
Tensor Binomial::entropy() const {
  const Tensor log_p = log_prob(enumerate_support(false));
  return (log_p.exp() * log_p).sum(0).neg();
}

// ---- NegativeBinomial

NegativeBinomial::NegativeBinomial(TensorLike total_count, TensorLike value, bool is_logits)
    : BinaryDistribution(is_logits, counted(is_logits, value, total_count, Kind::Nonnegative)) {
  require(!validate_ || is_logits || param(0).lt(1).all().item<bool>(), "NegativeBinomial",
          "probs must be below 1");
}
Constraint NegativeBinomial::support() const { return Kind::NonnegativeInteger; }
Tensor NegativeBinomial::mean() const { return total_count() * logits().exp(); }
Tensor NegativeBinomial::mode() const { return ((total_count() - 1) * logits().exp()).floor().clamp_min(0); }
Tensor NegativeBinomial::variance() const { return mean() / sigmoid(logits().neg()); }
Tensor NegativeBinomial::sample(IntArrayRef shape) const {
  return poisson(Gamma(total_count(), logits().detach().neg().exp()).sample(shape));
}
Tensor NegativeBinomial::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor& n = total_count();
  const Tensor log_weight = n * log_sigmoid(logits().neg()) + value * log_sigmoid(logits());
  const Tensor log_ways = lgamma(n + value) - lgamma(value + 1) - lgamma(n);
  return log_weight + where((n + value).eq(0), Scalar(0.0), log_ways);
}

// ---- Poisson

Poisson::Poisson(TensorLike rate) : DistributionOf({{"rate", rate, Kind::Nonnegative}}) {}
Constraint Poisson::support() const { return Kind::NonnegativeInteger; }
Tensor Poisson::mean() const { return rate(); }
Tensor Poisson::mode() const { return rate().floor(); }
Tensor Poisson::variance() const { return rate(); }
Tensor Poisson::sample(IntArrayRef shape) const { return poisson(rate().detach().expand(extended(shape))); }
Tensor Poisson::log_prob(const Tensor& value) const {
  return xlogy(checked(value), rate()) - rate() - lgamma(value + 1);
}

// ---- Categorical

namespace {
Tensor normalised(const Tensor& value, bool is_logits) {
  require(value.dim() >= 1, "Categorical", "the parameter must be at least one-dimensional.");
  return is_logits ? value - value.logsumexp(-1, true) : value / value.sum(-1, true);
}
}  // namespace

Categorical::Categorical(const Tensor& value, bool is_logits)
    : DistributionOf({{is_logits ? "logits" : "probs", normalised(value, is_logits),
                       is_logits ? Kind::RealVector : Kind::Simplex}},
                     1),
      is_logits_(is_logits) {
  event_shape_.clear();
}
Constraint Categorical::support() const {
  return Constraint(Kind::IntegerInterval, scalar_tensor(0), scalar_tensor(num_events() - 1));
}
Tensor Categorical::probs() const { return is_logits_ ? softmax(param(0), -1) : param(0); }
Tensor Categorical::logits() const { return is_logits_ ? param(0) : clamped(param(0)).log(); }
Tensor Categorical::mean() const { return full(batch_shape(), Scalar(kNaN), param(0).dtype()); }
Tensor Categorical::variance() const { return mean(); }
Tensor Categorical::mode() const { return probs().argmax(-1); }
Tensor Categorical::sample(IntArrayRef shape) const {
  const Tensor rows = probs().detach().reshape({-1, num_events()});
  const int64_t count = product(shape);
  if (count == 0) return empty(extended(shape), kInt64);
  return multinomial(rows, count, true).t().reshape(extended(shape));
}
Tensor Categorical::log_prob(const Tensor& value) const {
  const std::vector<Tensor> both = broadcast_tensors({checked(value).to(kInt64).unsqueeze(-1), logits()});
  return both[1].gather(-1, both[0].narrow(-1, 0, 1)).squeeze(-1);
}
Tensor Categorical::entropy() const {
  const double low = param(0).dtype() == kFloat64 ? std::numeric_limits<double>::lowest()
                                                  : static_cast<double>(std::numeric_limits<float>::lowest());
  return (logits().clamp_min(low) * probs()).sum(-1).neg();
}
Tensor Categorical::enumerate_support(bool expand) const {
  return enumerated(arange(num_events()), batch_shape(), expand);
}

// ---- OneHotCategorical and Multinomial

OneHotCategorical::OneHotCategorical(const Tensor& probs)
    : DistributionOf({{"probs", normalised(probs, false), Kind::Simplex}}, 1) {}
Constraint OneHotCategorical::support() const { return Kind::OneHot; }
Tensor OneHotCategorical::mean() const { return param(0); }
Tensor OneHotCategorical::mode() const {
  return one_hot(categorical().mode(), event_shape()[0]).to(param(0).dtype());
}
Tensor OneHotCategorical::variance() const { return param(0) * (Scalar(1) - param(0)); }
Tensor OneHotCategorical::sample(IntArrayRef shape) const {
  return one_hot(categorical().sample(shape), event_shape()[0]).to(param(0).dtype());
}
Tensor OneHotCategorical::log_prob(const Tensor& value) const {
  return categorical().log_prob(checked(value).argmax(-1));
}
Tensor OneHotCategorical::entropy() const { return categorical().entropy(); }
Tensor OneHotCategorical::enumerate_support(bool expand) const {
  return enumerated(eye(event_shape()[0], param(0).dtype()), batch_shape(), expand);
}

Multinomial::Multinomial(int64_t total_count, const Tensor& probs)
    : DistributionOf({{"probs", normalised(probs, false), Kind::Simplex}}, 1), total_count_(total_count) {}
Constraint Multinomial::support() const {
  return Constraint(Kind::Multinomial, {}, scalar_tensor(total_count_));
}
Tensor Multinomial::mean() const { return param(0) * total_count_; }
Tensor Multinomial::mode() const { missing("mode"); }
Tensor Multinomial::variance() const { return param(0) * total_count_ * (Scalar(1) - param(0)); }
Tensor Multinomial::sample(IntArrayRef shape) const {
  std::vector<int64_t> draws = {total_count_};
  draws.insert(draws.end(), shape.begin(), shape.end());
  Tensor drawn = categorical().sample(draws).movedim(0, -1);
  const Tensor counts = zeros(extended(shape), param(0).dtype());
  return counts.scatter_add(-1, drawn, ones_like(drawn, counts.dtype()));
}
Tensor Multinomial::log_prob(const Tensor& value) const {
  const std::vector<Tensor> both = broadcast_tensors({categorical().logits(), checked(value)});
  const Tensor &logits = both[0], &counts = both[1];
  const Tensor log_ways = lgamma(counts.sum(-1) + 1) - lgamma(counts + 1).sum(-1);
  const Tensor impossible = counts.eq(0).logical_and(logits.eq(-kInfinity));  // 0 * log 0
  return log_ways + (where(impossible, Scalar(0.0), logits) * counts).sum(-1);
}

}  // namespace rustorch::distributions
