"""One trial: Bernoulli, and ContinuousBernoulli on [0, 1]."""

import math

import rustorch as rt

from .. import Size
from ..nn.functional import logsigmoid
from . import constraints
from ._probs import BinaryParameter, enumerated
from .distribution import expandable
from .exp_family import ExponentialFamily
from .utils import clamp_probs

__all__ = ["Bernoulli", "ContinuousBernoulli"]


def log_probability(logits, value):
    """value * log p + (1 - value) * log(1 - p), p given by its logits."""
    return value * logits + logsigmoid(-logits)


@expandable
class Bernoulli(BinaryParameter, ExponentialFamily):
    """1 with probability probs, else 0."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0

    def __init__(self, probs=None, logits=None, validate_args=None):
        super().__init__(self._store_binary(probs, logits), validate_args=validate_args)

    @property
    def mean(self):
        return self.probs

    @property
    def mode(self):
        p = self.probs
        return rt.where(p == 0.5, math.nan, (p >= 0.5).to(p.dtype))

    @property
    def variance(self):
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):
        with rt.no_grad():
            return rt.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        return log_probability(self.logits, self._checked(value))

    def entropy(self):
        return -log_probability(self.logits, self.probs)

    def enumerate_support(self, expand=True):
        values = rt.arange(2, dtype=self._param.dtype, device=self._param.device)
        return enumerated(values, self._batch_shape, expand)

    @property
    def _natural_params(self):
        return (rt.logit(self.probs),)

    def _log_normalizer(self, x):
        return -logsigmoid(-x)


@expandable
class ContinuousBernoulli(BinaryParameter, ExponentialFamily):
    """Density proportional to probs^x (1 - probs)^(1 - x) on [0, 1] (Loaiza-Ganem and Cunningham, 2019).

    With the logits t, density and distribution function are t exp(t x) / (exp(t) - 1) and (exp(t x) - 1) /
    (exp(t) - 1). For probabilities inside `lims`, where these lose accuracy, series in t are used.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        shape = self._store_binary(probs, logits)
        if probs is not None:
            if (
                validate_args is not None
                and validate_args
                and not self.arg_constraints["probs"].check(self.probs).all()
            ):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(shape, validate_args=validate_args)

    def _tilt(self):
        """Where the closed forms hold, the logits there (1 elsewhere), and the logits."""
        p, t = self.probs, self.logits
        closed = (p <= self._lims[0]) | (p > self._lims[1])
        return closed, rt.where(closed, t, 1.0), rt.where(closed, 0.0, t)

    def _cont_bern_log_norm(self):
        """log C with density C p^x (1-p)^(1-x): C = t / tanh(t / 2)."""
        closed, t, small = self._tilt()
        series = math.log(2) + small**2 / 12 - 7 * small**4 / 1440
        return rt.where(closed, t.abs().log() - rt.tanh(t.abs() / 2).log(), series)

    @property
    def mean(self):
        closed, t, small = self._tilt()
        return rt.where(closed, -1 / rt.expm1(-t) - 1 / t, 0.5 + small / 12 - small**3 / 720)

    @property
    def stddev(self):
        return self.variance.sqrt()

    @property
    def variance(self):
        closed, t, small = self._tilt()
        return rt.where(closed, t**-2 - rt.sinh(t / 2) ** -2 / 4, 1 / 12 - small**2 / 240)

    def rsample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        return self.icdf(rt.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value):
        return log_probability(self.logits, self._checked(value)) + self._cont_bern_log_norm()

    def cdf(self, value):
        closed, t, small = self._tilt()
        x = self._checked(value).clamp(min=0, max=1)
        series = x + small * x * (x - 1) / 2
        # For t > 0 both exponentials are taken relative to exp(t), which may be large.
        shift = t.clamp(min=0)
        ratio = (rt.exp(t * x - shift) - rt.exp(-shift)) / (rt.exp(t - shift) - rt.exp(-shift))
        return rt.where(closed, ratio, series)

    def icdf(self, value):
        closed, t, small = self._tilt()
        series = value + small * value * (1 - value) / 2
        up = t.clamp(min=0)
        exact = (up + rt.log(value * rt.exp(t - up) + (1 - value) * rt.exp(-up))) / t
        return rt.where(closed, exact, series)

    def entropy(self):
        return -log_probability(self.logits, self.mean) - self._cont_bern_log_norm()

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        closed = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        t, small = rt.where(closed, x, 1.0), rt.where(closed, 0.0, x)
        series = small / 2 + small**2 / 24 - small**4 / 2880
        return rt.where(closed, rt.expm1(t).abs().log() - t.abs().log(), series)
