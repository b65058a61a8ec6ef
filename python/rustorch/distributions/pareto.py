"""Uniform, Pareto and GeneralizedPareto: distributions whose support depends on their parameters."""

import math

import rustorch as rt

from .. import Size
from . import constraints
from ._transforms_scalar import AffineTransform, ExpTransform
from .distribution import Distribution, expandable
from .gamma import Exponential
from .transformed_distribution import TransformedDistribution
from .utils import broadcast_all

__all__ = ["GeneralizedPareto", "Pareto", "Uniform"]


@expandable
class Uniform(Distribution):
    """Equal density on [low, high)."""

    has_rsample = True

    def __init__(self, low, high, validate_args=None):
        super().__init__(self._store(low=low, high=high), validate_args=validate_args)

    @property
    def arg_constraints(self):
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        return constraints.interval(self.low, self.high)

    @property
    def mean(self):
        return (self.high + self.low) / 2

    @property
    def mode(self):
        return math.nan * self.high

    @property
    def stddev(self):
        return (self.high - self.low) / math.sqrt(12)

    @property
    def variance(self):
        return (self.high - self.low).pow(2) / 12

    def rsample(self, sample_shape=Size()):
        u = rt.rand(self._extended_shape(sample_shape), dtype=self.low.dtype, device=self.low.device)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value):
        self._checked(value)
        inside = (self.low <= value) & (value < self.high)
        return rt.log(inside.to(self.low.dtype)) - rt.log(self.high - self.low)

    def cdf(self, value):
        return ((self._checked(value) - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value):
        return value * (self.high - self.low) + self.low

    def entropy(self):
        return rt.log(self.high - self.low)


@expandable
class Pareto(TransformedDistribution):
    """Pareto's distribution (type 1): density alpha scale^alpha / x^(alpha + 1) for x >= scale."""

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}

    def __init__(self, scale, alpha, validate_args=None):
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        chain = [ExpTransform(), AffineTransform(loc=0, scale=self.scale)]
        super().__init__(base, chain, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self):
        a = self.alpha.clamp(min=1)  # infinite from there on
        return a * self.scale / (a - 1)

    @property
    def mode(self):
        return self.scale

    @property
    def variance(self):
        a = self.alpha.clamp(min=2)
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def entropy(self):
        return rt.log(self.scale / self.alpha) + (1 + self.alpha.reciprocal())


@expandable
class GeneralizedPareto(Distribution):
    """Excesses over a threshold loc: exponential for concentration 0, bounded below 0, with a heavy tail above it."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True

    def __init__(self, loc, scale, concentration, validate_args=None):
        shape = self._store(loc=loc, scale=scale, concentration=concentration)
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        bounded = self.concentration < 0
        end = self.loc - self.scale / rt.where(bounded, self.concentration, -1.0)
        return constraints.interval(self.loc, rt.where(bounded, end, math.inf))

    def _shape(self):
        """Whether concentration is (nearly) 0, and a concentration to divide by."""
        zero = rt.isclose(self.concentration, rt.zeros_like(self.concentration))
        return zero, rt.where(zero, 1.0, self.concentration)

    def _z(self, x):
        return (x - self.loc) / self.scale

    @property
    def mean(self):
        k = self.concentration
        return rt.where(k < 1, self.loc + self.scale / (1 - k), math.nan)

    @property
    def variance(self):
        k = self.concentration
        return rt.where(k < 0.5, self.scale.pow(2) / ((1 - k).pow(2) * (1 - 2 * k)), math.nan)

    @property
    def mode(self):
        return self.loc

    def rsample(self, sample_shape=Size()):
        u = rt.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        return self.icdf(u)

    def log_prob(self, value):
        z = self._z(self._checked(value))
        zero, k = self._shape()
        return rt.where(zero, -z, -(1 + 1 / k) * rt.log1p(k * z)) - self.scale.log()

    def log_survival_function(self, value):
        """log(1 - cdf(value))."""
        z = self._z(self._checked(value))
        zero, k = self._shape()
        return rt.where(zero, -z, -rt.log1p(k * z) / k)

    def log_cdf(self, value):
        """log(cdf(value))."""
        return rt.log1p(-rt.exp(self.log_survival_function(value)))

    def cdf(self, value):
        return -rt.expm1(self.log_survival_function(value))

    def icdf(self, value):
        zero, k = self._shape()
        log_rest = rt.log1p(-value)
        return self.loc + self.scale * rt.where(zero, -log_rest, rt.expm1(-k * log_rest) / k)

    def entropy(self):
        return self.scale.log() + self.concentration + 1
