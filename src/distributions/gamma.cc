// Gamma and the distributions of positive numbers made of it or like it; Dirichlet, Beta and Kumaraswamy.
#include <cmath>

#include "distributions/helpers.h"
#include "rustorch/distributions/continuous.h"
#include "rustorch/special.h"

namespace rustorch::distributions {

namespace c = constraints;

// ---- Exponential

Exponential::Exponential(TensorLike rate, Validate validate)
    : DistributionOf({{"rate", rate, c::positive()}}, 0, validate) {}
Constraint Exponential::support() const { return c::nonnegative(); }
Tensor Exponential::mean() const { return rate().reciprocal(); }
Tensor Exponential::mode() const { return zeros_like(rate()); }
Tensor Exponential::stddev() const { return rate().reciprocal(); }
Tensor Exponential::variance() const { return rate().pow(-2); }
Tensor Exponential::rsample(IntArrayRef shape) const {
  return rate().new_empty(extended(shape)).exponential_() / rate();
}
Tensor Exponential::log_prob(const Tensor& value) const {
  const Tensor top = rate().log();
  return top - rate() * checked(value);
}
Tensor Exponential::cdf(const Tensor& value) const { return (rate().neg() * checked(value)).expm1().neg(); }
Tensor Exponential::icdf(const Tensor& value) const { return value.neg().log1p().neg() / rate(); }
Tensor Exponential::entropy() const { return minus(1.0, rate().log()); }

// ---- Gamma

Gamma::Gamma(TensorLike concentration, TensorLike rate, Validate validate)
    : DistributionOf({{"concentration", concentration, c::positive()}, {"rate", rate, c::positive()}}, 0,
                     validate) {}
Constraint Gamma::support() const { return c::nonnegative(); }
Tensor Gamma::mean() const { return concentration() / rate(); }
Tensor Gamma::mode() const { return ((concentration() - 1) / rate()).clamp_min(0); }
Tensor Gamma::variance() const { return concentration() / rate().pow(2); }
Tensor Gamma::rsample(IntArrayRef shape) const {
  const Tensor value = _standard_gamma(concentration().expand(extended(shape))) / rate();
  return value.clamp_min(tiny_of(value));  // positive for use in densities
}
Tensor Gamma::log_prob(const Tensor& value) const {
  const Tensor &a = concentration(), &b = rate();
  const Tensor x = checked(value.to(b.device(), b.dtype()));
  const Tensor top = xlogy(a, b);
  const Tensor weight = top + xlogy(a - 1, x);
  return weight - b * x - lgamma(a);
}
Tensor Gamma::cdf(const Tensor& value) const { return igamma(concentration(), rate() * checked(value)); }
Tensor Gamma::entropy() const {
  const Tensor& a = concentration();
  const Tensor top = a - rate().log() + lgamma(a);
  const Tensor rest = minus(1, a);
  return top + rest * digamma(a);
}

namespace {
Tensor half(const TensorLike& v) { return v.as_tensor() * 0.5; }
}  // namespace
Chi2::Chi2(TensorLike df, Validate validate) : DistributionOf(half(df), 0.5, validate) {}
Tensor Chi2::df() const { return concentration() * 2; }

// ---- InverseGamma

InverseGamma::InverseGamma(TensorLike concentration, TensorLike rate, Validate validate)
    : InverseGamma(Gamma(concentration, rate, validate), validate) {}
InverseGamma::InverseGamma(const Gamma& base, Validate validate)
    : DistributionOf(base, PowerTransform(ones({}, base.rate().dtype(), base.rate().device()).neg()),
                     validate) {}
Constraint InverseGamma::support() const { return c::positive(); }
Tensor InverseGamma::mean() const {
  const Tensor& a = concentration();
  return where(a.gt(1), rate() / (a - 1), Scalar(kInfinity));
}
Tensor InverseGamma::mode() const { return rate() / (concentration() + 1); }
Tensor InverseGamma::variance() const {
  const Tensor& a = concentration();
  return where(a.gt(2), rate().square() / ((a - 1).square() * (a - 2)), Scalar(kInfinity));
}
Tensor InverseGamma::entropy() const {
  const Tensor& a = concentration();
  const Tensor top = a + rate().log() + lgamma(a);
  const Tensor above = a + 1;
  return top - above * digamma(a);
}

// ---- FisherSnedecor

FisherSnedecor::FisherSnedecor(TensorLike df1, TensorLike df2, Validate validate)
    : DistributionOf({{"df1", df1, c::positive()}, {"df2", df2, c::positive()}}, 0, validate) {}
Constraint FisherSnedecor::support() const { return c::positive(); }
Tensor FisherSnedecor::mean() const { return where(df2().gt(2), df2() / (df2() - 2), Scalar(kNaN)); }
Tensor FisherSnedecor::mode() const {
  const Tensor top = (df1() - 2) / df1() * df2();
  return where(df1().gt(2), top / (df2() + 2), Scalar(kNaN));
}
Tensor FisherSnedecor::variance() const {
  const Tensor &a = df1(), &b = df2();
  const Tensor top = b.pow(2) * 2 * (a + b - 2);
  return where(b.gt(4), top / (a * (b - 2).pow(2) * (b - 4)), Scalar(kNaN));
}
Tensor FisherSnedecor::rsample(IntArrayRef shape) const {
  const Tensor top = Gamma(df1() * 0.5, df1(), false).rsample(shape);
  const Tensor ratio = top / Gamma(df2() * 0.5, df2(), false).rsample(shape);
  return ratio.clamp_min(tiny_of(ratio));
}
Tensor FisherSnedecor::log_prob(const Tensor& value) const {
  checked(value);
  const Tensor a = df1() * 0.5, b = df2() * 0.5, ratio = df1() / df2();
  const Tensor gammas = lgamma(a) + lgamma(b) - lgamma(a + b);
  const Tensor log_norm = gammas - a * ratio.log();
  const Tensor top = (a - 1) * value.log();
  const Tensor both = a + b;
  return top - both * (ratio * value).log1p() - log_norm;
}

// ---- Weibull

Weibull::Weibull(TensorLike scale, TensorLike concentration, Validate validate)
    : Weibull(broadcast_all({scale, concentration}), validate) {}
Weibull::Weibull(const std::vector<Tensor>& p, Validate validate)
    : DistributionOf(Exponential(ones_like(p[0]), validate),
                     std::vector<Transform>{PowerTransform(p[1].reciprocal()), AffineTransform(0, p[0])},
                     validate) {
  own("scale", p[0], c::positive());
  own("concentration", p[1], c::positive());
}
Constraint Weibull::support() const { return c::positive(); }
namespace {
Tensor weibull_moment(const Tensor& concentration, int n) {
  return lgamma(concentration.reciprocal() * n + 1).exp();
}
}  // namespace
Tensor Weibull::mean() const { return scale() * weibull_moment(concentration(), 1); }
Tensor Weibull::mode() const {
  const Tensor base = (concentration() - 1) / concentration();
  return scale() * base.pow(concentration().reciprocal());
}
Tensor Weibull::variance() const {
  const Tensor second = weibull_moment(concentration(), 2);
  const Tensor spread = second - weibull_moment(concentration(), 1).pow(2);
  return scale().pow(2) * spread;
}
Tensor Weibull::entropy() const {
  const Tensor r = concentration().reciprocal();
  const Tensor first = minus(1, r) * kEuler;
  return first + (scale() * r).log() + 1;
}

// ---- Dirichlet and Beta

Dirichlet::Dirichlet(const Tensor& concentration, Validate validate)
    : DistributionOf({{"concentration", concentration, c::independent(c::positive(), 1)}}, 1, validate) {}
Constraint Dirichlet::support() const { return c::simplex(); }
Tensor Dirichlet::mean() const { return concentration() / concentration().sum(-1, true); }
Tensor Dirichlet::mode() const {
  const Tensor above = (concentration() - 1).clamp_min(0), mode = above / above.sum(-1, true);
  const Tensor corner = one_hot(mode.argmax(-1), event_shape()[0]).to(mode.dtype());
  return where(concentration().lt(1).all(-1, true), corner, mode);
}
Tensor Dirichlet::variance() const {
  const Tensor total = concentration().sum(-1, true);
  const Tensor top = concentration() * (total - concentration());
  return top / (total.pow(2) * (total + 1));
}
Tensor Dirichlet::rsample(IntArrayRef shape) const {
  return _sample_dirichlet(concentration().expand(extended(shape)));
}
Tensor Dirichlet::log_prob(const Tensor& value) const {
  const Tensor& a = concentration();
  const Tensor weight = xlogy(a - 1, checked(value)).sum(-1);
  const Tensor top = weight + lgamma(a.sum(-1));
  return top - lgamma(a).sum(-1);
}
Tensor Dirichlet::entropy() const {
  const Tensor &a = concentration(), total = a.sum(-1);
  const Tensor log_norm = lgamma(a).sum(-1) - lgamma(total);
  const Tensor top = (total - event_shape()[0]) * digamma(total);
  return log_norm + top - ((a - 1) * digamma(a)).sum(-1);
}

Beta::Beta(TensorLike concentration1, TensorLike concentration0, Validate validate)
    : DistributionOf({{"concentration1", concentration1, c::positive()},
                      {"concentration0", concentration0, c::positive()}},
                     0, validate) {}
Constraint Beta::support() const { return c::unit_interval(); }
Dirichlet Beta::dirichlet() const {
  return Dirichlet(stack({concentration1(), concentration0()}, -1), false);
}
Tensor Beta::mean() const { return concentration1() / (concentration1() + concentration0()); }
Tensor Beta::mode() const { return dirichlet().mode().select(-1, 0); }
Tensor Beta::variance() const { return dirichlet().variance().select(-1, 0); }
Tensor Beta::rsample(IntArrayRef shape) const { return dirichlet().rsample(shape).select(-1, 0); }
Tensor Beta::log_prob(const Tensor& value) const {
  checked(value);
  return dirichlet().log_prob(stack({value, minus(1.0, value)}, -1));
}
Tensor Beta::entropy() const { return dirichlet().entropy(); }

// ---- Kumaraswamy

Kumaraswamy::Kumaraswamy(TensorLike concentration1, TensorLike concentration0, Validate validate)
    : Kumaraswamy(broadcast_all({concentration1, concentration0}), validate) {}
Kumaraswamy::Kumaraswamy(const std::vector<Tensor>& p, Validate validate)
    : DistributionOf(Uniform(zeros_like(p[1]), ones_like(p[1]), validate),
                     std::vector<Transform>{PowerTransform(p[1].reciprocal()), AffineTransform(1.0, -1.0),
                                            PowerTransform(p[0].reciprocal())},
                     validate) {
  own("concentration1", p[0], c::positive());
  own("concentration0", p[1], c::positive());
}
Constraint Kumaraswamy::support() const { return c::unit_interval(); }
Tensor Kumaraswamy::raw_moment(double n) const {
  const Tensor &b = concentration0(), at = over(n, concentration1()) + 1;
  const Tensor top = b.log() + lgamma(at) + lgamma(b);
  return (top - lgamma(b + at)).exp();
}
Tensor Kumaraswamy::mean() const { return raw_moment(1); }
/// Not a number, as in PyTorch, whose formula has no value for any parameters.
Tensor Kumaraswamy::mode() const { return full_like(concentration1(), Scalar(kNaN)); }
Tensor Kumaraswamy::variance() const {
  const Tensor second = raw_moment(2);
  return second - raw_moment(1).pow(2);
}
Tensor Kumaraswamy::entropy() const {
  const Tensor &a = concentration1(), &b = concentration0();
  const Tensor harmonic = digamma(b + 1) + kEuler;
  const Tensor first = minus(1, b.reciprocal());
  const Tensor second = minus(1, a.reciprocal());
  return first + second * harmonic - a.log() - b.log();
}

}  // namespace rustorch::distributions
