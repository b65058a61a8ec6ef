// Distributions of numbers with a location and a scale, and those whose support depends on the parameters.
#include "rustorch/distributions/continuous.h"

#include <cmath>

#include "distributions/helpers.h"
#include "rustorch/grad_mode.h"
#include "rustorch/special.h"

namespace rustorch::distributions {

namespace c = constraints;

// ---- Normal

Normal::Normal(TensorLike loc, TensorLike scale, Validate validate)
    : DistributionOf({{"loc", loc, c::real()}, {"scale", scale, c::positive()}}, 0, validate) {}
Constraint Normal::support() const { return c::real(); }
Tensor Normal::mean() const { return loc(); }
Tensor Normal::mode() const { return loc(); }
Tensor Normal::variance() const { return stddev().pow(2); }
Tensor Normal::rsample(IntArrayRef shape) const {
  const Tensor noise = standard_normal(extended(shape), loc());
  return loc() + noise * scale();
}
Tensor Normal::log_prob(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  const Tensor square = z * -0.5 * z;
  return square - scale().log() - 0.5 * std::log(2 * M_PI);
}
Tensor Normal::cdf(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  return (erf(z / std::sqrt(2.0)) + 1) * 0.5;
}
Tensor Normal::icdf(const Tensor& value) const {
  const Tensor z = erfinv(value * 2 - 1);
  return loc() + scale() * z * std::sqrt(2.0);
}
Tensor Normal::entropy() const { return scale().log() + (0.5 + 0.5 * std::log(2 * M_PI)); }

// ---- LogNormal, LogisticNormal

LogNormal::LogNormal(TensorLike loc, TensorLike scale, Validate validate)
    : DistributionOf(Normal(loc, scale, validate), ExpTransform(), validate) {}
Constraint LogNormal::support() const { return c::positive(); }
Tensor LogNormal::mean() const { return (loc() + scale().pow(2) / 2).exp(); }
Tensor LogNormal::mode() const { return (loc() - scale().pow(2)).exp(); }
Tensor LogNormal::variance() const {
  const Tensor square = scale().pow(2);
  const Tensor spread = expm1(square);
  return spread * (loc() * 2 + square).exp();
}
Tensor LogNormal::entropy() const { return base_dist().entropy() + loc(); }

namespace {
/// A vector of one for a single number.
Normal at_least_vector(const Normal& base) { return base.batch_shape().empty() ? base.expand({1}) : base; }
const Normal& normal_inside(const Distribution& independent) {
  return static_cast<const Normal&>(static_cast<const Independent&>(independent).base_dist());
}
}  // namespace
LogisticNormal::LogisticNormal(TensorLike loc, TensorLike scale, Validate validate)
    : DistributionOf(at_least_vector(Normal(loc, scale, validate)), StickBreakingTransform(), validate) {}
Constraint LogisticNormal::support() const { return c::simplex(); }
const Tensor& LogisticNormal::loc() const { return normal_inside(base_dist()).loc(); }
const Tensor& LogisticNormal::scale() const { return normal_inside(base_dist()).scale(); }

// ---- HalfNormal, HalfCauchy

HalfDistribution::HalfDistribution(DistributionPtr base, Validate validate)
    : TransformedDistribution(std::move(base), {AbsTransform()}, validate) {}
Constraint HalfDistribution::support() const { return c::nonnegative(); }
Tensor HalfDistribution::mode() const { return zeros_like(scale()); }
Tensor HalfDistribution::log_prob(const Tensor& value) const {
  const Tensor density = base_dist().log_prob(checked(value)) + std::log(2.0);
  return where(value.ge(0), density, Scalar(-kInfinity));
}
Tensor HalfDistribution::cdf(const Tensor& value) const { return base_dist().cdf(checked(value)) * 2 - 1; }
Tensor HalfDistribution::icdf(const Tensor& value) const { return base_dist().icdf((value + 1) / 2); }
Tensor HalfDistribution::entropy() const { return base_dist().entropy() - std::log(2.0); }

HalfNormal::HalfNormal(TensorLike scale, Validate validate)
    : DistributionOf(std::make_shared<Normal>(0.0, scale, false), validate) {}
Tensor HalfNormal::mean() const { return scale() * std::sqrt(2 / M_PI); }
Tensor HalfNormal::variance() const { return scale().pow(2) * (1 - 2 / M_PI); }

HalfCauchy::HalfCauchy(TensorLike scale, Validate validate)
    : DistributionOf(std::make_shared<Cauchy>(0.0, scale, false), validate) {}
Tensor HalfCauchy::mean() const { return full_like(scale(), Scalar(kInfinity)); }
Tensor HalfCauchy::variance() const { return base_dist().variance(); }

// ---- Uniform

Uniform::Uniform(TensorLike low, TensorLike high, Validate validate)
    : DistributionOf({{"low", low, c::real()}, {"high", high, c::real()}}, 0, validate) {
  require(!validate_ || this->low().lt(this->high()).all().item<bool>(), "Uniform",
          "low must be less than high");
}
Constraint Uniform::support() const { return c::interval(low(), high()); }
Tensor Uniform::mean() const { return (high() + low()) / 2; }
Tensor Uniform::mode() const { return high() * kNaN; }
Tensor Uniform::stddev() const { return (high() - low()) / std::sqrt(12.0); }
Tensor Uniform::variance() const { return (high() - low()).pow(2) / 12; }
Tensor Uniform::rsample(IntArrayRef shape) const {
  const Tensor u = uniform(extended(shape), low());
  return low() + u * (high() - low());
}
Tensor Uniform::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor inside = low().le(value).logical_and(value.lt(high()));
  const Tensor density = inside.to(low().dtype()).log();
  return density - (high() - low()).log();
}
Tensor Uniform::cdf(const Tensor& value) const {
  const Tensor above = checked(value) - low();
  return (above / (high() - low())).clamp(Scalar(0), Scalar(1));
}
Tensor Uniform::icdf(const Tensor& value) const { return value * (high() - low()) + low(); }
Tensor Uniform::entropy() const { return (high() - low()).log(); }

// ---- Cauchy

Cauchy::Cauchy(TensorLike loc, TensorLike scale, Validate validate)
    : DistributionOf({{"loc", loc, c::real()}, {"scale", scale, c::positive()}}, 0, validate) {}
Constraint Cauchy::support() const { return c::real(); }
Tensor Cauchy::mean() const { return full_like(loc(), Scalar(kNaN)); }
Tensor Cauchy::mode() const { return loc(); }
Tensor Cauchy::variance() const { return full_like(loc(), Scalar(kInfinity)); }
Tensor Cauchy::rsample(IntArrayRef shape) const {
  const Tensor noise = loc().new_empty(extended(shape)).cauchy_();
  return loc() + noise * scale();
}
Tensor Cauchy::log_prob(const Tensor& value) const {
  const Tensor top = minus(-std::log(M_PI), scale().log());
  return top - ((checked(value) - loc()) / scale()).pow(2).log1p();
}
Tensor Cauchy::cdf(const Tensor& value) const {
  return ((checked(value) - loc()) / scale()).atan() / M_PI + 0.5;
}
Tensor Cauchy::icdf(const Tensor& value) const { return ((value - 0.5) * M_PI).tan() * scale() + loc(); }
Tensor Cauchy::entropy() const { return scale().log() + std::log(4 * M_PI); }

// ---- Laplace

Laplace::Laplace(TensorLike loc, TensorLike scale, Validate validate)
    : DistributionOf({{"loc", loc, c::real()}, {"scale", scale, c::positive()}}, 0, validate) {}
Constraint Laplace::support() const { return c::real(); }
Tensor Laplace::mean() const { return loc(); }
Tensor Laplace::mode() const { return loc(); }
Tensor Laplace::stddev() const { return scale() * std::sqrt(2.0); }
Tensor Laplace::variance() const { return scale().pow(2) * 2; }
Tensor Laplace::rsample(IntArrayRef shape) const {
  const Tensor u = loc().new_empty(extended(shape)).uniform_(eps_of(loc()) - 1, 1);
  const Tensor side = scale() * u.sign();
  return loc() - side * u.abs().neg().log1p();
}
Tensor Laplace::log_prob(const Tensor& value) const {
  const Tensor top = (scale() * 2).log().neg();
  return top - ((checked(value) - loc()) / scale()).abs();
}
Tensor Laplace::cdf(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  const Tensor side = z.sign() * 0.5;
  return minus(0.5, side * z.abs().neg().expm1());
}
Tensor Laplace::icdf(const Tensor& value) const {
  const Tensor side = value - 0.5;
  const Tensor sign = scale() * side.sign();
  return loc() - sign * (side.abs() * -2).log1p();
}
Tensor Laplace::entropy() const { return (scale() * 2).log() + 1; }

// ---- Gumbel

Gumbel::Gumbel(TensorLike loc, TensorLike scale, Validate validate)
    : Gumbel(broadcast_all({loc, scale}), validate) {}
namespace {
/// Uniform numbers on [tiny, 1 - eps).
Uniform open_interval(const Tensor& like, Validate validate) {
  const Tensor one = ones_like(like);
  const Tensor low = one * tiny_of(one);
  return Uniform(low, one - eps_of(one), validate);
}
std::vector<Transform> gumbel_chain(const Tensor& loc, const Tensor& scale) {
  const Transform log = ExpTransform().inv();
  return {log, AffineTransform(0, -1.0), log, AffineTransform(loc, scale.neg())};
}
}  // namespace
Gumbel::Gumbel(const std::vector<Tensor>& p, Validate validate)
    : DistributionOf(open_interval(p[0], validate), gumbel_chain(p[0], p[1]), validate) {
  own("loc", p[0], c::real());
  own("scale", p[1], c::positive());
}
Constraint Gumbel::support() const { return c::real(); }
Tensor Gumbel::log_prob(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  const Tensor top = z.neg();
  return top - z.neg().exp() - scale().log();
}
Tensor Gumbel::mean() const { return loc() + scale() * kEuler; }
Tensor Gumbel::mode() const { return loc(); }
Tensor Gumbel::stddev() const { return scale() * (M_PI / std::sqrt(6.0)); }
Tensor Gumbel::variance() const { return stddev().pow(2); }
Tensor Gumbel::entropy() const { return scale().log() + (1 + kEuler); }

// ---- StudentT

StudentT::StudentT(TensorLike df, TensorLike loc, TensorLike scale, Validate validate)
    : DistributionOf({{"df", df, c::positive()}, {"loc", loc, c::real()}, {"scale", scale, c::positive()}}, 0,
                     validate) {}
Constraint StudentT::support() const { return c::real(); }
namespace {
/// log B(df / 2, 1 / 2).
Tensor student_log_beta(const Tensor& df) {
  const Tensor top = lgamma(df * 0.5) + 0.5 * std::log(M_PI);
  return top - lgamma((df + 1) * 0.5);
}
}  // namespace
Tensor StudentT::mean() const { return where(df().gt(1), loc(), Scalar(kNaN)); }
Tensor StudentT::mode() const { return loc(); }
Tensor StudentT::variance() const {
  const Tensor large = where(df().gt(2), df(), Scalar(3.0));
  const Tensor spread = scale().pow(2) * large;
  const Tensor finite = where(df().gt(2), spread / (large - 2), Scalar(kInfinity));
  return where(df().gt(1), finite, Scalar(kNaN));
}
Tensor StudentT::rsample(IntArrayRef shape) const {
  const Tensor normal = standard_normal(extended(shape), df());
  const Tensor top = scale() * normal;
  return loc() + top * (Chi2(df(), false).rsample(shape) / df()).rsqrt();
}
Tensor StudentT::log_prob(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  const Tensor log_norm = scale().log() + df().log() * 0.5 + student_log_beta(df());
  const Tensor weight = (df() + 1) * -0.5;
  return weight * (z * z / df()).log1p() - log_norm;
}
Tensor StudentT::entropy() const {
  const Tensor half = df() * 0.5, above = (df() + 1) * 0.5;
  const Tensor spread = above * (digamma(above) - digamma(half));
  return scale().log() + spread + df().log() * 0.5 + student_log_beta(df());
}

// ---- Pareto

Pareto::Pareto(TensorLike scale, TensorLike alpha, Validate validate)
    : Pareto(broadcast_all({scale, alpha}), validate) {}
Pareto::Pareto(const std::vector<Tensor>& p, Validate validate)
    : DistributionOf(Exponential(p[1], validate),
                     std::vector<Transform>{ExpTransform(), AffineTransform(0, p[0])}, validate) {
  own("alpha", p[1], c::positive());
  own("scale", p[0], c::positive());
}
Constraint Pareto::support() const { return c::greater_than_eq(scale()); }
Tensor Pareto::mean() const {
  const Tensor a = alpha().clamp_min(1);  // infinite from there on
  return a * scale() / (a - 1);
}
Tensor Pareto::mode() const { return scale(); }
Tensor Pareto::variance() const {
  const Tensor a = alpha().clamp_min(2);
  return scale().pow(2) * a / ((a - 1).pow(2) * (a - 2));
}
Tensor Pareto::entropy() const { return (scale() / alpha()).log() + (alpha().reciprocal() + 1); }

// ---- GeneralizedPareto

GeneralizedPareto::GeneralizedPareto(TensorLike loc, TensorLike scale, TensorLike concentration,
                                     Validate validate)
    : DistributionOf({{"loc", loc, c::real()},
                      {"scale", scale, c::positive()},
                      {"concentration", concentration, c::real()}},
                     0, validate) {}
Constraint GeneralizedPareto::support() const {
  const Tensor bounded = concentration().lt(0);
  const Tensor end = loc() - scale() / where(bounded, concentration(), Scalar(-1.0));
  return c::interval(loc(), where(bounded, end, Scalar(kInfinity)));
}
namespace {
/// Whether a concentration is (nearly) 0, and one to divide by.
std::pair<Tensor, Tensor> shape_of(const Tensor& concentration) {
  const Tensor zero = isclose(concentration, zeros_like(concentration));
  return {zero, where(zero, Scalar(1.0), concentration)};
}
}  // namespace
Tensor GeneralizedPareto::mean() const {
  const Tensor& k = concentration();
  return where(k.lt(1), loc() + scale() / minus(1, k), Scalar(kNaN));
}
Tensor GeneralizedPareto::mode() const { return loc(); }
Tensor GeneralizedPareto::variance() const {
  const Tensor& k = concentration();
  const Tensor square = scale().pow(2);
  return where(k.lt(0.5), square / (minus(1, k).pow(2) * minus(1, k * 2)), Scalar(kNaN));
}
Tensor GeneralizedPareto::rsample(IntArrayRef shape) const { return icdf(uniform(extended(shape), loc())); }
Tensor GeneralizedPareto::log_prob(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  const auto [zero, k] = shape_of(concentration());
  const Tensor weight = (over(1, k) + 1).neg();
  const Tensor tail = weight * (k * z).log1p();
  return where(zero, z.neg(), tail) - scale().log();
}
Tensor GeneralizedPareto::log_survival_function(const Tensor& value) const {
  const Tensor z = (checked(value) - loc()) / scale();
  const auto [zero, k] = shape_of(concentration());
  return where(zero, z.neg(), (k * z).log1p().neg() / k);
}
Tensor GeneralizedPareto::log_cdf(const Tensor& value) const {
  return log_survival_function(value).exp().neg().log1p();
}
Tensor GeneralizedPareto::cdf(const Tensor& value) const {
  return log_survival_function(value).expm1().neg();
}
Tensor GeneralizedPareto::icdf(const Tensor& value) const {
  const auto [zero, k] = shape_of(concentration());
  const Tensor log_rest = value.neg().log1p();
  return loc() + scale() * where(zero, log_rest.neg(), (k.neg() * log_rest).expm1() / k);
}
Tensor GeneralizedPareto::entropy() const { return scale().log() + concentration() + 1; }

// ---- VonMises

VonMises::VonMises(TensorLike loc, TensorLike concentration, Validate validate)
    : DistributionOf({{"loc", loc, c::real()}, {"concentration", concentration, c::positive()}}, 0,
                     validate) {}
Constraint VonMises::support() const { return c::real(); }
Tensor VonMises::mean() const { return loc(); }
Tensor VonMises::mode() const { return loc(); }
Tensor VonMises::variance() const {
  const Tensor& k = concentration();
  return minus(1, special_i1e(k) / special_i0e(k));
}
Tensor VonMises::log_prob(const Tensor& value) const {
  const Tensor& k = concentration();
  const Tensor log_bessel = special_i0e(k).log() + k;
  return k * (checked(value) - loc()).cos() - std::log(2 * M_PI) - log_bessel;
}
namespace {
/// The parameter of the wrapped Cauchy distribution that proposes samples; k in float64.
Tensor proposal_of(const Tensor& k) {
  const Tensor tau = (k.pow(2) * 4 + 1).sqrt() + 1;
  const Tensor rho = (tau - (tau * 2).sqrt()) / (k * 2);
  const Tensor exact = (rho.pow(2) + 1) / (rho * 2);
  return where(k.lt(1e-5), over(1, k) + k, exact);  // the exact form loses all digits there
}
}  // namespace
Tensor VonMises::sample(IntArrayRef sample_shape) const {
  const NoGradGuard no_grad;
  const Shape shape = extended(sample_shape);
  const Tensor k = concentration().to(kFloat64).expand(shape);
  const Tensor r = proposal_of(concentration().to(kFloat64)).expand(shape);
  Tensor angle = zeros(shape, kFloat64, k.device()), done = zeros(shape, kBool, k.device());
  while (!done.all().item<bool>()) {
    const std::vector<Tensor> u = rand(join({3}, shape), kFloat64, k.device()).unbind(0);
    const Tensor z = (u[0] * M_PI).cos();
    const Tensor f = (r * z + 1) / (r + z);
    const Tensor weight = k * (r - f);
    const Tensor accept =
        (weight * minus(2, weight)).gt(u[1]).logical_or(((weight / u[1]).log() + 1 - weight).ge(0));
    const Tensor proposal = (u[2] - 0.5).sign() * f.clamp(Scalar(-1), Scalar(1)).acos();
    angle = where(accept.logical_and(done.logical_not()), proposal, angle);
    done = done.logical_or(accept);
  }
  const Tensor wrapped = (angle + M_PI + loc()).remainder(2 * M_PI) - M_PI;
  return wrapped.to(loc().dtype());
}

}  // namespace rustorch::distributions
