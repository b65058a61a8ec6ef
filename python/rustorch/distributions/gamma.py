"""Gamma and the distributions of positive numbers made of it or like it."""

import math

import rustorch as rt

from .. import Size
from . import constraints
from ._transforms_scalar import AffineTransform, PowerTransform
from .distribution import Distribution, expandable
from .exp_family import ExponentialFamily
from .transformed_distribution import TransformedDistribution
from .utils import broadcast_all, euler_constant, tiny_of

__all__ = ["Chi2", "Exponential", "FisherSnedecor", "Gamma", "InverseGamma", "Weibull"]


@expandable
class Gamma(ExponentialFamily):
    """The gamma distribution of shape `concentration` and inverse scale `rate`; gradients are implicit."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, concentration, rate, validate_args=None):
        super().__init__(self._store(concentration=concentration, rate=rate), validate_args=validate_args)

    @property
    def mean(self):
        return self.concentration / self.rate

    @property
    def mode(self):
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self):
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        value = rt._standard_gamma(self.concentration.expand(shape)) / self.rate
        return value.clamp(min=tiny_of(value))  # positive for use in densities

    def log_prob(self, value):
        value = self._checked(rt.as_tensor(value, dtype=self.rate.dtype, device=self.rate.device))
        a, b = self.concentration, self.rate
        return rt.xlogy(a, b) + rt.xlogy(a - 1, value) - b * value - rt.lgamma(a)

    def cdf(self, value):
        return rt.special.gammainc(self.concentration, self.rate * self._checked(value))

    def entropy(self):
        a = self.concentration
        return a - self.rate.log() + rt.lgamma(a) + (1 - a) * rt.digamma(a)

    @property
    def _natural_params(self):
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x, y):
        return rt.lgamma(x + 1) + (x + 1) * rt.log(-y.reciprocal())


@expandable
class Chi2(Gamma):
    """The sum of df squared standard normal variables: Gamma(df / 2, 1 / 2)."""

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df, validate_args=None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self):
        return self.concentration * 2


@expandable
class InverseGamma(TransformedDistribution):
    """1 / x of a gamma variable."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration, rate, validate_args=None):
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(-base.rate.new_ones(())), validate_args=validate_args)

    @property
    def concentration(self):
        return self.base_dist.concentration

    @property
    def rate(self):
        return self.base_dist.rate

    @property
    def mean(self):
        a = self.concentration
        return rt.where(a > 1, self.rate / (a - 1), math.inf)

    @property
    def mode(self):
        return self.rate / (self.concentration + 1)

    @property
    def variance(self):
        a = self.concentration
        return rt.where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self):
        a = self.concentration
        return a + self.rate.log() + rt.lgamma(a) - (1 + a) * rt.digamma(a)


@expandable
class Exponential(ExponentialFamily):
    """Waiting times of a given rate."""

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, rate, validate_args=None):
        super().__init__(self._store(rate=rate), validate_args=validate_args)

    @property
    def mean(self):
        return self.rate.reciprocal()

    @property
    def mode(self):
        return rt.zeros_like(self.rate)

    @property
    def stddev(self):
        return self.rate.reciprocal()

    @property
    def variance(self):
        return self.rate.pow(-2)

    def rsample(self, sample_shape=Size()):
        return self.rate.new_empty(self._extended_shape(sample_shape)).exponential_() / self.rate

    def log_prob(self, value):
        return self.rate.log() - self.rate * self._checked(value)

    def cdf(self, value):
        return -rt.expm1(-self.rate * self._checked(value))

    def icdf(self, value):
        return -rt.log1p(-value) / self.rate

    def entropy(self):
        return 1.0 - self.rate.log()

    @property
    def _natural_params(self):
        return (-self.rate,)

    def _log_normalizer(self, x):
        return -rt.log(-x)


@expandable
class Weibull(TransformedDistribution):
    """scale times a power of an exponential variable."""

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, scale, concentration, validate_args=None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(rt.ones_like(self.scale), validate_args=validate_args)
        chain = [PowerTransform(self.concentration_reciprocal), AffineTransform(loc=0, scale=self.scale)]
        super().__init__(base, chain, validate_args=validate_args)

    def _raw_moment(self, n):
        return rt.exp(rt.lgamma(1 + n * self.concentration_reciprocal))

    @property
    def mean(self):
        return self.scale * self._raw_moment(1)

    @property
    def mode(self):
        return self.scale * ((self.concentration - 1) / self.concentration) ** self.concentration_reciprocal

    @property
    def variance(self):
        return self.scale.pow(2) * (self._raw_moment(2) - self._raw_moment(1).pow(2))

    def entropy(self):
        return (
            euler_constant * (1 - self.concentration_reciprocal)
            + rt.log(self.scale * self.concentration_reciprocal)
            + 1
        )


@expandable
class FisherSnedecor(Distribution):
    """The F distribution: the ratio of two chi-square variables, each over its degrees of freedom."""

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1, df2, validate_args=None):
        shape = self._store(df1=df1, df2=df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1, validate_args=False)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2, validate_args=False)
        super().__init__(shape, validate_args=validate_args)

    @property
    def mean(self):
        return rt.where(self.df2 > 2, self.df2 / (self.df2 - 2), math.nan)

    @property
    def mode(self):
        return rt.where(self.df1 > 2, (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2), math.nan)

    @property
    def variance(self):
        a, b = self.df1, self.df2
        value = 2 * b.pow(2) * (a + b - 2) / (a * (b - 2).pow(2) * (b - 4))
        return rt.where(b > 4, value, math.nan)

    def rsample(self, sample_shape=Size()):
        ratio = self._gamma1.rsample(sample_shape) / self._gamma2.rsample(sample_shape)
        return ratio.clamp(min=tiny_of(ratio))

    def log_prob(self, value):
        value = self._checked(value)
        a, b, ratio = 0.5 * self.df1, 0.5 * self.df2, self.df1 / self.df2
        log_norm = rt.lgamma(a) + rt.lgamma(b) - rt.lgamma(a + b) - a * ratio.log()
        return (a - 1) * value.log() - (a + b) * rt.log1p(ratio * value) - log_norm
