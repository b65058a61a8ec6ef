// Kullback-Leibler divergences within one family, and the list of all rules, which is searched in order:
// exact pairs of classes, then pairs across families (kl_cross.cc), then what holds for whole kinds of
// distributions.
#include "rustorch/distributions/kl.h"

#include <mutex>
#include <typeinfo>

#include "distributions/helpers.h"
#include "distributions/kl_rules.h"
#include "distributions/matrix.h"
#include "rustorch/linalg.h"

namespace rustorch::distributions {

namespace {
// ---- discrete

Tensor kl(const Bernoulli& p, const Bernoulli& q) {
  const Tensor a = p.probs(), b = q.probs(), t = p.logits(), u = q.logits();
  const Tensor first = softplus(u.neg()), second = softplus(u);
  const Tensor hit = infinite_where(b.eq(0), a * (first - softplus(t.neg())));
  const Tensor miss = infinite_where(b.eq(1), minus(1, a) * (second - softplus(t)));
  return where(a.eq(0), Scalar(0.0), hit) + where(a.eq(1), Scalar(0.0), miss);
}
Tensor kl(const Binomial& p, const Binomial& q) {
  RT_CHECK(!p.total_count().lt(q.total_count()).any().item<bool>(), NotImplemented, "kl_divergence",
           "KL between Binomials where q.total_count > p.total_count is not implemented");
  const Tensor a = p.probs(), change = a * (p.logits() - q.logits());
  const Tensor inside = change + a.neg().log1p();
  return infinite_where(p.total_count().gt(q.total_count()),
                        p.total_count() * (inside - q.probs().neg().log1p()));
}
Tensor kl(const Categorical& p, const Categorical& q) {
  const Tensor a = p.probs();
  const Tensor terms = infinite_where(q.probs().eq(0), a * (p.logits() - q.logits()));
  return where(a.eq(0), Scalar(0.0), terms).sum(-1);
}
Tensor kl(const OneHotCategorical& p, const OneHotCategorical& q) {
  return kl(p.categorical(), q.categorical());
}
Tensor kl(const Geometric& p, const Geometric& q) {
  const Tensor top = p.entropy().neg();
  return top - q.probs().neg().log1p() / p.probs() - q.logits();
}
Tensor kl(const Poisson& p, const Poisson& q) {
  const Tensor ratio = p.rate().log() - q.rate().log(), top = p.rate() * ratio;
  return top - (p.rate() - q.rate());
}

// ---- exponential families

Tensor kl(const Dirichlet& p, const Dirichlet& q) {
  const Tensor &a = p.concentration(), &b = q.concentration();
  const Tensor total = a.sum(-1, true);
  const Tensor first = lgamma(b).sum(-1) - lgamma(b.sum(-1)) - lgamma(a).sum(-1);
  const Tensor norm = first + lgamma(total.squeeze(-1)), rest = digamma(a) - digamma(total);
  return norm + ((a - b) * rest).sum(-1);
}
Tensor kl(const Beta& p, const Beta& q) { return kl(p.dirichlet(), q.dirichlet()); }
Tensor kl(const ContinuousBernoulli& p, const ContinuousBernoulli& q) {
  const Tensor own = p.log_norm() + p.probs().neg().log1p();
  const Tensor other = q.log_norm() + q.probs().neg().log1p();
  const Tensor top = p.mean() * (p.logits() - q.logits());
  return top + own - other;
}
Tensor kl(const Exponential& p, const Exponential& q) {
  const Tensor ratio = q.rate() / p.rate();
  return ratio - ratio.log() - 1;
}
Tensor kl(const Gamma& p, const Gamma& q) {
  const Tensor &a = p.concentration(), &b = q.concentration();
  const Tensor first = lgamma(b) - lgamma(a), shift = a - b;
  const Tensor shapes = first + shift * digamma(a);
  const Tensor top = shapes + b * (p.rate() / q.rate()).log(), rise = q.rate() - p.rate();
  return top + rise * (a / p.rate());
}
Tensor kl(const Normal& p, const Normal& q) {
  const Tensor ratio = (p.scale() / q.scale()).pow(2), shift = ((p.loc() - q.loc()) / q.scale()).pow(2);
  return (ratio + shift - 1 - ratio.log()) * 0.5;
}

// ---- location and scale, intervals

Tensor kl(const HalfNormal& p, const HalfNormal& q) {
  return kl(static_cast<const Normal&>(p.base_dist()), static_cast<const Normal&>(q.base_dist()));
}
Tensor kl(const Cauchy& p, const Cauchy& q) {
  const Tensor first = (p.scale() + q.scale()).pow(2);
  const Tensor distance = first + (p.loc() - q.loc()).pow(2);
  return distance.log() - (p.scale() * 4 * q.scale()).log();
}
Tensor kl(const Laplace& p, const Laplace& q) {
  const Tensor ratio = p.scale() / q.scale(), shift = (p.loc() - q.loc()).abs();
  const Tensor first = shift / q.scale();
  return first + ratio * (shift.neg() / p.scale()).exp() - ratio.log() - 1;
}
Tensor kl(const Gumbel& p, const Gumbel& q) {
  const Tensor ratio = p.scale() / q.scale(), shift = (p.loc() - q.loc()) / q.scale();
  const Tensor tail = (lgamma(ratio + 1) - shift).exp();
  return shift - ratio.log() + ratio * kEuler + tail - (1 + kEuler);
}
Tensor kl(const Pareto& p, const Pareto& q) {
  const Tensor ratio = q.alpha() / p.alpha();
  const Tensor top = q.alpha() * (p.scale() / q.scale()).log();
  return infinite_where(p.scale().lt(q.scale()), top - ratio.log() + ratio - 1);
}
Tensor kl(const Uniform& p, const Uniform& q) {
  const Tensor wide = q.high() - q.low();
  const Tensor outside = q.low().gt(p.low()).logical_or(q.high().lt(p.high()));
  return infinite_where(outside, (wide / (p.high() - p.low())).log());
}

// ---- vectors

void check_events(const Distribution& p, const Distribution& q) {
  RT_CHECK(p.event_shape() == q.event_shape(), Value, "kl_divergence", "KL-divergence between two ",
           p.type_name(), " distributions with different event shapes cannot be computed");
}
/// The trace of M M^T.
Tensor squared_norm(const Tensor& m) { return m.square().sum(IntArrayRef({-2, -1})); }
/// |L^-1 M|^2 for a lower factor L.
Tensor whitened_norm(const Tensor& factor, const Tensor& matrix) {
  const Shape batch = broadcast_shapes({without(factor.sizes(), 2), without(matrix.sizes(), 2)});
  const auto wide = [&](const Tensor& m) {
    return m.expand(join(batch, m.sizes().slice(static_cast<size_t>(m.dim()) - 2)));
  };
  return squared_norm(linalg_solve_triangular(wide(factor), wide(matrix), false));
}
Tensor difference(const Tensor& log_det, const Tensor& trace, const Tensor& distance, int64_t n) {
  return log_det + (trace + distance - n) * 0.5;
}

Tensor kl(const MultivariateNormal& p, const MultivariateNormal& q) {
  check_events(p, q);
  const Tensor &own = p.unbroadcasted_scale_tril(), &other = q.unbroadcasted_scale_tril();
  const Tensor trace = whitened_norm(other, own), distance = mahalanobis(other, q.loc() - p.loc());
  return difference(half_log_det(other) - half_log_det(own), trace, distance, p.event_shape()[0]);
}

/// Roots R of the covariance as a sum of R R^T.
std::vector<Tensor> roots_of(const LowRankMultivariateNormal& p) {
  return {p.unbroadcasted_cov_factor(), p.unbroadcasted_cov_diag().sqrt().diag_embed()};
}
/// The sum of f over the roots.
template <class F>
Tensor sum_of(const std::vector<Tensor>& roots, F&& f) {
  Tensor total = f(roots[0]);
  for (size_t i = 1; i < roots.size(); ++i) total = total + f(roots[i]);
  return total;
}

/// q of low rank; p by the roots of its covariance and half its log determinant.
Tensor to_low_rank(const Distribution& p, const LowRankMultivariateNormal& q, const Tensor& loc,
                   const std::vector<Tensor>& roots, const Tensor& own_log_det) {
  check_events(p, q);
  const Tensor &factor = q.unbroadcasted_cov_factor(), &diagonal = q.unbroadcasted_cov_diag();
  const Tensor distance = low_rank_mahalanobis(factor, diagonal, q.loc() - loc, q.capacitance_tril());
  const Tensor log_det = low_rank_log_det(diagonal, q.capacitance_tril()) * 0.5 - own_log_det;
  const Tensor inside =
      linalg_solve_triangular(q.capacitance_tril(), transposed(factor) / diagonal.unsqueeze(-2), false);
  const Tensor scale = diagonal.rsqrt().unsqueeze(-1);
  const Tensor trace = sum_of(roots, [&](const Tensor& root) {
    const Tensor first = squared_norm(root * scale);
    return first - squared_norm(inside.matmul(root));
  });
  return difference(log_det, trace, distance, p.event_shape()[0]);
}
Tensor kl(const LowRankMultivariateNormal& p, const LowRankMultivariateNormal& q) {
  return to_low_rank(p, q, p.loc(), roots_of(p), p.half_log_det());
}
Tensor kl(const MultivariateNormal& p, const LowRankMultivariateNormal& q) {
  const Tensor& root = p.unbroadcasted_scale_tril();
  return to_low_rank(p, q, p.loc(), {root}, half_log_det(root));
}
Tensor kl(const LowRankMultivariateNormal& p, const MultivariateNormal& q) {
  check_events(p, q);
  const Tensor& other = q.unbroadcasted_scale_tril();
  const Tensor trace = sum_of(roots_of(p), [&](const Tensor& root) { return whitened_norm(other, root); });
  const Tensor distance = mahalanobis(other, q.loc() - p.loc());
  return difference(half_log_det(other) - p.half_log_det(), trace, distance, p.event_shape()[0]);
}

// ---- kinds of distributions

[[noreturn]] void no_rule(const Distribution& p, const Distribution& q) {
  raise(ErrorKind::NotImplemented, "kl_divergence",
        rustorch::cat("No KL(p || q) is implemented for p type ", p.type_name(), " and q type ",
                      q.type_name()));
}

/// The Bregman divergence of the log normaliser.
Tensor kl(const ExponentialFamily& p, const ExponentialFamily& q) {
  if (typeid(p) != typeid(q)) no_rule(p, q);
  const ExponentialFamily::Statistics own = p.expected_statistics();
  const std::vector<Tensor> other = q.natural_params();
  Tensor result = q.log_normalizer(other) - own.normalizer;
  for (size_t i = 0; i < other.size(); ++i) {
    const Tensor term = (other[i] - own.eta[i]) * own.means[i];
    result = result - sum_rightmost(term, static_cast<int64_t>(q.event_shape().size()));
  }
  return result;
}
Tensor kl(const TransformedDistribution& p, const TransformedDistribution& q) {
  if (!(p.transforms() == q.transforms()) || p.event_shape() != q.event_shape()) no_rule(p, q);
  const auto extra =
      static_cast<int64_t>(p.event_shape().size()) - static_cast<int64_t>(p.base_dist().event_shape().size());
  return sum_rightmost(kl_divergence(p.base_dist(), q.base_dist()), extra);
}
Tensor kl(const Independent& p, const Independent& q) {
  if (p.reinterpreted_batch_ndims() != q.reinterpreted_batch_ndims()) no_rule(p, q);
  return sum_rightmost(kl_divergence(p.base_dist(), q.base_dist()), p.reinterpreted_batch_ndims());
}

template <class D>
constexpr KlRule same = rule<D, D, kl>;

constexpr KlRule kSame[] = {same<Bernoulli>,
                            same<Binomial>,
                            same<Categorical>,
                            same<OneHotCategorical>,
                            same<Geometric>,
                            same<Poisson>,
                            same<Dirichlet>,
                            same<Beta>,
                            same<ContinuousBernoulli>,
                            same<Exponential>,
                            same<Gamma>,
                            same<Normal>,
                            same<HalfNormal>,
                            same<Cauchy>,
                            same<Laplace>,
                            same<Gumbel>,
                            same<Pareto>,
                            same<Uniform>,
                            same<MultivariateNormal>,
                            same<LowRankMultivariateNormal>,
                            rule<MultivariateNormal, LowRankMultivariateNormal, kl>,
                            rule<LowRankMultivariateNormal, MultivariateNormal, kl>};
constexpr KlRule kKinds[] = {same<ExponentialFamily>, same<TransformedDistribution>, same<Independent>};

Tensor first_of(ArrayRef<KlRule> rules, const Distribution& p, const Distribution& q) {
  for (const KlRule f : rules) {
    if (Tensor out = f(p, q); out.defined()) return out;
  }
  return {};
}

struct Registered {
  std::mutex mutex;
  std::vector<KlRule> rules;  // the newest first
};
Registered& registered() {
  static Registered all;
  return all;
}
}  // namespace

void detail::register_kl_rule(KlRule rule) {
  Registered& all = registered();
  const std::lock_guard lock(all.mutex);
  all.rules.insert(all.rules.begin(), rule);
}

Tensor kl_divergence(const Distribution& p, const Distribution& q) {
  std::vector<KlRule> own;
  {
    Registered& all = registered();
    const std::lock_guard lock(all.mutex);
    own = all.rules;
  }
  for (const ArrayRef<KlRule> rules :
       {ArrayRef<KlRule>(own), ArrayRef<KlRule>(kSame), kl_cross_rules(), ArrayRef<KlRule>(kKinds)}) {
    if (Tensor out = first_of(rules, p, q); out.defined()) return out;
  }
  no_rule(p, q);
}

}  // namespace rustorch::distributions
