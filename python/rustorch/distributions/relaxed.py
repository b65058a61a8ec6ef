"""Continuous relaxations of discrete distributions (Maddison et al.; Jang et al., 2017)."""

import math

import rustorch as rt

from .. import Size, Tensor
from ..nn.functional import softplus
from . import constraints
from ._probs import BinaryParameter, CategoricalParameter
from ._transforms_scalar import ExpTransform, SigmoidTransform
from .categorical import Categorical
from .distribution import Distribution, expandable
from .transformed_distribution import TransformedDistribution
from .utils import clamp_probs

__all__ = ["ExpRelaxedCategorical", "LogitRelaxedBernoulli", "RelaxedBernoulli", "RelaxedOneHotCategorical"]

_BINARY = {"probs": constraints.unit_interval, "logits": constraints.real}
_VECTOR = {"probs": constraints.simplex, "logits": constraints.real_vector}


def _log(temperature):
    return temperature.log() if isinstance(temperature, Tensor) else math.log(temperature)


@expandable
class LogitRelaxedBernoulli(BinaryParameter, Distribution):
    """The logit of a RelaxedBernoulli variable: a logistic variable over the temperature."""

    arg_constraints = _BINARY
    support = constraints.real
    has_rsample = True
    _shared_fields = ("temperature",)

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self.temperature = temperature
        super().__init__(self._store_binary(probs, logits), validate_args=validate_args)

    def rsample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        logits = rt.logit(clamp_probs(self.probs))
        u = clamp_probs(rt.rand(shape, dtype=logits.dtype, device=logits.device))
        return (rt.logit(u) + logits) / self.temperature

    def log_prob(self, value):
        z = self.logits - self._checked(value) * self.temperature
        return _log(self.temperature) + z - 2 * softplus(z)


class _Relaxed(TransformedDistribution):
    """What both relaxations take from their base."""

    @property
    def temperature(self):
        """How far from discrete the samples are."""
        return self.base_dist.temperature

    @property
    def logits(self):
        return self.base_dist.logits

    @property
    def probs(self):
        return self.base_dist.probs


@expandable
class RelaxedBernoulli(_Relaxed):
    """A number in (0, 1) that tends to a Bernoulli variable as the temperature tends to 0."""

    arg_constraints = _BINARY
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        super().__init__(
            LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(), validate_args=validate_args
        )


@expandable
class ExpRelaxedCategorical(CategoricalParameter, Distribution):
    """The logarithm of a RelaxedOneHotCategorical variable."""

    arg_constraints = _VECTOR
    support = constraints.real_vector  # exp of a sample lies on the simplex
    has_rsample = True
    _shared_fields = ("temperature",)

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        shape = self._categorical.param_shape
        super().__init__(self._categorical.batch_shape, shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape=Size()):
        u = clamp_probs(rt.rand(self._extended_shape(sample_shape), dtype=self.logits.dtype, device=self.logits.device))
        gumbel = -rt.log(-rt.log(u))
        return rt.log_softmax((self.logits + gumbel) / self.temperature, dim=-1)

    def log_prob(self, value):
        k = self._event_shape[0]
        scores = rt.log_softmax(self.logits - self._checked(value) * self.temperature, dim=-1).sum(-1)
        return scores + (math.lgamma(k) + (k - 1) * _log(self.temperature))


@expandable
class RelaxedOneHotCategorical(_Relaxed):
    """A point of the simplex that tends to a one-hot vector as the temperature tends to 0."""

    arg_constraints = _VECTOR
    support = constraints.simplex
    has_rsample = True

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)
