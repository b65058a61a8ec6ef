// Kullback-Leibler divergences: one formula per pair of classes, found by their type.
#include <cmath>
#include <typeinfo>

#include "distributions/helpers.h"
#include "rustorch/distributions.h"
#include "rustorch/linalg.h"

namespace rustorch::distributions {

namespace {
constexpr double kEuler = 0.57721566490153286060651209;

Tensor infinite_where(const Tensor& mask, const Tensor& value) {
  return where(mask, Scalar(kInfinity), value);
}

Tensor kl(const Bernoulli& p, const Bernoulli& q) {
  const Tensor a = p.probs();
  const Tensor hit = a * (softplus(q.logits().neg()) - softplus(p.logits().neg()));
  const Tensor miss = (Scalar(1) - a) * (softplus(q.logits()) - softplus(p.logits()));
  return where(a.eq(0), Scalar(0.0), infinite_where(q.probs().eq(0), hit)) +
         where(a.eq(1), Scalar(0.0), infinite_where(q.probs().eq(1), miss));
}
Tensor kl(const Binomial& p, const Binomial& q) {
  require(!p.total_count().lt(q.total_count()).any().item<bool>(), "kl_divergence",
          "KL between Binomials where q.total_count > p.total_count is not implemented");
  const Tensor out = p.total_count() * (p.probs() * (p.logits() - q.logits()) + p.probs().neg().log1p() -
                                        q.probs().neg().log1p());
  return infinite_where(p.total_count().gt(q.total_count()), out);
}
Tensor kl(const Categorical& p, const Categorical& q) {
  const Tensor terms = infinite_where(q.probs().eq(0), p.probs() * (p.logits() - q.logits()));
  return where(p.probs().eq(0), Scalar(0.0), terms).sum(-1);
}
Tensor kl(const OneHotCategorical& p, const OneHotCategorical& q) {
  return kl(p.categorical(), q.categorical());
}
Tensor kl(const Geometric& p, const Geometric& q) {
  return p.entropy().neg() - q.probs().neg().log1p() / p.probs() - q.logits();
}
Tensor kl(const Poisson& p, const Poisson& q) {
  return p.rate() * (p.rate().log() - q.rate().log()) - (p.rate() - q.rate());
}
Tensor kl(const Dirichlet& p, const Dirichlet& q) {
  const Tensor &a = p.concentration(), &b = q.concentration();
  const Tensor total = a.sum(-1, true);
  const Tensor norm = lgamma(b).sum(-1) - lgamma(b.sum(-1)) - lgamma(a).sum(-1) + lgamma(total.squeeze(-1));
  return norm + ((a - b) * (digamma(a) - digamma(total))).sum(-1);
}
Tensor kl(const Beta& p, const Beta& q) { return kl(p.dirichlet(), q.dirichlet()); }
Tensor kl(const Exponential& p, const Exponential& q) {
  const Tensor ratio = q.rate() / p.rate();
  return ratio - ratio.log() - 1;
}
Tensor kl(const Gamma& p, const Gamma& q) {
  const Tensor &a = p.concentration(), &b = q.concentration();
  const Tensor shapes = lgamma(b) - lgamma(a) + (a - b) * digamma(a);
  return shapes + b * (p.rate() / q.rate()).log() + (q.rate() - p.rate()) * (a / p.rate());
}
Tensor kl(const Normal& p, const Normal& q) {
  const Tensor ratio = (p.scale() / q.scale()).pow(2), shift = ((p.loc() - q.loc()) / q.scale()).pow(2);
  return (ratio + shift - 1 - ratio.log()) * 0.5;
}
Tensor kl(const LogNormal& p, const LogNormal& q) {
  return kl(Normal(p.loc(), p.scale()), Normal(q.loc(), q.scale()));
}
Tensor kl(const HalfNormal& p, const HalfNormal& q) {
  return kl(Normal(0.0, p.scale()), Normal(0.0, q.scale()));
}
Tensor kl(const Cauchy& p, const Cauchy& q) {
  const Tensor distance = (p.scale() + q.scale()).pow(2) + (p.loc() - q.loc()).pow(2);
  return distance.log() - (p.scale() * 4 * q.scale()).log();
}
Tensor kl(const Laplace& p, const Laplace& q) {
  const Tensor ratio = p.scale() / q.scale(), shift = (p.loc() - q.loc()).abs();
  return shift / q.scale() + ratio * (shift.neg() / p.scale()).exp() - ratio.log() - 1;
}
Tensor kl(const Gumbel& p, const Gumbel& q) {
  const Tensor ratio = p.scale() / q.scale(), shift = (p.loc() - q.loc()) / q.scale();
  const Tensor tail = (lgamma(ratio + 1) - shift).exp();
  return shift - ratio.log() + ratio * kEuler + tail - (1 + kEuler);
}
Tensor kl(const Pareto& p, const Pareto& q) {
  const Tensor ratio = q.alpha() / p.alpha();
  const Tensor out = q.alpha() * (p.scale() / q.scale()).log() - ratio.log() + ratio - 1;
  return infinite_where(p.scale().lt(q.scale()), out);
}
Tensor kl(const Uniform& p, const Uniform& q) {
  const Tensor out = ((q.high() - q.low()) / (p.high() - p.low())).log();
  return infinite_where(q.low().gt(p.low()).logical_or(q.high().lt(p.high())), out);
}
Tensor kl(const MultivariateNormal& p, const MultivariateNormal& q) {
  require(p.event_shape() == q.event_shape(), "kl_divergence",
          "the distributions have different event shapes");
  const auto half_log_det = [](const Tensor& l) { return l.diagonal(0, -2, -1).log().sum(-1); };
  const auto norm = [](const Tensor& l, const Tensor& m) {
    return linalg_solve_triangular(l, m, false).square().sum(IntArrayRef({-2, -1}));
  };
  const Tensor trace = norm(q.scale_tril(), p.scale_tril());
  const Tensor distance = norm(q.scale_tril(), (q.loc() - p.loc()).unsqueeze(-1));
  return half_log_det(q.scale_tril()) - half_log_det(p.scale_tril()) +
         (trace + distance - static_cast<double>(p.event_shape()[0])) * 0.5;
}

template <class D>
bool both(const Distribution& p, const Distribution& q, Tensor& out) {
  const auto* a = dynamic_cast<const D*>(&p);
  const auto* b = dynamic_cast<const D*>(&q);
  if (a == nullptr || b == nullptr) return false;
  out = kl(*a, *b);
  return true;
}

template <class... D>
bool first_of(const Distribution& p, const Distribution& q, Tensor& out) {
  return (both<D>(p, q, out) || ...);
}
}  // namespace

Tensor kl_divergence(const Distribution& p, const Distribution& q) {
  Tensor out;
  if (first_of<Bernoulli, Binomial, Categorical, OneHotCategorical, Geometric, Poisson, Dirichlet, Beta,
               Exponential, Gamma, Normal, LogNormal, HalfNormal, Cauchy, Laplace, Gumbel, Pareto, Uniform,
               MultivariateNormal>(p, q, out)) {
    return out;
  }
  raise(ErrorKind::NotImplemented, "kl_divergence",
        cat("No KL(p || q) is implemented for p type ", p.type_name(), " and q type ", q.type_name()));
}

}  // namespace rustorch::distributions
