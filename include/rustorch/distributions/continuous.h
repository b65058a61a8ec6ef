// Distributions of real numbers, and of points of the simplex.
#pragma once
#include "rustorch/distributions/composite.h"

namespace rustorch::distributions {

/// What a distribution overrides; each class names the members it has.
#define RT_DISTRIBUTION(Name) \
 public:                      \
  std::string type_name() const override { return #Name; }
#define RT_SUPPORT Constraint support() const override
#define RT_LOG_PROB Tensor log_prob(const Tensor& value) const override
#define RT_RSAMPLE                                   \
  bool has_rsample() const override { return true; } \
  Tensor rsample(IntArrayRef sample_shape = {}) const override
#define RT_MEAN Tensor mean() const override
#define RT_MODE Tensor mode() const override
#define RT_VARIANCE Tensor variance() const override
#define RT_STDDEV Tensor stddev() const override
#define RT_ENTROPY Tensor entropy() const override
#define RT_CDF Tensor cdf(const Tensor& value) const override
#define RT_ICDF Tensor icdf(const Tensor& value) const override
#define RT_MOMENTS \
  RT_MEAN;         \
  RT_MODE;         \
  RT_VARIANCE
#define RT_DENSITY \
  RT_SUPPORT;      \
  RT_LOG_PROB;     \
  RT_RSAMPLE

/// The normal distribution of mean loc and standard deviation scale.
class Normal final : public DistributionOf<Normal> {
  RT_DISTRIBUTION(Normal)
  RT_DENSITY;
  RT_MOMENTS;
  RT_CDF;
  RT_ICDF;
  RT_ENTROPY;
  Normal(TensorLike loc, TensorLike scale, Validate validate_args = std::nullopt);
  Tensor stddev() const override { return scale(); }
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
};

/// exp of a normal variable.
class LogNormal final : public DistributionOf<LogNormal, TransformedDistribution> {
  RT_DISTRIBUTION(LogNormal)
  RT_SUPPORT;
  RT_MOMENTS;
  RT_ENTROPY;
  LogNormal(TensorLike loc, TensorLike scale, Validate validate_args = std::nullopt);
  const Tensor& loc() const { return base_as<Normal>().loc(); }
  const Tensor& scale() const { return base_as<Normal>().scale(); }
};

/// |x| of a base distribution that is symmetric about 0 and has a scale.
class HalfDistribution : public TransformedDistribution {
 public:
  RT_SUPPORT;
  RT_MODE;
  RT_LOG_PROB;
  RT_CDF;
  RT_ICDF;
  RT_ENTROPY;
  const Tensor& scale() const { return base_dist().parameter("scale"); }

 protected:
  explicit HalfDistribution(DistributionPtr base, Validate validate_args);
};

/// |x| of a normal variable of mean 0.
class HalfNormal final : public DistributionOf<HalfNormal, HalfDistribution> {
  RT_DISTRIBUTION(HalfNormal)
  RT_MEAN;
  RT_VARIANCE;
  explicit HalfNormal(TensorLike scale, Validate validate_args = std::nullopt);
};

/// A point of the simplex: a normal vector through the stick-breaking transform.
class LogisticNormal final : public DistributionOf<LogisticNormal, TransformedDistribution> {
  RT_DISTRIBUTION(LogisticNormal)
  RT_SUPPORT;
  LogisticNormal(TensorLike loc, TensorLike scale, Validate validate_args = std::nullopt);
  const Tensor& loc() const;
  const Tensor& scale() const;
};

/// Equal density on [low, high).
class Uniform final : public DistributionOf<Uniform> {
  RT_DISTRIBUTION(Uniform)
  RT_DENSITY;
  RT_MOMENTS;
  RT_STDDEV;
  RT_CDF;
  RT_ICDF;
  RT_ENTROPY;
  Uniform(TensorLike low, TensorLike high, Validate validate_args = std::nullopt);
  const Tensor& low() const { return param(0); }
  const Tensor& high() const { return param(1); }
};

/// The Cauchy distribution of median loc; it has no mean.
class Cauchy final : public DistributionOf<Cauchy> {
  RT_DISTRIBUTION(Cauchy)
  RT_DENSITY;
  RT_MOMENTS;
  RT_CDF;
  RT_ICDF;
  RT_ENTROPY;
  Cauchy(TensorLike loc, TensorLike scale, Validate validate_args = std::nullopt);
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
};

/// |x| of a Cauchy variable of median 0.
class HalfCauchy final : public DistributionOf<HalfCauchy, HalfDistribution> {
  RT_DISTRIBUTION(HalfCauchy)
  RT_MEAN;
  RT_VARIANCE;
  explicit HalfCauchy(TensorLike scale, Validate validate_args = std::nullopt);
};

/// The double exponential distribution about loc.
class Laplace final : public DistributionOf<Laplace> {
  RT_DISTRIBUTION(Laplace)
  RT_DENSITY;
  RT_MOMENTS;
  RT_STDDEV;
  RT_CDF;
  RT_ICDF;
  RT_ENTROPY;
  Laplace(TensorLike loc, TensorLike scale, Validate validate_args = std::nullopt);
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
};

/// The distribution of the largest of many values.
class Gumbel final : public DistributionOf<Gumbel, TransformedDistribution> {
  RT_DISTRIBUTION(Gumbel)
  RT_SUPPORT;
  RT_LOG_PROB;
  RT_MOMENTS;
  RT_STDDEV;
  RT_ENTROPY;
  Gumbel(TensorLike loc, TensorLike scale, Validate validate_args = std::nullopt);
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }

 private:
  Gumbel(const std::vector<Tensor>& parameters, Validate validate_args);
};

/// Waiting times of a given rate.
class Exponential final : public DistributionOf<Exponential> {
  RT_DISTRIBUTION(Exponential)
  RT_DENSITY;
  RT_MOMENTS;
  RT_STDDEV;
  RT_CDF;
  RT_ICDF;
  RT_ENTROPY;
  explicit Exponential(TensorLike rate, Validate validate_args = std::nullopt);
  const Tensor& rate() const { return param(0); }
};

/// The gamma distribution of shape concentration and inverse scale rate; gradients are implicit.
class Gamma : public DistributionOf<Gamma> {
  RT_DISTRIBUTION(Gamma)
  RT_DENSITY;
  RT_MOMENTS;
  RT_CDF;
  RT_ENTROPY;
  Gamma(TensorLike concentration, TensorLike rate, Validate validate_args = std::nullopt);
  const Tensor& concentration() const { return param(0); }
  const Tensor& rate() const { return param(1); }
};

/// The sum of df squared standard normal variables: Gamma(df / 2, 1 / 2).
class Chi2 final : public DistributionOf<Chi2, Gamma> {
  RT_DISTRIBUTION(Chi2)
  explicit Chi2(TensorLike df, Validate validate_args = std::nullopt);
  Tensor df() const;
};

/// 1 / x of a gamma variable.
class InverseGamma final : public DistributionOf<InverseGamma, TransformedDistribution> {
  RT_DISTRIBUTION(InverseGamma)
  RT_SUPPORT;
  RT_MOMENTS;
  RT_ENTROPY;
  InverseGamma(TensorLike concentration, TensorLike rate, Validate validate_args = std::nullopt);
  const Tensor& concentration() const { return base_as<Gamma>().concentration(); }
  const Tensor& rate() const { return base_as<Gamma>().rate(); }

 private:
  InverseGamma(const Gamma& base, Validate validate_args);
};

/// The F distribution: the ratio of two chi-square variables, each over its degrees of freedom.
class FisherSnedecor final : public DistributionOf<FisherSnedecor> {
  RT_DISTRIBUTION(FisherSnedecor)
  RT_DENSITY;
  RT_MOMENTS;
  FisherSnedecor(TensorLike df1, TensorLike df2, Validate validate_args = std::nullopt);
  const Tensor& df1() const { return param(0); }
  const Tensor& df2() const { return param(1); }
};

/// scale times a power of an exponential variable.
class Weibull final : public DistributionOf<Weibull, TransformedDistribution> {
  RT_DISTRIBUTION(Weibull)
  RT_SUPPORT;
  RT_MOMENTS;
  RT_ENTROPY;
  Weibull(TensorLike scale, TensorLike concentration, Validate validate_args = std::nullopt);
  const Tensor& scale() const { return param(0); }
  const Tensor& concentration() const { return param(1); }

 private:
  Weibull(const std::vector<Tensor>& parameters, Validate validate_args);
};

/// Pareto's distribution (type 1).
class Pareto final : public DistributionOf<Pareto, TransformedDistribution> {
  RT_DISTRIBUTION(Pareto)
  RT_SUPPORT;
  RT_MOMENTS;
  RT_ENTROPY;
  Pareto(TensorLike scale, TensorLike alpha, Validate validate_args = std::nullopt);
  const Tensor& alpha() const { return param(0); }
  const Tensor& scale() const { return param(1); }

 private:
  Pareto(const std::vector<Tensor>& parameters, Validate validate_args);
};

/// Excesses over a threshold loc: exponential for concentration 0, bounded below 0, heavy-tailed above it.
class GeneralizedPareto final : public DistributionOf<GeneralizedPareto> {
  RT_DISTRIBUTION(GeneralizedPareto)
  RT_DENSITY;
  RT_MOMENTS;
  RT_CDF;
  RT_ICDF;
  RT_ENTROPY;
  GeneralizedPareto(TensorLike loc, TensorLike scale, TensorLike concentration,
                    Validate validate_args = std::nullopt);
  /// log(1 - cdf(value)), and log(cdf(value)).
  Tensor log_survival_function(const Tensor& value) const;
  Tensor log_cdf(const Tensor& value) const;
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
  const Tensor& concentration() const { return param(2); }
};

/// Student's distribution of df degrees of freedom.
class StudentT final : public DistributionOf<StudentT> {
  RT_DISTRIBUTION(StudentT)
  RT_DENSITY;
  RT_MOMENTS;
  RT_ENTROPY;
  explicit StudentT(TensorLike df, TensorLike loc = 0.0, TensorLike scale = 1.0,
                    Validate validate_args = std::nullopt);
  const Tensor& df() const { return param(0); }
  const Tensor& loc() const { return param(1); }
  const Tensor& scale() const { return param(2); }
};

/// Angles about loc, of density proportional to exp(concentration cos(x - loc)).
class VonMises final : public DistributionOf<VonMises> {
  RT_DISTRIBUTION(VonMises)
  RT_SUPPORT;
  RT_LOG_PROB;
  RT_MOMENTS;
  Tensor sample(IntArrayRef sample_shape = {}) const override;
  VonMises(TensorLike loc, TensorLike concentration, Validate validate_args = std::nullopt);
  const Tensor& loc() const { return param(0); }
  const Tensor& concentration() const { return param(1); }
};

/// Points of the simplex; the last dimension of concentration is that of the vector. Implicit gradients.
class Dirichlet final : public DistributionOf<Dirichlet> {
  RT_DISTRIBUTION(Dirichlet)
  RT_DENSITY;
  RT_MOMENTS;
  RT_ENTROPY;
  explicit Dirichlet(const Tensor& concentration, Validate validate_args = std::nullopt);
  const Tensor& concentration() const { return param(0); }
};

/// Density proportional to x^(concentration1 - 1) (1 - x)^(concentration0 - 1).
class Beta final : public DistributionOf<Beta> {
  RT_DISTRIBUTION(Beta)
  RT_DENSITY;
  RT_MOMENTS;
  RT_ENTROPY;
  Beta(TensorLike concentration1, TensorLike concentration0, Validate validate_args = std::nullopt);
  const Tensor& concentration1() const { return param(0); }
  const Tensor& concentration0() const { return param(1); }
  Dirichlet dirichlet() const;
};

/// Like Beta, with the closed distribution function 1 - (1 - x^concentration1)^concentration0.
class Kumaraswamy final : public DistributionOf<Kumaraswamy, TransformedDistribution> {
  RT_DISTRIBUTION(Kumaraswamy)
  RT_SUPPORT;
  RT_MOMENTS;
  RT_ENTROPY;
  Kumaraswamy(TensorLike concentration1, TensorLike concentration0, Validate validate_args = std::nullopt);
  const Tensor& concentration1() const { return param(0); }
  const Tensor& concentration0() const { return param(1); }

 private:
  Kumaraswamy(const std::vector<Tensor>& parameters, Validate validate_args);
  Tensor raw_moment(double n) const;
};

}  // namespace rustorch::distributions
