// Distributions: densities against known values, samples against moments, checks, divergences, expansion.
#include "rustorch/distributions.h"

#include <gtest/gtest.h>

#include <cmath>

#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/generator.h"
#include "rustorch/ops.h"

namespace rustorch::distributions {
namespace {

double at(const Tensor& t) { return t.reshape({-1}).select(0, 0).item<double>(); }
Tensor num(double v) { return tensor(Scalar(v), TensorOptions(kFloat64)); }

TEST(Distributions, KnownDensities) {
  EXPECT_NEAR(at(Normal(num(1), num(2)).log_prob(num(2))), -1.7370857137646180, 1e-12);
  EXPECT_NEAR(at(LogNormal(num(1), num(2)).log_prob(num(2))), -2.3170027259243522, 1e-12);
  EXPECT_NEAR(at(Gamma(num(2), num(3)).log_prob(num(0.5))), std::log(9 * 0.5 * std::exp(-1.5)), 1e-12);
  EXPECT_NEAR(at(Beta(num(2), num(3)).log_prob(num(0.25))), std::log(12 * 0.25 * 0.75 * 0.75), 1e-12);
  EXPECT_NEAR(at(StudentT(num(1)).log_prob(num(1))), std::log(1 / (2 * M_PI)), 1e-12);
  EXPECT_NEAR(at(Weibull(num(2), num(1)).log_prob(num(3))), at(Exponential(num(0.5)).log_prob(num(3))),
              1e-12);
  EXPECT_NEAR(at(InverseGamma(num(2), num(3)).log_prob(num(2))), std::log(9 / 8.0) - 1.5, 1e-12);
  EXPECT_NEAR(at(Pareto(num(1), num(3)).log_prob(num(2))), std::log(3 / 16.0), 1e-12);
  EXPECT_NEAR(at(Binomial(num(5), num(0.3)).log_prob(num(2))), std::log(10 * 0.09 * 0.343), 1e-12);
  EXPECT_NEAR(at(Poisson(num(2)).log_prob(num(3))), std::log(8.0 / 6) - 2, 1e-12);
  EXPECT_NEAR(at(Geometric(num(0.25)).log_prob(num(2))), std::log(0.25 * 0.5625), 1e-12);
  EXPECT_NEAR(at(NegativeBinomial(num(2), num(0.5)).log_prob(num(1))), std::log(0.25), 1e-12);
  const Tensor p = tensor({0.1, 0.2, 0.7}, TensorOptions(kFloat64));
  EXPECT_NEAR(at(Categorical(p).log_prob(tensor({2}))), std::log(0.7), 1e-12);
  EXPECT_NEAR(at(Categorical::from_logits(p.log() + 3).entropy()), at(Categorical(p).entropy()), 1e-12);
  EXPECT_NEAR(at(Multinomial(3, p).log_prob(tensor({1., 0., 2.}, TensorOptions(kFloat64)))),
              std::log(3 * 0.1 * 0.49), 1e-12);
  EXPECT_NEAR(at(Dirichlet(ones({3}, kFloat64)).log_prob(p)), std::log(2.0), 1e-12);
  const Tensor cov = tensor({{2., 0.5}, {0.5, 1.}}, TensorOptions(kFloat64));
  const auto mvn = MultivariateNormal::from_covariance(zeros({2}, kFloat64), cov);
  EXPECT_NEAR(at(mvn.log_prob(ones({2}, kFloat64))),
              -0.5 * (2.0 / 1.75) - 0.5 * std::log(1.75) - std::log(2 * M_PI), 1e-12);
  EXPECT_TRUE(allclose(mvn.covariance_matrix(), cov));
}

template <class D>
void expect_inverse(const D& d) {
  for (const double u : {0.1, 0.5, 0.9}) EXPECT_NEAR(at(d.cdf(d.icdf(num(u)))), u, 1e-9) << d.str();
}

template <class D>
void expect_moments(const D& d, double tolerance = 0.1) {
  manual_seed(1);
  const Tensor x = d.sample({20000});
  EXPECT_FALSE(x.requires_grad());
  EXPECT_TRUE(allclose(x.mean(0), d.mean(), tolerance, tolerance)) << d.str();
  EXPECT_TRUE(allclose(x.var(0, true), d.variance(), 2 * tolerance, 2 * tolerance)) << d.str();
}

TEST(Distributions, InversesAndMoments) {
  expect_inverse(Normal(num(1), num(2)));
  expect_inverse(LogNormal(num(0), num(1)));
  expect_inverse(HalfNormal(num(2)));
  expect_inverse(Uniform(num(1), num(3)));
  expect_inverse(Cauchy(num(1), num(3)));
  expect_inverse(Laplace(num(1), num(3)));
  expect_inverse(Gumbel(num(1), num(3)));
  expect_inverse(Exponential(num(3)));
  expect_inverse(Weibull(num(2), num(3)));
  expect_inverse(Pareto(num(2), num(3)));
  expect_moments(Normal(num(1), num(2)));
  expect_moments(HalfNormal(num(2)));
  expect_moments(Uniform(num(1), num(3)));
  expect_moments(Laplace(num(1), num(2)));
  expect_moments(Gumbel(num(1), num(2)));
  expect_moments(Exponential(num(3)));
  expect_moments(Gamma(num(2), num(3)));
  expect_moments(Chi2(num(3)));
  expect_moments(InverseGamma(num(6), num(3)));
  expect_moments(Weibull(num(2), num(3)));
  expect_moments(Pareto(num(2), num(9)));
  expect_moments(StudentT(num(9), num(1), num(2)));
  expect_moments(Beta(num(2), num(3)), 0.02);
  expect_moments(Dirichlet(tensor({1., 2., 3.}, TensorOptions(kFloat64))), 0.02);
  expect_moments(Bernoulli(num(0.3)));
  expect_moments(Geometric(num(0.4)));
  expect_moments(Binomial(num(6), num(0.3)));
  expect_moments(NegativeBinomial(num(4), num(0.3)));
  expect_moments(Poisson(num(3)));
  expect_moments(OneHotCategorical(tensor({0.2, 0.8}, TensorOptions(kFloat64))));
  expect_moments(Multinomial(5, tensor({0.2, 0.8}, TensorOptions(kFloat64))));
}

TEST(Distributions, ShapesGradientsAndChecks) {
  const Tensor scale = tensor({1., 2.}, TensorOptions(kFloat64)).requires_grad_(true);
  const Normal d(0.0, scale);
  EXPECT_EQ(d.batch_shape(), std::vector<int64_t>{2});
  const Tensor x = d.rsample({3});
  EXPECT_EQ(x.sizes(), IntArrayRef({3, 2}));
  x.sum().backward();
  EXPECT_TRUE(scale.grad().defined());
  EXPECT_EQ(d.expand({4, 2}).sample().sizes(), IntArrayRef({4, 2}));
  EXPECT_EQ(Bernoulli(num(0.5)).enumerate_support().sizes(), IntArrayRef({2}));
  EXPECT_EQ(Normal(0.0, 1.0).str(), "Normal(loc: 0, scale: 1)");
  EXPECT_THROW(Normal(0.0, -1.0), RusTorchError);
  EXPECT_THROW(Uniform(1.0, 0.0), RusTorchError);
  EXPECT_THROW(Exponential(1.0).log_prob(num(-1)), RusTorchError);
  EXPECT_THROW(d.log_prob(ones({3}, kFloat64)), RusTorchError);
  EXPECT_THROW(Gamma(1.0, 1.0).icdf(num(0.5)), RusTorchError);
}

TEST(Distributions, Divergences) {
  EXPECT_NEAR(at(kl_divergence(Normal(num(0), num(1)), Normal(num(1), num(2)))), std::log(2.0) + 0.25 - 0.5,
              1e-12);
  EXPECT_NEAR(at(kl_divergence(Bernoulli(num(0.5)), Bernoulli(num(0.25)))), std::log(2 / std::sqrt(3.0)),
              1e-9);
  // Against the mean of log p - log q over samples.
  manual_seed(2);
  const auto sampled = [](const Distribution& p, const Distribution& q) {
    const Tensor x = p.sample({20000});
    EXPECT_NEAR(at(kl_divergence(p, q)), at((p.log_prob(x) - q.log_prob(x)).mean()), 0.05) << p.str();
  };
  sampled(Gamma(num(2), num(3)), Gamma(num(3), num(2)));
  sampled(Beta(num(2), num(3)), Beta(num(3), num(2)));
  sampled(Laplace(num(0), num(1)), Laplace(num(1), num(2)));
  sampled(Gumbel(num(0), num(1)), Gumbel(num(1), num(2)));
  sampled(Cauchy(num(0), num(1)), Cauchy(num(1), num(2)));
  sampled(Poisson(num(2)), Poisson(num(3)));
  sampled(Geometric(num(0.5)), Geometric(num(0.4)));
  sampled(Normal(num(0), num(1)), Laplace(num(1), num(2)));
  sampled(Exponential(num(2)), Gamma(num(3), num(2)));
  sampled(Beta(num(2), num(3)), Normal(num(0.5), num(2)));
  EXPECT_EQ(at(kl_divergence(Normal(0.0, 1.0), Gamma(1.0, 1.0))), kInfinity);
  EXPECT_THROW(kl_divergence(Normal(0.0, 1.0), Dirichlet(ones({3}))), RusTorchError);
}

// Everything that a distribution gives is compared with the Python package's in tests/parity; here is what
// only C++ has, and errors.
class Twice final : public DistributionOf<Twice, ExponentialFamily> {
 public:
  explicit Twice(TensorLike rate) : DistributionOf({{"rate", rate, constraints::positive()}}) {}
  std::string type_name() const override { return "Twice"; }
  Constraint support() const override { return constraints::nonnegative(); }
  std::vector<Tensor> natural_params() const override { return {param(0).neg()}; }
  Tensor log_normalizer(const std::vector<Tensor>& eta) const override { return eta[0].neg().log().neg(); }
  Tensor mean_carrier_measure() const override { return zeros({}, kFloat64); }
  const Tensor& rate() const { return param(0); }
};
Tensor from_twice(const Twice& p, const Normal&) { return p.rate() * 10; }

TEST(Distributions, FamiliesOfOnesOwn) {
  const Twice p(num(2)), q(num(3));
  EXPECT_NEAR(at(p.entropy()), at(Exponential(num(2)).entropy()), 1e-12);
  EXPECT_NEAR(at(kl_divergence(p, q)), at(kl_divergence(Exponential(num(2)), Exponential(num(3)))), 1e-12);
  EXPECT_THROW(kl_divergence(p, Normal(0.0, 1.0)), RusTorchError);
  register_kl<Twice, Normal, from_twice>();
  EXPECT_EQ(at(kl_divergence(p, Normal(0.0, 1.0))), 20);
  EXPECT_EQ(p.expand({2, 3}).batch_shape(), (std::vector<int64_t>{2, 3}));
}

TEST(Distributions, TransformsAsValues) {
  const Transform exp = ExpTransform(), affine = AffineTransform(1.0, 2.0);
  EXPECT_TRUE(exp == ExpTransform());
  EXPECT_TRUE(exp.inv().inv() == exp);
  EXPECT_FALSE(exp == affine);
  EXPECT_TRUE(affine == AffineTransform(num(1), num(2)));
  EXPECT_TRUE(ComposeTransform({exp, affine}) == ComposeTransform({ExpTransform(), affine}));
  EXPECT_EQ(exp.inv().str(), "_InverseTransform(ExpTransform())");
  EXPECT_THROW(SoftmaxTransform().log_abs_det_jacobian(num(1), num(1)), RusTorchError);
  EXPECT_THROW(ReshapeTransform({2, 3}, {5}), RusTorchError);
  EXPECT_THROW(exp.with_cache(2), RusTorchError);
  const Transform cached = exp.with_cache();
  const Tensor x = num(0.3), y = cached(x);
  EXPECT_TRUE(cached(x).is_same(y));
  EXPECT_TRUE(cached.inv()(y).is_same(x));
  EXPECT_THROW(transform_to(constraints::boolean()), RusTorchError);
  EXPECT_THROW(biject_to(constraints::positive_definite()), RusTorchError);
  EXPECT_EQ(StickBreakingTransform().event_dim(), 1);
}

TEST(Distributions, RefusesWhatDoesNotFit) {
  EXPECT_THROW(Independent(Normal(0.0, 1.0), 1), RusTorchError);
  EXPECT_THROW(TransformedDistribution(Normal(0.0, 1.0), StickBreakingTransform()), RusTorchError);
  const Categorical weights(ones({3}, kFloat64));
  EXPECT_THROW(MixtureSameFamily(weights, Normal(zeros({2}), ones({2}))), RusTorchError);
  EXPECT_THROW(MixtureSameFamily(weights, Normal(0.0, 1.0)), RusTorchError);
  EXPECT_THROW(LKJCholesky(1), RusTorchError);
  EXPECT_THROW(Wishart(1.0, eye(3)), RusTorchError);
  EXPECT_THROW(Normal(0.0, 1.0).enumerate_support(), RusTorchError);
  EXPECT_NO_THROW(Normal(0.0, -1.0, false));
  EXPECT_EQ(constraints::independent(constraints::positive(), 2).str(),
            "IndependentConstraint(GreaterThan(lower_bound=0.0), 2)");
}

}  // namespace
}  // namespace rustorch::distributions
