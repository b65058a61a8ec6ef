"""Distributions on [0, 1] and on the simplex: Dirichlet, Beta, Kumaraswamy."""

import math

import rustorch as rt

from .. import Size
from ..nn.functional import one_hot
from . import constraints
from ._transforms_scalar import AffineTransform, PowerTransform
from .distribution import expandable
from .exp_family import ExponentialFamily
from .pareto import Uniform
from .transformed_distribution import TransformedDistribution
from .utils import broadcast_all, euler_constant

__all__ = ["Beta", "Dirichlet", "Kumaraswamy"]


@expandable
class Dirichlet(ExponentialFamily):
    """Points of the simplex; the last dimension of `concentration` is that of the vector. Implicit gradients."""

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args=None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape=Size()):
        return rt._sample_dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        a = self.concentration
        weight = rt.xlogy(a - 1, self._checked(value)).sum(-1)
        return weight + rt.lgamma(a.sum(-1)) - rt.lgamma(a).sum(-1)

    @property
    def mean(self):
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self):
        above = (self.concentration - 1).clamp(min=0)
        mode = above / above.sum(-1, True)
        corner = one_hot(mode.argmax(-1), self._event_shape[0]).to(mode.dtype)
        return rt.where((self.concentration < 1).all(-1, True), corner, mode)

    @property
    def variance(self):
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def entropy(self):
        a, k = self.concentration, self._event_shape[0]
        total = a.sum(-1)
        log_norm = rt.lgamma(a).sum(-1) - rt.lgamma(total)
        return log_norm + (total - k) * rt.digamma(total) - ((a - 1) * rt.digamma(a)).sum(-1)

    @property
    def _natural_params(self):
        return (self.concentration,)

    def _log_normalizer(self, x):
        return rt.lgamma(x).sum(-1) - rt.lgamma(x.sum(-1))


@expandable
class Beta(ExponentialFamily):
    """Density proportional to x^(concentration1 - 1) (1 - x)^(concentration0 - 1). Implicit gradients."""

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args=None):
        pair = rt.stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(pair, validate_args=False)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    @property
    def concentration1(self):
        """The exponent of x, plus 1."""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self):
        """The exponent of 1 - x, plus 1."""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self):
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self):
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self):
        return self._dirichlet.variance[..., 0]

    def rsample(self, sample_shape=Size()):
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value):
        value = self._checked(value)
        return self._dirichlet.log_prob(rt.stack([value, 1.0 - value], -1))

    def entropy(self):
        return self._dirichlet.entropy()

    @property
    def _natural_params(self):
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x, y):
        return rt.lgamma(x) + rt.lgamma(y) - rt.lgamma(x + y)


@expandable
class Kumaraswamy(TransformedDistribution):
    """Like Beta, with the closed distribution function 1 - (1 - x^concentration1)^concentration0."""

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args=None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        one = rt.ones_like(self.concentration0)
        chain = [
            PowerTransform(exponent=self.concentration0.reciprocal()),
            AffineTransform(loc=1.0, scale=-1.0),
            PowerTransform(exponent=self.concentration1.reciprocal()),
        ]
        super().__init__(Uniform(0 * one, one, validate_args=validate_args), chain, validate_args=validate_args)

    def _raw_moment(self, n):
        """b B(1 + n / a, b)."""
        b, c = self.concentration0, 1 + n / self.concentration1
        return rt.exp(rt.log(b) + rt.lgamma(c) + rt.lgamma(b) - rt.lgamma(b + c))

    @property
    def mean(self):
        return self._raw_moment(1)

    @property
    def mode(self):
        """Not a number, as in PyTorch, whose formula has no value for any parameters."""
        return rt.full_like(self.concentration1, math.nan)

    @property
    def variance(self):
        return self._raw_moment(2) - self._raw_moment(1).pow(2)

    def entropy(self):
        a, b = self.concentration1, self.concentration0
        harmonic = rt.digamma(b + 1) + euler_constant
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - rt.log(a) - rt.log(b)
