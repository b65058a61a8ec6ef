"""KL divergences between two distributions of one family."""

import math

import rustorch as rt

from ..nn.functional import softplus
from ._matrix import half_log_det, low_rank_log_det, low_rank_mahalanobis, mahalanobis
from .bernoulli import Bernoulli, ContinuousBernoulli
from .beta import Beta, Dirichlet
from .categorical import Categorical, OneHotCategorical
from .counts import Binomial, Geometric, Poisson
from .exp_family import ExponentialFamily
from .gamma import Exponential, Gamma
from .independent import Independent
from .kl import kl_divergence, register_kl
from .location_scale import Cauchy, Gumbel, Laplace
from .multivariate_normal import LowRankMultivariateNormal, MultivariateNormal
from .normal import HalfNormal, Normal
from .pareto import Pareto, Uniform
from .transformed_distribution import TransformedDistribution
from .utils import euler_constant, sum_rightmost


def _infinite_where(mask, value):
    return rt.where(mask, math.inf, value)


# ---- discrete


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p, q):
    hit = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    miss = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    hit = rt.where(p.probs == 0, 0.0, _infinite_where(q.probs == 0, hit))
    miss = rt.where(p.probs == 1, 0.0, _infinite_where(q.probs == 1, miss))
    return hit + miss


@register_kl(Binomial, Binomial)
def _binomial(p, q):
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + rt.log1p(-p.probs) - rt.log1p(-q.probs))
    return _infinite_where(p.total_count > q.total_count, kl)


@register_kl(Categorical, Categorical)
def _categorical(p, q):
    terms = p.probs * (p.logits - q.logits)
    terms = _infinite_where(q.probs == 0, terms)
    return rt.where(p.probs == 0, 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p, q):
    return _categorical(p._categorical, q._categorical)


@register_kl(Geometric, Geometric)
def _geometric(p, q):
    return -p.entropy() - rt.log1p(-q.probs) / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


# ---- exponential families


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p, q):
    """The Bregman divergence of the log normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using Bregman divergences"
        )
    own, normalizer, means = p._expected_statistics()
    other = q._natural_params
    result = q._log_normalizer(*other) - normalizer
    for eta_p, eta_q, mean in zip(own, other, means):
        result = result - sum_rightmost((eta_q - eta_p) * mean, len(q.event_shape))
    return result


@register_kl(Beta, Beta)
def _beta(p, q):
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p, q):
    a, b = p.concentration, q.concentration
    total = a.sum(-1, True)
    log_norm = rt.lgamma(b).sum(-1) - rt.lgamma(b.sum(-1)) - rt.lgamma(a).sum(-1) + rt.lgamma(total.squeeze(-1))
    return log_norm + ((a - b) * (rt.digamma(a) - rt.digamma(total))).sum(-1)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p, q):
    own = p._cont_bern_log_norm() + rt.log1p(-p.probs)
    other = q._cont_bern_log_norm() + rt.log1p(-q.probs)
    return p.mean * (p.logits - q.logits) + own - other


@register_kl(Exponential, Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(Gamma, Gamma)
def _gamma(p, q):
    a, b = p.concentration, q.concentration
    shapes = rt.lgamma(b) - rt.lgamma(a) + (a - b) * rt.digamma(a)
    return shapes + b * (p.rate / q.rate).log() + (q.rate - p.rate) * (a / p.rate)


@register_kl(Normal, Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    shift = ((p.loc - q.loc) / q.scale).pow(2)
    return 0.5 * (ratio + shift - 1 - ratio.log())


# ---- location and scale, intervals


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p, q):
    return _normal(p.base_dist, q.base_dist)


@register_kl(Cauchy, Cauchy)
def _cauchy(p, q):
    distance = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return distance.log() - (4 * p.scale * q.scale).log()


@register_kl(Laplace, Laplace)
def _laplace(p, q):
    ratio, shift = p.scale / q.scale, (p.loc - q.loc).abs()
    return shift / q.scale + ratio * rt.exp(-shift / p.scale) - ratio.log() - 1


@register_kl(Gumbel, Gumbel)
def _gumbel(p, q):
    ratio, shift = p.scale / q.scale, (p.loc - q.loc) / q.scale
    tail = rt.exp(rt.lgamma(1 + ratio) - shift)
    return shift - ratio.log() + ratio * euler_constant + tail - (1 + euler_constant)


@register_kl(Pareto, Pareto)
def _pareto(p, q):
    ratio = q.alpha / p.alpha
    kl = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return _infinite_where(p.scale < q.scale, kl)


@register_kl(Uniform, Uniform)
def _uniform(p, q):
    kl = ((q.high - q.low) / (p.high - p.low)).log()
    return _infinite_where((q.low > p.low) | (q.high < p.high), kl)


# ---- vectors


def _check_events(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two {type(p).__name__} distributions with different event shapes cannot be computed"
        )


def _full_batch(matrix, *others):
    """matrix with the batch dimensions of all operands, and the others too."""
    batch = rt.broadcast_shapes(matrix.shape[:-2], *[m.shape[:-2] for m in others])
    return [m.expand(tuple(batch) + m.shape[-2:]) for m in (matrix, *others)]


def _squared_norm(matrix):
    """The trace of M M^T."""
    return matrix.square().sum((-2, -1))


def _whitened_norm(factor, matrix):
    """|L^-1 M|^2 for a lower factor L."""
    factor, matrix = _full_batch(factor, matrix)
    return _squared_norm(rt.linalg.solve_triangular(factor, matrix, upper=False))


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p, q):
    _check_events(p, q)
    own, other = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    trace = _whitened_norm(other, own)
    distance = mahalanobis(other, q.loc - p.loc)
    return half_log_det(other) - half_log_det(own) + 0.5 * (trace + distance - p.event_shape[0])


def _low_rank_trace(q, roots):
    """trace(Q^-1 P) with Q of low rank plus a diagonal and P the sum of R R^T over `roots`."""
    factor, diagonal = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag
    inside = rt.linalg.solve_triangular(q._capacitance_tril, factor.mT / diagonal.unsqueeze(-2), upper=False)
    scale = diagonal.rsqrt().unsqueeze(-1)
    return sum(_squared_norm(root * scale) - _squared_norm(inside @ root) for root in roots)


def _from_low_rank(p):
    """Roots R of the covariance of p as a sum of R R^T, and half its log determinant."""
    diagonal = p._unbroadcasted_cov_diag
    return (p._unbroadcasted_cov_factor, diagonal.sqrt().diag_embed()), p._half_log_det()


def _to_low_rank(p, q, roots, own_log_det):
    _check_events(p, q)
    factor, diagonal = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag
    distance = low_rank_mahalanobis(factor, diagonal, q.loc - p.loc, q._capacitance_tril)
    log_det = 0.5 * low_rank_log_det(diagonal, q._capacitance_tril) - own_log_det
    return log_det + 0.5 * (_low_rank_trace(q, roots) + distance - p.event_shape[0])


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_rank(p, q):
    return _to_low_rank(p, q, *_from_low_rank(p))


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _full_to_low_rank(p, q):
    root = p._unbroadcasted_scale_tril
    return _to_low_rank(p, q, (root,), half_log_det(root))


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_rank_to_full(p, q):
    _check_events(p, q)
    other = q._unbroadcasted_scale_tril
    roots, own_log_det = _from_low_rank(p)
    trace = sum(_whitened_norm(other, root) for root in roots)
    distance = mahalanobis(other, q.loc - p.loc)
    return half_log_det(other) - own_log_det + 0.5 * (trace + distance - p.event_shape[0])


# ---- distributions of distributions


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    extra = len(p.event_shape) - len(p.base_dist.event_shape)
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), extra)


@register_kl(Independent, Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
