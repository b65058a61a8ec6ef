"""Distributions of matrices: Wishart, and LKJCholesky of correlation matrices."""

import math
import warnings

import rustorch as rt

from .. import Size
from . import constraints
from ._matrix import check_one_matrix, factor_of, half_log_det
from .beta import Beta
from .distribution import Distribution, expandable
from .exp_family import ExponentialFamily
from .gamma import Chi2
from .utils import Number, broadcast_all, lazy_property, standard_normal, tiny_of

__all__ = ["LKJCholesky", "Wishart"]

_MAX_RETRIES = 10


def _log_multigamma(a, p):
    """log of the multivariate gamma function of order p."""
    steps = 0.5 * rt.arange(p, dtype=a.dtype, device=a.device)
    return rt.lgamma(a.unsqueeze(-1) - steps).sum(-1) + 0.25 * p * (p - 1) * math.log(math.pi)


def _multidigamma(a, p):
    """Its derivative."""
    steps = 0.5 * rt.arange(p, dtype=a.dtype, device=a.device)
    return rt.digamma(a.unsqueeze(-1) - steps).sum(-1)


@expandable
class Wishart(ExponentialFamily):
    """Scatter matrices of df normal vectors of a given covariance; df may be any number above n - 1.

    Samples come from Bartlett's decomposition. Singular ones are drawn again, a few times.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _shared_fields = ("_unbroadcasted_scale_tril",)

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        name, matrix = check_one_matrix(covariance_matrix, precision_matrix, scale_tril)
        event = matrix.shape[-2:]
        if event[0] != event[1]:
            raise ValueError(f"{name} must be square; got {tuple(event)}")
        degrees = rt.tensor(df, dtype=matrix.dtype, device=matrix.device) if isinstance(df, Number) else df
        batch = Size(rt.broadcast_shapes(matrix.shape[:-2], degrees.shape))
        n = event[0]
        if (degrees <= n - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        self.df = degrees.expand(batch)
        setattr(self, name, matrix.expand(batch + event))
        super().__init__(batch, event, validate_args=validate_args)
        if (self.df < n).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        self._unbroadcasted_scale_tril = factor_of(name, matrix)

    @property
    def arg_constraints(self):
        matrix = constraints.positive_definite
        return {
            "covariance_matrix": matrix,
            "precision_matrix": matrix,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    @lazy_property
    def scale_tril(self):
        """The lower Cholesky factor of the scale matrix."""
        return self._unbroadcasted_scale_tril.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def covariance_matrix(self):
        """The scale matrix."""
        factor = self._unbroadcasted_scale_tril
        return (factor @ factor.mT).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def precision_matrix(self):
        """The inverse of the scale matrix."""
        return rt.cholesky_inverse(self._unbroadcasted_scale_tril).expand(self._batch_shape + self._event_shape)

    @property
    def _df(self):
        return self.df.reshape(self._batch_shape + (1, 1))

    @property
    def mean(self):
        return self._df * self.covariance_matrix

    @property
    def mode(self):
        weight = self._df - self.covariance_matrix.shape[-1] - 1
        return rt.where(weight > 0, weight, math.nan) * self.covariance_matrix

    @property
    def variance(self):
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self._df * (v.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape=Size()):
        n = self._event_shape[-1]
        degrees = self.df.unsqueeze(-1) - rt.arange(n, dtype=self.df.dtype, device=self.df.device)
        roots = Chi2(degrees, validate_args=False).rsample(sample_shape).clamp(min=tiny_of(degrees)).sqrt()
        noise = standard_normal(self._extended_shape(sample_shape), self.df).tril(-1) + roots.diag_embed()
        root = self._unbroadcasted_scale_tril @ noise
        return root @ root.mT

    def rsample(self, sample_shape=Size()):
        sample = self._bartlett_sampling(sample_shape)
        for _ in range(_MAX_RETRIES):
            singular = ~self.support.check(sample.detach())
            if not singular.any():
                break
            again = self._bartlett_sampling(sample_shape)
            sample = rt.where(singular.unsqueeze(-1).unsqueeze(-1), again, sample)
        else:
            warnings.warn("Singular sample detected.", stacklevel=2)
        return sample

    def log_prob(self, value):
        value = self._checked(value)
        n, nu, factor = self._event_shape[-1], self.df, self._unbroadcasted_scale_tril
        log_det = 2 * half_log_det(rt.linalg.cholesky(value))
        trace = rt.cholesky_solve(value, factor).diagonal(dim1=-2, dim2=-1).sum(-1)
        log_norm = nu * (0.5 * n * math.log(2) + half_log_det(factor)) + _log_multigamma(nu / 2, n)
        return 0.5 * (nu - n - 1) * log_det - 0.5 * trace - log_norm

    def entropy(self):
        n, nu, factor = self._event_shape[-1], self.df, self._unbroadcasted_scale_tril
        scale = (n + 1) * (half_log_det(factor) + 0.5 * n * math.log(2))
        shape = _log_multigamma(nu / 2, n) - 0.5 * (nu - n - 1) * _multidigamma(nu / 2, n)
        return scale + shape + 0.5 * nu * n

    @property
    def _natural_params(self):
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x, y):
        n = self._event_shape[-1]
        half_df = y + (n + 1) / 2
        log_det = -2 * half_log_det(rt.linalg.cholesky(-2 * x))
        return half_df * (log_det + n * math.log(2)) + _log_multigamma(half_df, n)


@expandable
class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices, of density proportional to det^(concentration - 1) of the matrix.

    D. Lewandowski, D. Kurowicka, H. Joe, "Generating random correlation matrices based on vines and extended onion
    method", 2009: each row is a point on a sphere, whose radius has a beta distribution.
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim, concentration=1.0, validate_args=None):
        if not isinstance(dim, int) or dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        rows = rt.arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        shape = self.concentration.unsqueeze(-1) + 0.5 * (dim - 2) - 0.5 * rows
        self._beta = Beta(rows + 0.5, shape, validate_args=False)  # the squared length of each row but the first
        super().__init__(self.concentration.shape, Size((dim, dim)), validate_args)

    def _expand_field(self, name, value, batch_shape):
        if name == "_beta":
            batch_shape = batch_shape + (self.dim - 1,)
        return super()._expand_field(name, value, batch_shape)

    def sample(self, sample_shape=Size()):
        with rt.no_grad():
            length = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = standard_normal(self._extended_shape(sample_shape), self.concentration).tril(-1)[..., 1:, :]
            rows = length.sqrt() * normal / normal.square().sum(-1, True).sqrt()
            below = rt.cat([rt.zeros_like(rows[..., :1, :]), rows], -2)
            diagonal = (1 - below.square().sum(-1)).clamp(min=tiny_of(below)).sqrt()
            return below + diagonal.diag_embed()

    def log_prob(self, value):
        n, a = self.dim, self.concentration
        diagonal = self._checked(value).diagonal(dim1=-1, dim2=-2)[..., 1:]
        rows = rt.arange(2, n + 1, dtype=a.dtype, device=a.device)
        power = 2 * (a - 1).unsqueeze(-1) + n - rows
        top = a + 0.5 * (n - 1)
        log_norm = 0.5 * (n - 1) * math.log(math.pi) + _log_multigamma(top - 0.5, n - 1) - (n - 1) * rt.lgamma(top)
        return (power * diagonal.log()).sum(-1) - log_norm
