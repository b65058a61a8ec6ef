// Discrete distributions, their continuous relaxations, and mixtures. Those of probabilities are given either
// probs or logits: `Bernoulli(probs)`, `Bernoulli::from_logits(logits)`; the other is computed when it is
// asked for.
#pragma once
#include "rustorch/distributions/continuous.h"

namespace rustorch::distributions {

#define RT_SAMPLE Tensor sample(IntArrayRef sample_shape = {}) const override
#define RT_DISCRETE \
  RT_SUPPORT;       \
  RT_LOG_PROB;      \
  RT_SAMPLE;        \
  RT_MOMENTS
#define RT_ENUMERATE                                           \
  bool has_enumerate_support() const override { return true; } \
  Tensor enumerate_support(bool expand = true) const override

/// The probability of a success or its log-odds, whichever was given, as the first parameter.
class BinaryDistribution : public Distribution {
 public:
  Tensor probs() const;
  Tensor logits() const;

 protected:
  BinaryDistribution(bool is_logits, std::vector<Parameter> parameters, Validate validate_args);
  bool is_logits_;
};

/// 1 with probability probs, else 0.
class Bernoulli final : public DistributionOf<Bernoulli, BinaryDistribution> {
  RT_DISTRIBUTION(Bernoulli)
  RT_DISCRETE;
  RT_ENTROPY;
  RT_ENUMERATE;
  explicit Bernoulli(TensorLike probs, Validate validate_args = std::nullopt);
  static Bernoulli from_logits(TensorLike logits, Validate validate_args = std::nullopt);

 private:
  Bernoulli(bool is_logits, TensorLike value, Validate validate_args);
};

/// Density proportional to probs^x (1 - probs)^(1 - x) on [0, 1]; series inside of lims.
class ContinuousBernoulli final : public DistributionOf<ContinuousBernoulli, BinaryDistribution> {
  RT_DISTRIBUTION(ContinuousBernoulli)
  RT_DENSITY;
  RT_MEAN;
  RT_VARIANCE;
  RT_CDF;
  RT_ICDF;
  RT_ENTROPY;
  explicit ContinuousBernoulli(TensorLike probs, std::pair<double, double> lims = {0.499, 0.501},
                               Validate validate_args = std::nullopt);
  static ContinuousBernoulli from_logits(TensorLike logits, std::pair<double, double> lims = {0.499, 0.501},
                                         Validate validate_args = std::nullopt);
  /// log C with density C p^x (1-p)^(1-x).
  Tensor log_norm() const;

 private:
  ContinuousBernoulli(bool is_logits, TensorLike value, std::pair<double, double> lims,
                      Validate validate_args);
  struct Tilt;
  Tilt tilt(const Tensor& logit) const;
  Tensor log_norm(const Tensor& logit) const;
  Tensor mean(const Tensor& logit) const;
  std::pair<double, double> lims_;
};

/// Failures before the first success.
class Geometric final : public DistributionOf<Geometric, BinaryDistribution> {
  RT_DISTRIBUTION(Geometric)
  RT_DISCRETE;
  RT_ENTROPY;
  explicit Geometric(TensorLike probs, Validate validate_args = std::nullopt);
  static Geometric from_logits(TensorLike logits, Validate validate_args = std::nullopt);

 private:
  Geometric(bool is_logits, TensorLike value, Validate validate_args);
};

/// Successes among total_count trials.
class Binomial final : public DistributionOf<Binomial, BinaryDistribution> {
  RT_DISTRIBUTION(Binomial)
  RT_DISCRETE;
  RT_ENTROPY;
  RT_ENUMERATE;
  Binomial(TensorLike total_count, TensorLike probs, Validate validate_args = std::nullopt);
  static Binomial from_logits(TensorLike total_count, TensorLike logits,
                              Validate validate_args = std::nullopt);
  const Tensor& total_count() const { return param(1); }

 private:
  Binomial(bool is_logits, TensorLike total_count, TensorLike value, Validate validate_args);
  int64_t common_count() const;
};

/// Successes before total_count failures; total_count may be any positive number.
class NegativeBinomial final : public DistributionOf<NegativeBinomial, BinaryDistribution> {
  RT_DISTRIBUTION(NegativeBinomial)
  RT_DISCRETE;
  NegativeBinomial(TensorLike total_count, TensorLike probs, Validate validate_args = std::nullopt);
  static NegativeBinomial from_logits(TensorLike total_count, TensorLike logits,
                                      Validate validate_args = std::nullopt);
  const Tensor& total_count() const { return param(1); }

 private:
  NegativeBinomial(bool is_logits, TensorLike total_count, TensorLike value, Validate validate_args);
};

/// Counts of events that happen independently, `rate` of them on average.
class Poisson final : public DistributionOf<Poisson> {
  RT_DISTRIBUTION(Poisson)
  RT_DISCRETE;
  explicit Poisson(TensorLike rate, Validate validate_args = std::nullopt);
  const Tensor& rate() const { return param(0); }
};

/// The integers 0 ... K-1 with the probabilities along the last dimension.
class Categorical final : public DistributionOf<Categorical> {
  RT_DISTRIBUTION(Categorical)
  RT_DISCRETE;
  RT_ENTROPY;
  RT_ENUMERATE;
  explicit Categorical(const Tensor& probs, Validate validate_args = std::nullopt);
  static Categorical from_logits(const Tensor& logits, Validate validate_args = std::nullopt);
  Tensor probs() const;
  Tensor logits() const;
  int64_t num_events() const { return param(0).size(-1); }
  const Tensor& given() const { return param(0); }

 private:
  Categorical(bool is_logits, const Tensor& value, Validate validate_args);
  bool is_logits_;
};

/// Distributions that are made of a Categorical and have its vectors as events.
class CategoricalParameter : public Distribution {
 public:
  Tensor probs() const { return categorical_.probs(); }
  Tensor logits() const { return categorical_.logits(); }
  const Categorical& categorical() const { return categorical_; }

 protected:
  CategoricalParameter(const Categorical& categorical, Validate validate_args);
  void expand_parameters(IntArrayRef batch_shape) override;
  Categorical categorical_;
};

/// Categorical whose samples are one-hot vectors.
class OneHotCategorical : public DistributionOf<OneHotCategorical, CategoricalParameter> {
  RT_DISTRIBUTION(OneHotCategorical)
  RT_DISCRETE;
  RT_ENTROPY;
  RT_ENUMERATE;
  explicit OneHotCategorical(const Tensor& probs, Validate validate_args = std::nullopt);
  static OneHotCategorical from_logits(const Tensor& logits, Validate validate_args = std::nullopt);

 protected:
  OneHotCategorical(const Categorical& categorical, Validate validate_args);
  Tensor one_hot_of(const Tensor& index) const;
};

/// One-hot samples whose gradient is that of the probabilities (Bengio et al., 2013).
class OneHotCategoricalStraightThrough final
    : public DistributionOf<OneHotCategoricalStraightThrough, OneHotCategorical> {
  RT_DISTRIBUTION(OneHotCategoricalStraightThrough)
  RT_RSAMPLE;
  explicit OneHotCategoricalStraightThrough(const Tensor& probs, Validate validate_args = std::nullopt);
  static OneHotCategoricalStraightThrough from_logits(const Tensor& logits,
                                                      Validate validate_args = std::nullopt);

 private:
  OneHotCategoricalStraightThrough(const Categorical& categorical, Validate validate_args);
};

/// How often each category came in total_count draws.
class Multinomial final : public DistributionOf<Multinomial, CategoricalParameter> {
  RT_DISTRIBUTION(Multinomial)
  RT_SUPPORT;
  RT_LOG_PROB;
  RT_SAMPLE;
  RT_MEAN;
  RT_VARIANCE;
  RT_ENTROPY;
  Multinomial(int64_t total_count, const Tensor& probs, Validate validate_args = std::nullopt);
  static Multinomial from_logits(int64_t total_count, const Tensor& logits,
                                 Validate validate_args = std::nullopt);
  int64_t total_count() const { return total_count_; }

 private:
  Multinomial(const Categorical& categorical, int64_t total_count, Validate validate_args);
  int64_t total_count_;
};

/// The logit of a RelaxedBernoulli variable: a logistic variable over the temperature.
class LogitRelaxedBernoulli final : public DistributionOf<LogitRelaxedBernoulli, BinaryDistribution> {
  RT_DISTRIBUTION(LogitRelaxedBernoulli)
  RT_DENSITY;
  LogitRelaxedBernoulli(const Value& temperature, TensorLike probs, Validate validate_args = std::nullopt);
  static LogitRelaxedBernoulli from_logits(const Value& temperature, TensorLike logits,
                                           Validate validate_args = std::nullopt);
  const Value& temperature() const { return temperature_; }

 private:
  LogitRelaxedBernoulli(bool is_logits, const Value& temperature, TensorLike value, Validate validate_args);
  Value temperature_;
};

/// A number in (0, 1) that tends to a Bernoulli variable as the temperature tends to 0.
class RelaxedBernoulli final : public DistributionOf<RelaxedBernoulli, TransformedDistribution> {
  RT_DISTRIBUTION(RelaxedBernoulli)
  RT_SUPPORT;
  RelaxedBernoulli(const Value& temperature, TensorLike probs, Validate validate_args = std::nullopt);
  static RelaxedBernoulli from_logits(const Value& temperature, TensorLike logits,
                                      Validate validate_args = std::nullopt);
  const Value& temperature() const { return base_as<LogitRelaxedBernoulli>().temperature(); }
  Tensor probs() const { return base_as<LogitRelaxedBernoulli>().probs(); }
  Tensor logits() const { return base_as<LogitRelaxedBernoulli>().logits(); }

 private:
  RelaxedBernoulli(const LogitRelaxedBernoulli& base, Validate validate_args);
};

/// The logarithm of a RelaxedOneHotCategorical variable.
class ExpRelaxedCategorical final : public DistributionOf<ExpRelaxedCategorical, CategoricalParameter> {
  RT_DISTRIBUTION(ExpRelaxedCategorical)
  RT_DENSITY;
  ExpRelaxedCategorical(const Value& temperature, const Tensor& probs, Validate validate_args = std::nullopt);
  static ExpRelaxedCategorical from_logits(const Value& temperature, const Tensor& logits,
                                           Validate validate_args = std::nullopt);
  const Value& temperature() const { return temperature_; }

 private:
  ExpRelaxedCategorical(const Categorical& categorical, Value temperature, Validate validate_args);
  Value temperature_;
};

/// A point of the simplex that tends to a one-hot vector as the temperature tends to 0.
class RelaxedOneHotCategorical final
    : public DistributionOf<RelaxedOneHotCategorical, TransformedDistribution> {
  RT_DISTRIBUTION(RelaxedOneHotCategorical)
  RT_SUPPORT;
  RelaxedOneHotCategorical(const Value& temperature, const Tensor& probs,
                           Validate validate_args = std::nullopt);
  static RelaxedOneHotCategorical from_logits(const Value& temperature, const Tensor& logits,
                                              Validate validate_args = std::nullopt);
  const Value& temperature() const { return base_as<ExpRelaxedCategorical>().temperature(); }
  Tensor probs() const { return base_as<ExpRelaxedCategorical>().probs(); }
  Tensor logits() const { return base_as<ExpRelaxedCategorical>().logits(); }

 private:
  RelaxedOneHotCategorical(const ExpRelaxedCategorical& base, Validate validate_args);
};

/// A mixture of the components that the last batch dimension of a distribution holds; a Categorical draws
/// which of them a sample comes from.
class MixtureSameFamily final : public DistributionOf<MixtureSameFamily> {
  RT_DISTRIBUTION(MixtureSameFamily)
  RT_SUPPORT;
  RT_LOG_PROB;
  RT_SAMPLE;
  RT_MEAN;
  RT_VARIANCE;
  RT_CDF;
  MixtureSameFamily(const Categorical& mixture_distribution, DistributionPtr component_distribution,
                    Validate validate_args = std::nullopt);
  template <class D>
  requires std::is_base_of_v<Distribution, D> MixtureSameFamily(const Categorical& mixture_distribution,
                                                                const D& component_distribution,
                                                                Validate validate_args = std::nullopt)
      : MixtureSameFamily(mixture_distribution, std::make_shared<D>(component_distribution), validate_args) {}
  const Categorical& mixture_distribution() const { return mixture_; }
  const Distribution& component_distribution() const { return *component_; }
  std::string str() const override;

 protected:
  void expand_parameters(IntArrayRef batch_shape) override;

 private:
  Tensor average(const Tensor& value) const;
  Tensor padded(const Tensor& value) const;
  Categorical mixture_;
  DistributionPtr component_;
};

}  // namespace rustorch::distributions
