"""KL divergences between different families: -H(p) - E_p[log q], with log q written in moments of p.

Each function below gives -E_p[log q] for one family of q from the moments that it needs; the pairs are then listed
with where they are infinite, because p has mass outside the support of q or no such moment.
"""

import math

import rustorch as rt

from .bernoulli import Bernoulli, ContinuousBernoulli
from .beta import Beta
from .counts import Binomial, Poisson
from .gamma import Exponential, Gamma
from .kl import register_kl
from .location_scale import Gumbel, Laplace
from .normal import Normal
from .pareto import Pareto, Uniform
from .utils import euler_constant

# ---- moments of p


def _xlogx_rise(p, flip=False):
    """Mean of log x, or of log(1 - x), over an interval."""
    low, high = (1 - p.high, 1 - p.low) if flip else (p.low, p.high)
    return (rt.xlogy(high, high) - rt.xlogy(low, low)) / (high - low) - 1


_MEAN_LOG = {
    Beta: lambda p: rt.digamma(p.concentration1) - rt.digamma(p.concentration1 + p.concentration0),
    Exponential: lambda p: -euler_constant - p.rate.log(),
    Pareto: lambda p: p.scale.log() + p.alpha.reciprocal(),
    Uniform: _xlogx_rise,
}

# E exp(-x / s)
_LAPLACE_TRANSFORM = {
    Exponential: lambda p, s: (1 + (p.rate * s).reciprocal()).reciprocal(),
    Gamma: lambda p, s: (1 + (p.rate * s).reciprocal()).pow(-p.concentration),
    Normal: lambda p, s: rt.exp(-p.loc / s + 0.5 * (p.scale / s).pow(2)),
    Uniform: lambda p, s: s * (rt.exp(-p.low / s) - rt.exp(-p.high / s)) / (p.high - p.low),
}

# ---- -E_p[log q]


def _under_normal(p, q):
    spread = p.variance + (p.mean - q.loc).pow(2)
    return 0.5 * math.log(2 * math.pi) + q.scale.log() + 0.5 * spread / q.scale.pow(2)


def _under_exponential(p, q):
    return q.rate * p.mean - q.rate.log()


def _under_uniform(p, q):
    return (q.high - q.low).log()


def _under_continuous_bernoulli(p, q):
    return -p.mean * q.logits - rt.log1p(-q.probs) - q._cont_bern_log_norm()


def _gamma_terms(q, mean_log, mean):
    a, b = q.concentration, q.rate
    return rt.lgamma(a) - a * b.log() - (a - 1) * mean_log + b * mean


def _under_gamma(p, q):
    return _gamma_terms(q, _MEAN_LOG[_family(p, _MEAN_LOG)](p), p.mean)


def _under_gumbel(p, q):
    tail = rt.exp(q.loc / q.scale) * _LAPLACE_TRANSFORM[_family(p, _LAPLACE_TRANSFORM)](p, q.scale)
    return q.scale.log() + (p.mean - q.loc) / q.scale + tail


def _normal_under_laplace(p, q):
    """With the mean of |x - loc|, a folded normal variable."""
    z = (p.loc - q.loc) / p.scale
    folded = p.scale * (math.sqrt(2 / math.pi) * rt.exp(-0.5 * z * z) + z * rt.erf(z / math.sqrt(2)))
    return (2 * q.scale).log() + folded / q.scale


def _uniform_under_beta(p, q):
    a, b = q.concentration1, q.concentration0
    log_beta = rt.lgamma(a) + rt.lgamma(b) - rt.lgamma(a + b)
    return log_beta - (a - 1) * _xlogx_rise(p) - (b - 1) * _xlogx_rise(p, flip=True)


def _uniform_under_pareto(p, q):
    return (q.alpha + 1) * _xlogx_rise(p) - q.alpha.log() - q.alpha * q.scale.log()


def _bernoulli_under_poisson(p, q):
    return q.rate - p.probs * q.rate.log()


def _family(p, table):
    return next(cls for cls in type(p).__mro__ if cls in table)


# ---- the pairs


def _outside_uniform(p, q):
    support = p.support
    return (q.low > support.lower_bound) | (q.high < support.upper_bound)


def _negative(p, q):
    return p.low < 0


def _outside_unit(p, q):
    return (p.low < 0) | (p.high > 1)


_PAIRS = {
    _under_normal: {
        **dict.fromkeys((Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Uniform)),
        Pareto: lambda p, q: p.alpha <= 2,
    },
    _under_exponential: {
        **dict.fromkeys((Beta, ContinuousBernoulli, Gamma)),
        Pareto: lambda p, q: p.alpha <= 1,
        Uniform: _negative,
    },
    _under_gamma: {
        **dict.fromkeys((Beta, Exponential)),
        Pareto: lambda p, q: p.alpha <= 1,
        Uniform: _negative,
    },
    _under_gumbel: dict.fromkeys((Exponential, Gamma, Normal, Uniform)),
    _under_uniform: dict.fromkeys((Beta, ContinuousBernoulli), _outside_uniform),
    _under_continuous_bernoulli: {Beta: None, Uniform: _outside_unit},
    _normal_under_laplace: {Normal: None},
    _uniform_under_beta: {Uniform: _outside_unit},
    _uniform_under_pareto: {Uniform: lambda p, q: p.low < q.scale},
    _bernoulli_under_poisson: {Bernoulli: None},
}
_OF = {
    _under_normal: Normal, _under_exponential: Exponential, _under_gamma: Gamma, _under_gumbel: Gumbel,
    _under_uniform: Uniform, _under_continuous_bernoulli: ContinuousBernoulli, _normal_under_laplace: Laplace,
    _uniform_under_beta: Beta, _uniform_under_pareto: Pareto, _bernoulli_under_poisson: Poisson,
}  # fmt: skip


def _register(type_p, type_q, cross_entropy, infinite):
    @register_kl(type_p, type_q)
    def divergence(p, q):
        kl = cross_entropy(p, q) - p.entropy()
        return kl if infinite is None else rt.where(infinite(p, q), math.inf, kl)


for _cross_entropy, _types in _PAIRS.items():
    for _type_p, _infinite in _types.items():
        _register(_type_p, _OF[_cross_entropy], _cross_entropy, _infinite)

# Pairs where p always has mass outside the support of q.
_OUTSIDE = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}


def _infinite_divergence(p, q):
    return rt.full(p.batch_shape, math.inf, dtype=p.mean.dtype, device=p.mean.device)


for _type_p, _types_q in _OUTSIDE.items():
    for _type_q in _types_q:
        register_kl(_type_p, _type_q)(_infinite_divergence)
