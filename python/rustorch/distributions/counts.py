"""Counts: Binomial, Geometric, NegativeBinomial, Poisson."""

import rustorch as rt

from .. import Size
from ..nn.functional import logsigmoid
from . import constraints
from ._probs import BinaryParameter, enumerated
from .bernoulli import log_probability
from .distribution import Distribution, expandable
from .exp_family import ExponentialFamily
from .gamma import Gamma
from .utils import tiny_of

__all__ = ["Binomial", "Geometric", "NegativeBinomial", "Poisson"]


@expandable
class Binomial(BinaryParameter, Distribution):
    """Successes among total_count trials."""

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        super().__init__(self._store_binary(probs, logits, total_count=total_count), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self):
        return self.total_count * self.probs

    @property
    def mode(self):
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        with rt.no_grad():
            return rt.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value):
        value, n = self._checked(value), self.total_count
        log_ways = rt.lgamma(n + 1) - rt.lgamma(value + 1) - rt.lgamma(n - value + 1)
        return log_ways + value * self.logits + n * logsigmoid(-self.logits)

    def _common_count(self, what):
        """The number of trials, where it is the same throughout the batch."""
        count = int(self.total_count.max())
        if int(self.total_count.min()) != count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{what}`.")
        return count

    def entropy(self):
        self._common_count("entropy")
        log_p = self.log_prob(self.enumerate_support(False))
        return -(rt.exp(log_p) * log_p).sum(0)

    def enumerate_support(self, expand=True):
        count = self._common_count("enumerate_support")
        values = rt.arange(1 + count, dtype=self._param.dtype, device=self._param.device)
        return enumerated(values, self._batch_shape, expand)


@expandable
class Geometric(BinaryParameter, Distribution):
    """Failures before the first success."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs=None, logits=None, validate_args=None):
        super().__init__(self._store_binary(probs, logits), validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            value = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                f"{self!r} to be positive but found invalid values:\n{value}"
            )

    @property
    def mean(self):
        return 1.0 / self.probs - 1.0

    @property
    def mode(self):
        return rt.zeros_like(self.probs)

    @property
    def variance(self):
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape=Size()):
        with rt.no_grad():
            u = self.probs.new_empty(self._extended_shape(sample_shape)).uniform_(tiny_of(self.probs), 1)
            return (u.log() / rt.log1p(-self.probs)).floor()

    def log_prob(self, value):
        value = self._checked(value)
        sure = (self.probs == 1) & (value == 0)  # 0 * log 0
        log_fail = rt.log1p(-rt.where(sure, 0.0, self.probs))
        return value * log_fail + self.probs.log()

    def entropy(self):
        return -log_probability(self.logits, self.probs) / self.probs


@expandable
class NegativeBinomial(BinaryParameter, Distribution):
    """Successes before total_count failures; total_count may be any positive number."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        super().__init__(self._store_binary(probs, logits, total_count=total_count), validate_args=validate_args)

    @property
    def mean(self):
        return self.total_count * rt.exp(self.logits)

    @property
    def mode(self):
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self):
        return self.mean / rt.sigmoid(-self.logits)

    @property
    def _gamma(self):
        """The rates of the Poisson variables that make up this one."""
        return Gamma(self.total_count, rt.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape=Size()):
        with rt.no_grad():
            return rt.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value):
        value, n = self._checked(value), self.total_count
        log_weight = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        log_ways = rt.lgamma(n + value) - rt.lgamma(1 + value) - rt.lgamma(n)
        return log_weight + rt.where(n + value == 0, 0.0, log_ways)


@expandable
class Poisson(ExponentialFamily):
    """Counts of events that happen independently, `rate` of them on average."""

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate, validate_args=None):
        super().__init__(self._store(rate=rate), validate_args=validate_args)

    @property
    def mean(self):
        return self.rate

    @property
    def mode(self):
        return self.rate.floor()

    @property
    def variance(self):
        return self.rate

    def sample(self, sample_shape=Size()):
        with rt.no_grad():
            return rt.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        rate, value = rt.broadcast_tensors(self.rate, self._checked(value))
        return rt.xlogy(value, rate) - rate - rt.lgamma(value + 1)

    @property
    def _natural_params(self):
        return (rt.log(self.rate),)

    def _log_normalizer(self, x):
        return rt.exp(x)
