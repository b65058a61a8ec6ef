"""Normal and the distributions made of it: LogNormal, HalfNormal, LogisticNormal."""

import math

import rustorch as rt

from .. import Size
from . import constraints
from ._transforms_scalar import AbsTransform, ExpTransform
from ._transforms_vector import StickBreakingTransform
from .distribution import expandable
from .exp_family import ExponentialFamily
from .transformed_distribution import TransformedDistribution
from .utils import standard_normal

__all__ = ["HalfNormal", "LogNormal", "LogisticNormal", "Normal"]


@expandable
class Normal(ExponentialFamily):
    """The normal distribution of mean loc and standard deviation scale.

    >>> Normal(rustorch.tensor([0.0]), rustorch.tensor([1.0])).sample()
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(self._store(loc=loc, scale=scale), validate_args=validate_args)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @property
    def stddev(self):
        return self.scale

    @property
    def variance(self):
        return self.stddev.pow(2)

    def rsample(self, sample_shape=Size()):
        return self.loc + standard_normal(self._extended_shape(sample_shape), self.loc) * self.scale

    def log_prob(self, value):
        z = (self._checked(value) - self.loc) / self.scale
        return -0.5 * z * z - self.scale.log() - 0.5 * math.log(2 * math.pi)

    def cdf(self, value):
        z = (self._checked(value) - self.loc) / self.scale
        return 0.5 * (1 + rt.erf(z / math.sqrt(2)))

    def icdf(self, value):
        return self.loc + self.scale * rt.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self):
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()

    @property
    def _natural_params(self):
        precision = self.scale.pow(2).reciprocal()
        return self.loc * precision, -0.5 * precision

    def _log_normalizer(self, x, y):
        return -0.25 * x.pow(2) / y + 0.5 * rt.log(-math.pi / y)


@expandable
class LogNormal(TransformedDistribution):
    """exp of a normal variable of mean loc and standard deviation scale."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        base = Normal(loc, scale, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def loc(self):
        return self.base_dist.loc

    @property
    def scale(self):
        return self.base_dist.scale

    @property
    def mean(self):
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self):
        return (self.loc - self.scale.pow(2)).exp()

    @property
    def variance(self):
        square = self.scale.pow(2)
        return rt.expm1(square) * (2 * self.loc + square).exp()

    def entropy(self):
        return self.base_dist.entropy() + self.loc


class _Half(TransformedDistribution):
    """|x| of a base distribution that is symmetric about 0 and has a scale."""

    support = constraints.nonnegative
    has_rsample = True

    @property
    def scale(self):
        return self.base_dist.scale

    @property
    def mode(self):
        return rt.zeros_like(self.scale)

    def log_prob(self, value):
        density = self.base_dist.log_prob(self._checked(value)) + math.log(2)
        return rt.where(value >= 0, density, -math.inf)

    def cdf(self, value):
        return 2 * self.base_dist.cdf(self._checked(value)) - 1

    def icdf(self, prob):
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self):
        return self.base_dist.entropy() - math.log(2)


@expandable
class HalfNormal(_Half):
    """|x| of a normal variable of mean 0 and standard deviation scale."""

    arg_constraints = {"scale": constraints.positive}

    def __init__(self, scale, validate_args=None):
        super().__init__(Normal(0, scale, validate_args=False), AbsTransform(), validate_args=validate_args)

    @property
    def mean(self):
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self):
        return self.scale.pow(2) * (1 - 2 / math.pi)


@expandable
class LogisticNormal(TransformedDistribution):
    """A point of the simplex: a normal vector through the stick-breaking transform."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def loc(self):
        return self.base_dist.base_dist.loc

    @property
    def scale(self):
        return self.base_dist.base_dist.scale
