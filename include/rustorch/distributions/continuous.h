// Distributions of real numbers.
#pragma once
#include "rustorch/distributions/distribution.h"

namespace rustorch::distributions {

/// What a distribution overrides; each class names the members it has.
#define RT_DISTRIBUTION(Name)                              \
 public:                                                   \
  std::string type_name() const override { return #Name; } \
  Constraint support() const override;                     \
  Tensor log_prob(const Tensor& value) const override;     \
  bool has_rsample() const override { return true; }       \
  Tensor rsample(IntArrayRef sample_shape = {}) const override
#define RT_MOMENTS              \
  Tensor mean() const override; \
  Tensor mode() const override; \
  Tensor variance() const override
#define RT_CDF                                    \
  Tensor cdf(const Tensor& value) const override; \
  Tensor icdf(const Tensor& value) const override

/// The normal distribution of mean loc and standard deviation scale.
class Normal final : public DistributionOf<Normal> {
  RT_DISTRIBUTION(Normal);
  RT_MOMENTS;
  RT_CDF;
  Normal(TensorLike loc, TensorLike scale);
  Tensor stddev() const override { return scale(); }
  Tensor entropy() const override;
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
};

/// exp of a normal variable.
class LogNormal final : public DistributionOf<LogNormal> {
  RT_DISTRIBUTION(LogNormal);
  RT_MOMENTS;
  RT_CDF;
  LogNormal(TensorLike loc, TensorLike scale);
  Tensor entropy() const override;
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
};

/// |x| of a normal variable of mean 0.
class HalfNormal final : public DistributionOf<HalfNormal> {
  RT_DISTRIBUTION(HalfNormal);
  RT_MOMENTS;
  RT_CDF;
  explicit HalfNormal(TensorLike scale);
  Tensor entropy() const override;
  const Tensor& scale() const { return param(0); }
};

/// Equal density on [low, high).
class Uniform final : public DistributionOf<Uniform> {
  RT_DISTRIBUTION(Uniform);
  RT_MOMENTS;
  RT_CDF;
  Uniform(TensorLike low, TensorLike high);
  Tensor stddev() const override;
  Tensor entropy() const override;
  const Tensor& low() const { return param(0); }
  const Tensor& high() const { return param(1); }
};

/// The Cauchy distribution of median loc; it has no mean.
class Cauchy final : public DistributionOf<Cauchy> {
  RT_DISTRIBUTION(Cauchy);
  RT_MOMENTS;
  RT_CDF;
  Cauchy(TensorLike loc, TensorLike scale);
  Tensor entropy() const override;
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
};

/// The double exponential distribution about loc.
class Laplace final : public DistributionOf<Laplace> {
  RT_DISTRIBUTION(Laplace);
  RT_MOMENTS;
  RT_CDF;
  Laplace(TensorLike loc, TensorLike scale);
  Tensor stddev() const override;
  Tensor entropy() const override;
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
};

/// The distribution of the largest of many values.
class Gumbel final : public DistributionOf<Gumbel> {
  RT_DISTRIBUTION(Gumbel);
  RT_MOMENTS;
  RT_CDF;
  Gumbel(TensorLike loc, TensorLike scale);
  Tensor stddev() const override;
  Tensor entropy() const override;
  const Tensor& loc() const { return param(0); }
  const Tensor& scale() const { return param(1); }
};

/// Waiting times of a given rate.
class Exponential final : public DistributionOf<Exponential> {
  RT_DISTRIBUTION(Exponential);
  RT_MOMENTS;
  RT_CDF;
  explicit Exponential(TensorLike rate);
  Tensor stddev() const override;
  Tensor entropy() const override;
  const Tensor& rate() const { return param(0); }
};

/// The gamma distribution of shape concentration and inverse scale rate; gradients are implicit.
class Gamma : public DistributionOf<Gamma> {
  RT_DISTRIBUTION(Gamma);
  RT_MOMENTS;
  Gamma(TensorLike concentration, TensorLike rate);
  Tensor cdf(const Tensor& value) const override;
  Tensor entropy() const override;
  const Tensor& concentration() const { return param(0); }
  const Tensor& rate() const { return param(1); }
};

/// The sum of df squared standard normal variables: Gamma(df / 2, 1 / 2).
class Chi2 final : public Gamma {
 public:
  explicit Chi2(TensorLike df);
  std::string type_name() const override { return "Chi2"; }
  Tensor df() const;
};

/// 1 / x of a gamma variable.
class InverseGamma final : public DistributionOf<InverseGamma> {
  RT_DISTRIBUTION(InverseGamma);
  RT_MOMENTS;
  InverseGamma(TensorLike concentration, TensorLike rate);
  Tensor entropy() const override;
  const Tensor& concentration() const { return param(0); }
  const Tensor& rate() const { return param(1); }
};

/// scale times a power of an exponential variable.
class Weibull final : public DistributionOf<Weibull> {
  RT_DISTRIBUTION(Weibull);
  RT_MOMENTS;
  RT_CDF;
  Weibull(TensorLike scale, TensorLike concentration);
  Tensor entropy() const override;
  const Tensor& scale() const { return param(0); }
  const Tensor& concentration() const { return param(1); }
};

/// Pareto's distribution (type 1).
class Pareto final : public DistributionOf<Pareto> {
  RT_DISTRIBUTION(Pareto);
  RT_MOMENTS;
  RT_CDF;
  Pareto(TensorLike scale, TensorLike alpha);
  Tensor entropy() const override;
  const Tensor& scale() const { return param(0); }
  const Tensor& alpha() const { return param(1); }
};

/// Student's distribution of df degrees of freedom.
class StudentT final : public DistributionOf<StudentT> {
  RT_DISTRIBUTION(StudentT);
  RT_MOMENTS;
  explicit StudentT(TensorLike df, TensorLike loc = 0.0, TensorLike scale = 1.0);
  Tensor entropy() const override;
  const Tensor& df() const { return param(0); }
  const Tensor& loc() const { return param(1); }
  const Tensor& scale() const { return param(2); }
};

/// Points of the simplex; the last dimension of concentration is that of the vector. Implicit gradients.
class Dirichlet final : public DistributionOf<Dirichlet> {
  RT_DISTRIBUTION(Dirichlet);
  RT_MOMENTS;
  explicit Dirichlet(const Tensor& concentration);
  Tensor entropy() const override;
  const Tensor& concentration() const { return param(0); }
};

/// Density proportional to x^(concentration1 - 1) (1 - x)^(concentration0 - 1).
class Beta final : public DistributionOf<Beta> {
  RT_DISTRIBUTION(Beta);
  RT_MOMENTS;
  Beta(TensorLike concentration1, TensorLike concentration0);
  Tensor entropy() const override;
  const Tensor& concentration1() const { return param(0); }
  const Tensor& concentration0() const { return param(1); }
  Dirichlet dirichlet() const;
};

/// The normal distribution of vectors, by the lower Cholesky factor of its covariance.
class MultivariateNormal final : public DistributionOf<MultivariateNormal> {
  RT_DISTRIBUTION(MultivariateNormal);
  RT_MOMENTS;
  /// scale_tril [..., n, n]; from_covariance() takes a covariance.
  MultivariateNormal(const Tensor& loc, const Tensor& scale_tril);
  static MultivariateNormal from_covariance(const Tensor& loc, const Tensor& covariance_matrix);
  Tensor entropy() const override;
  Tensor loc() const;
  const Tensor& scale_tril() const { return param(1); }
  Tensor covariance_matrix() const;
};

#undef RT_DISTRIBUTION

}  // namespace rustorch::distributions
