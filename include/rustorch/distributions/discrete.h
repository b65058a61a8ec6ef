// Discrete distributions. Those of probabilities are given either probs or logits: `Bernoulli(probs)`,
// `Bernoulli::from_logits(logits)`; the other is computed when it is asked for.
#pragma once
#include "rustorch/distributions/continuous.h"

namespace rustorch::distributions {

#define RT_DISCRETE(Name)                                      \
 public:                                                       \
  std::string type_name() const override { return #Name; }     \
  Constraint support() const override;                         \
  Tensor log_prob(const Tensor& value) const override;         \
  Tensor sample(IntArrayRef sample_shape = {}) const override; \
  RT_MOMENTS

/// The probability of a success or its log-odds, whichever was given, as the first parameter.
template <class Derived>
class BinaryDistribution : public DistributionOf<Derived> {
 public:
  Tensor probs() const;
  Tensor logits() const;

 protected:
  BinaryDistribution(bool is_logits, std::vector<Parameter> parameters);
  bool is_logits_;
};

/// 1 with probability probs, else 0.
class Bernoulli final : public BinaryDistribution<Bernoulli> {
  RT_DISCRETE(Bernoulli);
  explicit Bernoulli(TensorLike probs) : Bernoulli(probs, false) {}
  static Bernoulli from_logits(TensorLike logits) { return Bernoulli(logits, true); }
  Tensor entropy() const override;
  Tensor enumerate_support(bool expand = true) const override;

 private:
  Bernoulli(TensorLike value, bool is_logits);
};

/// Failures before the first success.
class Geometric final : public BinaryDistribution<Geometric> {
  RT_DISCRETE(Geometric);
  explicit Geometric(TensorLike probs) : Geometric(probs, false) {}
  static Geometric from_logits(TensorLike logits) { return Geometric(logits, true); }
  Tensor entropy() const override;

 private:
  Geometric(TensorLike value, bool is_logits);
};

/// Successes among total_count trials.
class Binomial final : public BinaryDistribution<Binomial> {
  RT_DISCRETE(Binomial);
  Binomial(TensorLike total_count, TensorLike probs) : Binomial(total_count, probs, false) {}
  static Binomial from_logits(TensorLike total_count, TensorLike logits) {
    return Binomial(total_count, logits, true);
  }
  Tensor entropy() const override;
  Tensor enumerate_support(bool expand = true) const override;
  const Tensor& total_count() const { return param(1); }

 private:
  Binomial(TensorLike total_count, TensorLike value, bool is_logits);
};

/// Successes before total_count failures.
class NegativeBinomial final : public BinaryDistribution<NegativeBinomial> {
  RT_DISCRETE(NegativeBinomial);
  NegativeBinomial(TensorLike total_count, TensorLike probs) : NegativeBinomial(total_count, probs, false) {}
  static NegativeBinomial from_logits(TensorLike total_count, TensorLike logits) {
    return NegativeBinomial(total_count, logits, true);
  }
  const Tensor& total_count() const { return param(1); }

 private:
  NegativeBinomial(TensorLike total_count, TensorLike value, bool is_logits);
};

/// Counts of events that happen independently, `rate` of them on average.
class Poisson final : public DistributionOf<Poisson> {
  RT_DISCRETE(Poisson);
  explicit Poisson(TensorLike rate);
  const Tensor& rate() const { return param(0); }
};

/// The integers 0 ... K-1 with the probabilities along the last dimension.
class Categorical final : public DistributionOf<Categorical> {
  RT_DISCRETE(Categorical);
  explicit Categorical(const Tensor& probs) : Categorical(probs, false) {}
  static Categorical from_logits(const Tensor& logits) { return Categorical(logits, true); }
  Tensor entropy() const override;
  Tensor enumerate_support(bool expand = true) const override;
  Tensor probs() const;
  Tensor logits() const;
  int64_t num_events() const { return param(0).size(-1); }

 private:
  Categorical(const Tensor& value, bool is_logits);
  bool is_logits_;
};

/// Categorical whose samples are one-hot vectors.
class OneHotCategorical final : public DistributionOf<OneHotCategorical> {
  RT_DISCRETE(OneHotCategorical);
  explicit OneHotCategorical(const Tensor& probs);
  Tensor entropy() const override;
  Tensor enumerate_support(bool expand = true) const override;
  Categorical categorical() const { return Categorical(param(0)); }
};

/// How often each category came in total_count draws.
class Multinomial final : public DistributionOf<Multinomial> {
  RT_DISCRETE(Multinomial);
  Multinomial(int64_t total_count, const Tensor& probs);
  Categorical categorical() const { return Categorical(param(0)); }
  int64_t total_count() const { return total_count_; }

 private:
  int64_t total_count_;
};

#undef RT_DISCRETE
#undef RT_MOMENTS
#undef RT_CDF

}  // namespace rustorch::distributions
