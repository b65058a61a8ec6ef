#include "rustorch/distributions/continuous.h"

#include <cmath>

#include "distributions/helpers.h"
#include "rustorch/linalg.h"
#include "rustorch/special.h"

namespace rustorch::distributions {

using Kind = Constraint::Kind;
constexpr double kEuler = 0.57721566490153286060651209;

#define RT_REAL_SUPPORT(Name, kind) \
  Constraint Name::support() const { return Kind::kind; }

// ---- Normal

Normal::Normal(TensorLike loc, TensorLike scale)
    : DistributionOf({{"loc", loc, Kind::Real}, {"scale", scale, Kind::Positive}}) {}
RT_REAL_SUPPORT(Normal, Real)
Tensor Normal::mean() const { return loc(); }
Tensor Normal::mode() const { return loc(); }
Tensor Normal::variance() const { return scale().pow(2); }
Tensor Normal::rsample(IntArrayRef shape) const {
  return loc() + standard_normal(extended(shape), loc()) * scale();
}
Tensor Normal::log_prob(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  return z * -0.5 * z - scale().log() - 0.5 * std::log(2 * M_PI);
}
Tensor Normal::cdf(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  return (erf(z / std::sqrt(2.0)) + 1) * 0.5;
}
Tensor Normal::icdf(const Tensor& value) const {
  return loc() + scale() * erfinv(value * 2 - 1) * std::sqrt(2.0);
}
Tensor Normal::entropy() const { return scale().log() + (0.5 + 0.5 * std::log(2 * M_PI)); }

// ---- LogNormal

LogNormal::LogNormal(TensorLike loc, TensorLike scale)
    : DistributionOf({{"loc", loc, Kind::Real}, {"scale", scale, Kind::Positive}}) {}
RT_REAL_SUPPORT(LogNormal, Positive)
Tensor LogNormal::mean() const { return (loc() + scale().pow(2) / 2).exp(); }
Tensor LogNormal::mode() const { return (loc() - scale().pow(2)).exp(); }
Tensor LogNormal::variance() const {
  const Tensor square = scale().pow(2);
  return expm1(square) * (loc() * 2 + square).exp();
}
Tensor LogNormal::rsample(IntArrayRef shape) const { return Normal(loc(), scale()).rsample(shape).exp(); }
Tensor LogNormal::log_prob(const Tensor& value) const {
  const Tensor x = checked(value).log();
  return Normal(loc(), scale()).log_prob(x) - x;
}
Tensor LogNormal::cdf(const Tensor& value) const { return Normal(loc(), scale()).cdf(checked(value).log()); }
Tensor LogNormal::icdf(const Tensor& value) const { return Normal(loc(), scale()).icdf(value).exp(); }
Tensor LogNormal::entropy() const { return Normal(loc(), scale()).entropy() + loc(); }

// ---- HalfNormal

HalfNormal::HalfNormal(TensorLike scale) : DistributionOf({{"scale", scale, Kind::Positive}}) {}
RT_REAL_SUPPORT(HalfNormal, Nonnegative)
Tensor HalfNormal::mean() const { return scale() * std::sqrt(2 / M_PI); }
Tensor HalfNormal::mode() const { return zeros_like(scale()); }
Tensor HalfNormal::variance() const { return scale().pow(2) * (1 - 2 / M_PI); }
Tensor HalfNormal::rsample(IntArrayRef shape) const { return Normal(0.0, scale()).rsample(shape).abs(); }
Tensor HalfNormal::log_prob(const Tensor& value) const {
  return Normal(0.0, scale()).log_prob(checked(value)) + std::log(2.0);
}
Tensor HalfNormal::cdf(const Tensor& value) const { return Normal(0.0, scale()).cdf(checked(value)) * 2 - 1; }
Tensor HalfNormal::icdf(const Tensor& value) const { return Normal(0.0, scale()).icdf((value + 1) / 2); }
Tensor HalfNormal::entropy() const { return Normal(0.0, scale()).entropy() - std::log(2.0); }

// ---- Uniform

Uniform::Uniform(TensorLike low, TensorLike high)
    : DistributionOf({{"low", low, Kind::Real}, {"high", high, Kind::Real}}) {
  require(!validate_ || this->low().lt(this->high()).all().item<bool>(), "Uniform",
          "low must be less than high");
}
Constraint Uniform::support() const { return Constraint(Kind::Interval, low(), high()); }
Tensor Uniform::mean() const { return (high() + low()) / 2; }
Tensor Uniform::mode() const { return high() * kNaN; }
Tensor Uniform::stddev() const { return (high() - low()) / std::sqrt(12.0); }
Tensor Uniform::variance() const { return (high() - low()).pow(2) / 12; }
Tensor Uniform::rsample(IntArrayRef shape) const {
  return low() + rand(extended(shape), low().dtype(), low().device()) * (high() - low());
}
Tensor Uniform::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor inside = low().le(value).logical_and(value.lt(high()));
  return inside.to(low().dtype()).log() - (high() - low()).log();
}
Tensor Uniform::cdf(const Tensor& value) const {
  return ((checked(value) - low()) / (high() - low())).clamp(Scalar(0), Scalar(1));
}
Tensor Uniform::icdf(const Tensor& value) const { return value * (high() - low()) + low(); }
Tensor Uniform::entropy() const { return (high() - low()).log(); }

// ---- Cauchy

Cauchy::Cauchy(TensorLike loc, TensorLike scale)
    : DistributionOf({{"loc", loc, Kind::Real}, {"scale", scale, Kind::Positive}}) {}
RT_REAL_SUPPORT(Cauchy, Real)
Tensor Cauchy::mean() const { return full_like(loc(), Scalar(kNaN)); }
Tensor Cauchy::mode() const { return loc(); }
Tensor Cauchy::variance() const { return full_like(loc(), Scalar(kInfinity)); }
Tensor Cauchy::rsample(IntArrayRef shape) const {
  return loc() + empty(extended(shape), loc().dtype(), loc().device()).cauchy_() * scale();
}
Tensor Cauchy::log_prob(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  return scale().log().neg() - std::log(M_PI) - z.pow(2).log1p();
}
Tensor Cauchy::cdf(const Tensor& value) const {
  return ((checked(value) - loc()) / scale()).atan() / M_PI + 0.5;
}
Tensor Cauchy::icdf(const Tensor& value) const { return ((value - 0.5) * M_PI).tan() * scale() + loc(); }
Tensor Cauchy::entropy() const { return scale().log() + std::log(4 * M_PI); }

// ---- Laplace

Laplace::Laplace(TensorLike loc, TensorLike scale)
    : DistributionOf({{"loc", loc, Kind::Real}, {"scale", scale, Kind::Positive}}) {}
RT_REAL_SUPPORT(Laplace, Real)
Tensor Laplace::mean() const { return loc(); }
Tensor Laplace::mode() const { return loc(); }
Tensor Laplace::stddev() const { return scale() * std::sqrt(2.0); }
Tensor Laplace::variance() const { return scale().pow(2) * 2; }
Tensor Laplace::rsample(IntArrayRef shape) const {
  const Tensor u = empty(extended(shape), loc().dtype(), loc().device()).uniform_(eps_of(loc()) - 1, 1);
  return loc() - scale() * u.sign() * u.abs().neg().log1p();
}
Tensor Laplace::log_prob(const Tensor& value) const {
  return (scale() * 2).log().neg() - ((checked(value) - loc()) / scale()).abs();
}
Tensor Laplace::cdf(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  return (z.sign() * z.abs().neg().expm1()).mul(-0.5).add(0.5);
}
Tensor Laplace::icdf(const Tensor& value) const {
  const Tensor side = value - 0.5;
  return loc() - scale() * side.sign() * (side.abs() * -2).log1p();
}
Tensor Laplace::entropy() const { return (scale() * 2).log() + 1; }

// ---- Gumbel

Gumbel::Gumbel(TensorLike loc, TensorLike scale)
    : DistributionOf({{"loc", loc, Kind::Real}, {"scale", scale, Kind::Positive}}) {}
RT_REAL_SUPPORT(Gumbel, Real)
Tensor Gumbel::mean() const { return loc() + scale() * kEuler; }
Tensor Gumbel::mode() const { return loc(); }
Tensor Gumbel::stddev() const { return scale() * (M_PI / std::sqrt(6.0)); }
Tensor Gumbel::variance() const { return stddev().pow(2); }
Tensor Gumbel::rsample(IntArrayRef shape) const {
  return loc() - scale() * open_uniform(extended(shape), loc()).log().neg().log();
}
Tensor Gumbel::log_prob(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  return z.neg() - z.neg().exp() - scale().log();
}
Tensor Gumbel::cdf(const Tensor& value) const {
  return ((checked(value) - loc()) / scale()).neg().exp().neg().exp();
}
Tensor Gumbel::icdf(const Tensor& value) const { return loc() - scale() * value.log().neg().log(); }
Tensor Gumbel::entropy() const { return scale().log() + (1 + kEuler); }

// ---- Exponential

Exponential::Exponential(TensorLike rate) : DistributionOf({{"rate", rate, Kind::Positive}}) {}
RT_REAL_SUPPORT(Exponential, Nonnegative)
Tensor Exponential::mean() const { return rate().reciprocal(); }
Tensor Exponential::mode() const { return zeros_like(rate()); }
Tensor Exponential::stddev() const { return rate().reciprocal(); }
Tensor Exponential::variance() const { return rate().pow(-2); }
Tensor Exponential::rsample(IntArrayRef shape) const {
  return empty(extended(shape), rate().dtype(), rate().device()).exponential_() / rate();
}
Tensor Exponential::log_prob(const Tensor& value) const { return rate().log() - rate() * checked(value); }
Tensor Exponential::cdf(const Tensor& value) const { return (rate().neg() * checked(value)).expm1().neg(); }
Tensor Exponential::icdf(const Tensor& value) const { return value.neg().log1p().neg() / rate(); }
Tensor Exponential::entropy() const { return Scalar(1.0) - rate().log(); }

// ---- Gamma

Gamma::Gamma(TensorLike concentration, TensorLike rate)
    : DistributionOf({{"concentration", concentration, Kind::Positive}, {"rate", rate, Kind::Positive}}) {}
RT_REAL_SUPPORT(Gamma, Nonnegative)
Tensor Gamma::mean() const { return concentration() / rate(); }
Tensor Gamma::mode() const { return ((concentration() - 1) / rate()).clamp_min(0); }
Tensor Gamma::variance() const { return concentration() / rate().pow(2); }
Tensor Gamma::rsample(IntArrayRef shape) const {
  const Tensor value = _standard_gamma(concentration().expand(extended(shape))) / rate();
  return value.clamp_min(tiny_of(value));
}
Tensor Gamma::log_prob(const Tensor& value) const {
  const Tensor &a = concentration(), &b = rate();
  return xlogy(a, b) + xlogy(a - 1, checked(value)) - b * value - lgamma(a);
}
Tensor Gamma::cdf(const Tensor& value) const { return igamma(concentration(), rate() * checked(value)); }
Tensor Gamma::entropy() const {
  const Tensor& a = concentration();
  return a - rate().log() + lgamma(a) + (Scalar(1) - a) * digamma(a);
}
namespace {
Tensor half(const TensorLike& v) { return v.as_tensor() * 0.5; }
}  // namespace
Chi2::Chi2(TensorLike df) : Gamma(half(df), 0.5) {}
Tensor Chi2::df() const { return concentration() * 2; }

// ---- InverseGamma

InverseGamma::InverseGamma(TensorLike concentration, TensorLike rate)
    : DistributionOf({{"concentration", concentration, Kind::Positive}, {"rate", rate, Kind::Positive}}) {}
RT_REAL_SUPPORT(InverseGamma, Positive)
Tensor InverseGamma::mean() const {
  const Tensor& a = concentration();
  return where(a.gt(1), rate() / (a - 1), Scalar(kInfinity));
}
Tensor InverseGamma::mode() const { return rate() / (concentration() + 1); }
Tensor InverseGamma::variance() const {
  const Tensor& a = concentration();
  return where(a.gt(2), rate().square() / ((a - 1).square() * (a - 2)), Scalar(kInfinity));
}
Tensor InverseGamma::rsample(IntArrayRef shape) const {
  return Gamma(concentration(), rate()).rsample(shape).reciprocal();
}
Tensor InverseGamma::log_prob(const Tensor& value) const {
  return Gamma(concentration(), rate()).log_prob(checked(value).reciprocal()) - value.log() * 2;
}
Tensor InverseGamma::entropy() const {
  const Tensor& a = concentration();
  return a + rate().log() + lgamma(a) - (a + 1) * digamma(a);
}

// ---- Weibull

Weibull::Weibull(TensorLike scale, TensorLike concentration)
    : DistributionOf({{"scale", scale, Kind::Positive}, {"concentration", concentration, Kind::Positive}}) {}
RT_REAL_SUPPORT(Weibull, Positive)
namespace {
Tensor weibull_moment(const Tensor& concentration, int n) {
  return (concentration.reciprocal() * n + 1).lgamma().exp();
}
}  // namespace
Tensor Weibull::mean() const { return scale() * weibull_moment(concentration(), 1); }
Tensor Weibull::mode() const {
  return scale() * ((concentration() - 1) / concentration()).pow(concentration().reciprocal());
}
Tensor Weibull::variance() const {
  return scale().pow(2) * (weibull_moment(concentration(), 2) - weibull_moment(concentration(), 1).pow(2));
}
Tensor Weibull::rsample(IntArrayRef shape) const {
  const Tensor e = empty(extended(shape), scale().dtype(), scale().device()).exponential_();
  return scale() * e.pow(concentration().reciprocal());
}
Tensor Weibull::log_prob(const Tensor& value) const {
  const Tensor &k = concentration(), z = checked(value) / scale();
  return (k / scale()).log() + (k - 1) * z.log() - z.pow(k);
}
Tensor Weibull::cdf(const Tensor& value) const {
  return (checked(value) / scale()).pow(concentration()).neg().expm1().neg();
}
Tensor Weibull::icdf(const Tensor& value) const {
  return scale() * value.neg().log1p().neg().pow(concentration().reciprocal());
}
Tensor Weibull::entropy() const {
  const Tensor r = concentration().reciprocal();
  return (Scalar(1) - r) * kEuler + (scale() * r).log() + 1;
}

// ---- Pareto

Pareto::Pareto(TensorLike scale, TensorLike alpha)
    : DistributionOf({{"scale", scale, Kind::Positive}, {"alpha", alpha, Kind::Positive}}) {}
Constraint Pareto::support() const { return Constraint(Kind::GreaterThanEq, scale(), {}); }
Tensor Pareto::mean() const {
  const Tensor a = alpha().clamp_min(1);  // infinite from there on
  return a * scale() / (a - 1);
}
Tensor Pareto::mode() const { return scale(); }
Tensor Pareto::variance() const {
  const Tensor a = alpha().clamp_min(2);
  return scale().pow(2) * a / ((a - 1).pow(2) * (a - 2));
}
Tensor Pareto::rsample(IntArrayRef shape) const {
  return scale() * Exponential(alpha()).rsample(shape).exp();
}
Tensor Pareto::log_prob(const Tensor& value) const {
  return alpha().log() + alpha() * scale().log() - (alpha() + 1) * checked(value).log();
}
Tensor Pareto::cdf(const Tensor& value) const { return Scalar(1) - (scale() / checked(value)).pow(alpha()); }
Tensor Pareto::icdf(const Tensor& value) const {
  return scale() * (Scalar(1) - value).pow(alpha().reciprocal().neg());
}
Tensor Pareto::entropy() const { return (scale() / alpha()).log() + (alpha().reciprocal() + 1); }

// ---- StudentT

StudentT::StudentT(TensorLike df, TensorLike loc, TensorLike scale)
    : DistributionOf(
          {{"df", df, Kind::Positive}, {"loc", loc, Kind::Real}, {"scale", scale, Kind::Positive}}) {}
RT_REAL_SUPPORT(StudentT, Real)
namespace {
/// log B(df / 2, 1 / 2).
Tensor student_log_beta(const Tensor& df) {
  return lgamma(df * 0.5) + 0.5 * std::log(M_PI) - lgamma((df + 1) * 0.5);
}
}  // namespace
Tensor StudentT::mean() const { return where(df().gt(1), loc(), Scalar(kNaN)); }
Tensor StudentT::mode() const { return loc(); }
Tensor StudentT::variance() const {
  const Tensor large = where(df().gt(2), df(), Scalar(3.0));
  const Tensor finite = where(df().gt(2), scale().pow(2) * large / (large - 2), Scalar(kInfinity));
  return where(df().gt(1), finite, Scalar(kNaN));
}
Tensor StudentT::rsample(IntArrayRef shape) const {
  const Tensor normal = standard_normal(extended(shape), df());
  return loc() + scale() * normal * (Chi2(df()).rsample(shape) / df()).rsqrt();
}
Tensor StudentT::log_prob(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  const Tensor log_norm = scale().log() + df().log() * 0.5 + student_log_beta(df());
  return (df() + 1) * -0.5 * (z * z / df()).log1p() - log_norm;
}
Tensor StudentT::entropy() const {
  const Tensor half_df = df() * 0.5, above = (df() + 1) * 0.5;
  return scale().log() + above * (digamma(above) - digamma(half_df)) + df().log() * 0.5 +
         student_log_beta(df());
}

// ---- Dirichlet and Beta

Dirichlet::Dirichlet(const Tensor& concentration)
    : DistributionOf({{"concentration", concentration, Kind::PositiveVector}}, 1) {}
RT_REAL_SUPPORT(Dirichlet, Simplex)
Tensor Dirichlet::mean() const { return concentration() / concentration().sum(-1, true); }
Tensor Dirichlet::mode() const {
  const Tensor above = (concentration() - 1).clamp_min(0), mode = above / above.sum(-1, true);
  const Tensor corner = one_hot(mode.argmax(-1), event_shape()[0]).to(mode.dtype());
  return where(concentration().lt(1).all(-1, true), corner, mode);
}
Tensor Dirichlet::variance() const {
  const Tensor total = concentration().sum(-1, true);
  return concentration() * (total - concentration()) / (total.pow(2) * (total + 1));
}
Tensor Dirichlet::rsample(IntArrayRef shape) const {
  return _sample_dirichlet(concentration().expand(extended(shape)));
}
Tensor Dirichlet::log_prob(const Tensor& value) const {
  const Tensor& a = concentration();
  return xlogy(a - 1, checked(value)).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1);
}
Tensor Dirichlet::entropy() const {
  const Tensor &a = concentration(), total = a.sum(-1);
  const Tensor log_norm = lgamma(a).sum(-1) - lgamma(total);
  return log_norm + (total - event_shape()[0]) * digamma(total) - ((a - 1) * digamma(a)).sum(-1);
}

Beta::Beta(TensorLike concentration1, TensorLike concentration0)
    : DistributionOf({{"concentration1", concentration1, Kind::Positive},
                      {"concentration0", concentration0, Kind::Positive}}) {}
RT_REAL_SUPPORT(Beta, UnitInterval)
Dirichlet Beta::dirichlet() const { return Dirichlet(stack({concentration1(), concentration0()}, -1)); }
Tensor Beta::mean() const { return concentration1() / (concentration1() + concentration0()); }
Tensor Beta::mode() const { return dirichlet().mode().select(-1, 0); }
Tensor Beta::variance() const { return dirichlet().variance().select(-1, 0); }
Tensor Beta::rsample(IntArrayRef shape) const { return dirichlet().rsample(shape).select(-1, 0); }
Tensor Beta::log_prob(const Tensor& value) const {
  checked(value);
  return dirichlet().log_prob(stack({value, Scalar(1.0) - value}, -1));
}
Tensor Beta::entropy() const { return dirichlet().entropy(); }

// ---- MultivariateNormal; loc is kept as a column, so that it broadcasts with the factor

MultivariateNormal::MultivariateNormal(const Tensor& loc, const Tensor& scale_tril)
    : DistributionOf({{"loc", loc.unsqueeze(-1).expand_as(loc.unsqueeze(-1) + scale_tril), Kind::Real},
                      {"scale_tril", scale_tril, Kind::LowerCholesky}},
                     2) {
  event_shape_.pop_back();
}
MultivariateNormal MultivariateNormal::from_covariance(const Tensor& loc, const Tensor& covariance_matrix) {
  return MultivariateNormal(loc, linalg_cholesky(covariance_matrix));
}
RT_REAL_SUPPORT(MultivariateNormal, RealVector)
Tensor MultivariateNormal::loc() const { return param(0).select(-1, 0); }
Tensor MultivariateNormal::covariance_matrix() const {
  return scale_tril().matmul(scale_tril().transpose(-2, -1));
}
Tensor MultivariateNormal::mean() const { return loc(); }
Tensor MultivariateNormal::mode() const { return loc(); }
Tensor MultivariateNormal::variance() const { return scale_tril().pow(2).sum(-1); }
Tensor MultivariateNormal::rsample(IntArrayRef shape) const {
  const Tensor e = standard_normal(extended(shape), param(0));
  return loc() + scale_tril().matmul(e.unsqueeze(-1)).squeeze(-1);
}
Tensor MultivariateNormal::log_prob(const Tensor& value) const {
  const Tensor diff = (checked(value) - loc()).unsqueeze(-1);
  std::vector<int64_t> shape = diff.sizes().vec();
  shape.back() = shape[shape.size() - 2];
  const Tensor z = linalg_solve_triangular(scale_tril().expand(shape), diff, false);
  const Tensor log_det = scale_tril().diagonal(0, -2, -1).log().sum(-1);
  return (z.square().sum(IntArrayRef({-2, -1})) +
          static_cast<double>(event_shape()[0]) * std::log(2 * M_PI)) *
             -0.5 -
         log_det;
}
Tensor MultivariateNormal::entropy() const {
  const double n = static_cast<double>(event_shape()[0]);
  return scale_tril().diagonal(0, -2, -1).log().sum(-1) + 0.5 * n * (1.0 + std::log(2 * M_PI));
}

}  // namespace rustorch::distributions
