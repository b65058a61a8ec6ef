// KL divergences between different families: -H(p) - E_p[log q], with log q written in moments of p.
#include <cmath>

#include "distributions/helpers.h"
#include "distributions/kl_rules.h"

namespace rustorch::distributions {

namespace {
// ---- moments of p

/// Mean of log x over an interval.
Tensor xlogx_rise(const Tensor& low, const Tensor& high) {
  const Tensor top = xlogy(high, high);
  return (top - xlogy(low, low)) / (high - low) - 1;
}
Tensor mean_log(const Beta& p) {
  const Tensor top = digamma(p.concentration1());
  return top - digamma(p.concentration1() + p.concentration0());
}
Tensor mean_log(const Exponential& p) { return minus(-kEuler, p.rate().log()); }
Tensor mean_log(const Pareto& p) {
  const Tensor top = p.scale().log();
  return top + p.alpha().reciprocal();
}
Tensor mean_log(const Uniform& p) { return xlogx_rise(p.low(), p.high()); }

/// E exp(-x / s).
Tensor laplace_transform(const Exponential& p, const Tensor& s) {
  return ((p.rate() * s).reciprocal() + 1).reciprocal();
}
Tensor laplace_transform(const Gamma& p, const Tensor& s) {
  return ((p.rate() * s).reciprocal() + 1).pow(p.concentration().neg());
}
Tensor laplace_transform(const Normal& p, const Tensor& s) {
  const Tensor shift = p.loc().neg() / s;
  return (shift + (p.scale() / s).pow(2) * 0.5).exp();
}
Tensor laplace_transform(const Uniform& p, const Tensor& s) {
  const Tensor first = (p.low().neg() / s).exp();
  return s * (first - (p.high().neg() / s).exp()) / (p.high() - p.low());
}

// ---- -E_p[log q]

Tensor cross_entropy_of(const Distribution& p, const Normal& q) {
  const Tensor first = p.variance();
  const Tensor spread = first + (p.mean() - q.loc()).pow(2);
  const Tensor top = q.scale().log() + 0.5 * std::log(2 * M_PI);
  return top + spread * 0.5 / q.scale().pow(2);
}
Tensor cross_entropy_of(const Distribution& p, const Exponential& q) {
  const Tensor top = q.rate() * p.mean();
  return top - q.rate().log();
}
Tensor cross_entropy_of(const Distribution&, const Uniform& q) { return (q.high() - q.low()).log(); }
Tensor cross_entropy_of(const Distribution& p, const ContinuousBernoulli& q) {
  const Tensor first = p.mean().neg() * q.logits();
  const Tensor second = first - q.probs().neg().log1p();
  return second - q.log_norm();
}
template <class P>
Tensor cross_entropy_of(const P& p, const Gamma& q) {
  const Tensor &a = q.concentration(), &b = q.rate();
  const Tensor first = lgamma(a);
  const Tensor second = first - a * b.log();
  const Tensor weight = a - 1;
  const Tensor third = second - weight * mean_log(p);
  return third + b * p.mean();
}
template <class P>
Tensor cross_entropy_of(const P& p, const Gumbel& q) {
  const Tensor factor = (q.loc() / q.scale()).exp();
  const Tensor tail = factor * laplace_transform(p, q.scale());
  const Tensor top = q.scale().log();
  return top + (p.mean() - q.loc()) / q.scale() + tail;
}
/// With the mean of |x - loc|, a folded normal variable.
Tensor cross_entropy_of(const Normal& p, const Laplace& q) {
  const Tensor z = (p.loc() - q.loc()) / p.scale();
  const Tensor density = (z * -0.5 * z).exp() * std::sqrt(2 / M_PI);
  const Tensor folded = p.scale() * (density + z * erf(z / std::sqrt(2.0)));
  const Tensor top = (q.scale() * 2).log();
  return top + folded / q.scale();
}
Tensor cross_entropy_of(const Uniform& p, const Beta& q) {
  const Tensor &a = q.concentration1(), &b = q.concentration0();
  const Tensor log_beta = lgamma(a) + lgamma(b) - lgamma(a + b);
  const Tensor first = log_beta - (a - 1) * xlogx_rise(p.low(), p.high());
  return first - (b - 1) * xlogx_rise(minus(1, p.high()), minus(1, p.low()));
}
Tensor cross_entropy_of(const Uniform& p, const Pareto& q) {
  const Tensor first = (q.alpha() + 1) * xlogx_rise(p.low(), p.high());
  const Tensor second = first - q.alpha().log();
  return second - q.alpha() * q.scale().log();
}
Tensor cross_entropy_of(const Bernoulli& p, const Poisson& q) {
  return q.rate() - p.probs() * q.rate().log();
}

// ---- where p has mass outside the support of q, or no such moment

template <class P, class Q>
Tensor infinite(const P&, const Q&) {
  return {};
}
Tensor infinite(const Pareto& p, const Normal&) { return p.alpha().le(2); }
Tensor infinite(const Pareto& p, const Exponential&) { return p.alpha().le(1); }
Tensor infinite(const Pareto& p, const Gamma&) { return p.alpha().le(1); }
Tensor infinite(const Uniform& p, const Exponential&) { return p.low().lt(0); }
Tensor infinite(const Uniform& p, const Gamma&) { return p.low().lt(0); }
Tensor outside_unit(const Uniform& p) { return p.low().lt(0).logical_or(p.high().gt(1)); }
Tensor infinite(const Uniform& p, const Beta&) { return outside_unit(p); }
Tensor infinite(const Uniform& p, const ContinuousBernoulli&) { return outside_unit(p); }
Tensor infinite(const Uniform& p, const Pareto& q) { return p.low().lt(q.scale()); }
Tensor unit_outside(const Uniform& q) { return q.low().gt(0.0).logical_or(q.high().lt(1.0)); }
Tensor infinite(const Beta&, const Uniform& q) { return unit_outside(q); }
Tensor infinite(const ContinuousBernoulli&, const Uniform& q) { return unit_outside(q); }

template <class P, class Q>
Tensor across(const P& p, const Q& q) {
  const Tensor first = cross_entropy_of(p, q);
  const Tensor value = first - p.entropy(), outside = infinite(p, q);
  return outside.defined() ? infinite_where(outside, value) : value;
}
/// p always has mass outside the support of q.
template <class P, class Q>
Tensor never(const P& p, const Q&) {
  const Tensor mean = p.mean();
  return full(p.batch_shape(), Scalar(kInfinity), mean.dtype(), mean.device());
}

template <class P, class Q>
constexpr KlRule cross = rule<P, Q, across<P, Q>>;
template <class P, class Q>
constexpr KlRule outside = rule<P, Q, never<P, Q>>;

constexpr KlRule kCross[] = {
    cross<Beta, Normal>, cross<ContinuousBernoulli, Normal>, cross<Exponential, Normal>, cross<Gamma, Normal>,
    cross<Gumbel, Normal>, cross<Laplace, Normal>, cross<Uniform, Normal>, cross<Pareto, Normal>,
    cross<Beta, Exponential>, cross<ContinuousBernoulli, Exponential>, cross<Gamma, Exponential>,
    cross<Pareto, Exponential>, cross<Uniform, Exponential>, cross<Beta, Gamma>, cross<Exponential, Gamma>,
    cross<Pareto, Gamma>, cross<Uniform, Gamma>, cross<Exponential, Gumbel>, cross<Gamma, Gumbel>,
    cross<Normal, Gumbel>, cross<Uniform, Gumbel>, cross<Beta, Uniform>, cross<ContinuousBernoulli, Uniform>,
    cross<Beta, ContinuousBernoulli>, cross<Uniform, ContinuousBernoulli>, cross<Normal, Laplace>,
    cross<Uniform, Beta>, cross<Uniform, Pareto>, cross<Bernoulli, Poisson>,
    // p always has mass outside the support of q
    outside<Beta, Pareto>, outside<ContinuousBernoulli, Pareto>, outside<Exponential, Beta>,
    outside<Exponential, ContinuousBernoulli>, outside<Exponential, Pareto>, outside<Exponential, Uniform>,
    outside<Gamma, Beta>, outside<Gamma, ContinuousBernoulli>, outside<Gamma, Pareto>,
    outside<Gamma, Uniform>, outside<Gumbel, Beta>, outside<Gumbel, ContinuousBernoulli>,
    outside<Gumbel, Exponential>, outside<Gumbel, Gamma>, outside<Gumbel, Pareto>, outside<Gumbel, Uniform>,
    outside<Laplace, Beta>, outside<Laplace, ContinuousBernoulli>, outside<Laplace, Exponential>,
    outside<Laplace, Gamma>, outside<Laplace, Pareto>, outside<Laplace, Uniform>, outside<Normal, Beta>,
    outside<Normal, ContinuousBernoulli>, outside<Normal, Exponential>, outside<Normal, Gamma>,
    outside<Normal, Pareto>, outside<Normal, Uniform>, outside<Pareto, Beta>,
    outside<Pareto, ContinuousBernoulli>, outside<Pareto, Uniform>, outside<Poisson, Bernoulli>,
    outside<Poisson, Binomial>};
}  // namespace

ArrayRef<KlRule> kl_cross_rules() { return kCross; }

}  // namespace rustorch::distributions
