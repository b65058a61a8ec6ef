"""Distributions of numbers with a location and a scale: Cauchy, HalfCauchy, Laplace, Gumbel, StudentT."""

import math

import rustorch as rt

from .. import Size
from . import constraints
from ._transforms_scalar import AbsTransform, AffineTransform, ExpTransform
from .distribution import Distribution, expandable
from .gamma import Chi2
from .normal import _Half
from .pareto import Uniform
from .transformed_distribution import TransformedDistribution
from .utils import broadcast_all, eps_of, euler_constant, standard_normal, tiny_of

__all__ = ["Cauchy", "Gumbel", "HalfCauchy", "Laplace", "StudentT"]


class _LocationScale(Distribution):
    """A location, a scale, and everything that follows from the standard form."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def _standard(self, value):
        """value in the standard form, location 0 and scale 1."""
        return (self._checked(value) - self.loc) / self.scale

    @property
    def mode(self):
        return self.loc


@expandable
class Cauchy(_LocationScale):
    """The Cauchy distribution of median loc and half width at half maximum scale; it has no mean."""

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(self._store(loc=loc, scale=scale), validate_args=validate_args)

    @property
    def mean(self):
        return rt.full_like(self.loc, math.nan)

    @property
    def variance(self):
        return rt.full_like(self.loc, math.inf)

    def rsample(self, sample_shape=Size()):
        return self.loc + self.loc.new_empty(self._extended_shape(sample_shape)).cauchy_() * self.scale

    def log_prob(self, value):
        return -math.log(math.pi) - self.scale.log() - rt.log1p(self._standard(value) ** 2)

    def cdf(self, value):
        return rt.atan(self._standard(value)) / math.pi + 0.5

    def icdf(self, value):
        return rt.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self):
        return math.log(4 * math.pi) + self.scale.log()


@expandable
class HalfCauchy(_Half):
    """|x| of a Cauchy variable of median 0."""

    arg_constraints = {"scale": constraints.positive}

    def __init__(self, scale, validate_args=None):
        super().__init__(Cauchy(0, scale, validate_args=False), AbsTransform(), validate_args=validate_args)

    @property
    def mean(self):
        return rt.full_like(self.scale, math.inf)

    @property
    def variance(self):
        return self.base_dist.variance


@expandable
class Laplace(_LocationScale):
    """The double exponential distribution about loc."""

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(self._store(loc=loc, scale=scale), validate_args=validate_args)

    @property
    def mean(self):
        return self.loc

    @property
    def variance(self):
        return 2 * self.scale.pow(2)

    @property
    def stddev(self):
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape=Size()):
        u = self.loc.new_empty(self._extended_shape(sample_shape)).uniform_(eps_of(self.loc) - 1, 1)
        return self.loc - self.scale * u.sign() * rt.log1p(-u.abs())

    def log_prob(self, value):
        return -rt.log(2 * self.scale) - self._standard(value).abs()

    def cdf(self, value):
        z = self._standard(value)
        return 0.5 - 0.5 * z.sign() * rt.expm1(-z.abs())

    def icdf(self, value):
        side = value - 0.5
        return self.loc - self.scale * side.sign() * rt.log1p(-2 * side.abs())

    def entropy(self):
        return 1 + rt.log(2 * self.scale)


@expandable
class Gumbel(TransformedDistribution):
    """The distribution of the largest of many values: density exp(-z - exp(-z)) of z = (x - loc) / scale."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        one = rt.ones_like(self.loc)
        base = Uniform(one * tiny_of(one), one - eps_of(one), validate_args=validate_args)
        log, negate = ExpTransform().inv, AffineTransform(loc=0, scale=-1.0)
        chain = [log, negate, log, AffineTransform(loc=self.loc, scale=-self.scale)]
        super().__init__(base, chain, validate_args=validate_args)

    def log_prob(self, value):
        z = (self._checked(value) - self.loc) / self.scale
        return -z - rt.exp(-z) - self.scale.log()

    @property
    def mean(self):
        return self.loc + self.scale * euler_constant

    @property
    def mode(self):
        return self.loc

    @property
    def stddev(self):
        return (math.pi / math.sqrt(6)) * self.scale

    @property
    def variance(self):
        return self.stddev.pow(2)

    def entropy(self):
        return self.scale.log() + (1 + euler_constant)


@expandable
class StudentT(_LocationScale):
    """Student's distribution of df degrees of freedom: a normal variable over the root of a chi-square one."""

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        shape = self._store(df=df, loc=loc, scale=scale)
        self._chi2 = Chi2(self.df, validate_args=False)
        super().__init__(shape, validate_args=validate_args)

    @property
    def mean(self):
        return rt.where(self.df > 1, self.loc, math.nan)

    @property
    def variance(self):
        large = rt.where(self.df > 2, self.df, 3.0)
        finite = rt.where(self.df > 2, self.scale.pow(2) * large / (large - 2), math.inf)
        return rt.where(self.df > 1, finite, math.nan)

    def rsample(self, sample_shape=Size()):
        normal = standard_normal(self._extended_shape(sample_shape), self.df)
        return self.loc + self.scale * normal * rt.rsqrt(self._chi2.rsample(sample_shape) / self.df)

    def _log_beta(self):
        """log B(df / 2, 1 / 2)."""
        return rt.lgamma(0.5 * self.df) + 0.5 * math.log(math.pi) - rt.lgamma(0.5 * (self.df + 1))

    def log_prob(self, value):
        z = self._standard(value)
        log_norm = self.scale.log() + 0.5 * self.df.log() + self._log_beta()
        return -0.5 * (self.df + 1) * rt.log1p(z * z / self.df) - log_norm

    def entropy(self):
        half, above = 0.5 * self.df, 0.5 * (self.df + 1)
        spread = above * (rt.digamma(above) - rt.digamma(half))
        return self.scale.log() + spread + 0.5 * self.df.log() + self._log_beta()
