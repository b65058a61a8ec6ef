"""Normal vectors: MultivariateNormal, and LowRankMultivariateNormal with a covariance of low rank plus a diagonal."""

import math

import rustorch as rt

from .. import Size
from . import constraints
from ._matrix import (
    check_one_matrix,
    factor_of,
    half_log_det,
    low_rank_capacitance,
    low_rank_log_det,
    low_rank_mahalanobis,
    mahalanobis,
)
from .distribution import Distribution, expandable
from .utils import lazy_property, standard_normal

__all__ = ["LowRankMultivariateNormal", "MultivariateNormal"]


class _NormalVector(Distribution):
    support = constraints.real_vector
    has_rsample = True

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    def _log_density(self, squared_distance, half_log_det):
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + squared_distance) - half_log_det

    def _entropy(self, half_log_det):
        n = self._event_shape[0]
        return (0.5 * n * (1.0 + math.log(2 * math.pi)) + half_log_det).expand(self._batch_shape)


@expandable
class MultivariateNormal(_NormalVector):
    """The normal distribution of vectors, given a covariance, its inverse, or its lower Cholesky factor."""

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    _shared_fields = ("_unbroadcasted_scale_tril",)

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = check_one_matrix(covariance_matrix, precision_matrix, scale_tril)
        batch = Size(rt.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1]))
        setattr(self, name, matrix.expand(batch + matrix.shape[-2:]))
        self.loc = loc.expand(batch + loc.shape[-1:])
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_of(name, matrix)

    def _matrix_shape(self):
        return self._batch_shape + self._event_shape + self._event_shape

    @lazy_property
    def scale_tril(self):
        """The lower Cholesky factor of the covariance."""
        return self._unbroadcasted_scale_tril.expand(self._matrix_shape())

    @lazy_property
    def covariance_matrix(self):
        """The covariance."""
        factor = self._unbroadcasted_scale_tril
        return (factor @ factor.mT).expand(self._matrix_shape())

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance."""
        return rt.cholesky_inverse(self._unbroadcasted_scale_tril).expand(self._matrix_shape())

    @property
    def variance(self):
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=Size()):
        noise = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value):
        factor = self._unbroadcasted_scale_tril
        return self._log_density(mahalanobis(factor, self._checked(value) - self.loc), half_log_det(factor))

    def entropy(self):
        return self._entropy(half_log_det(self._unbroadcasted_scale_tril))


@expandable
class LowRankMultivariateNormal(_NormalVector):
    """The normal distribution of covariance W W^T + diag(d), with W (n x m) = cov_factor and d = cov_diag.

    Costs grow with n m^2, not n^3: Woodbury's identity and the determinant lemma need only the m x m matrix
    I + W^T D^-1 W.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    _shared_fields = ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril")

    def __init__(self, loc, cov_factor, cov_diag, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = Size(rt.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1]))
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from error
        self.loc = loc.expand(batch + event)
        self.cov_diag = cov_diag.expand(batch + event)
        self.cov_factor = cov_factor.expand(batch + cov_factor.shape[-2:])
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = low_rank_capacitance(cov_factor, cov_diag)
        super().__init__(batch, event, validate_args=validate_args)

    def _parts(self):
        return self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag

    def _matrix_shape(self):
        return self._batch_shape + self._event_shape + self._event_shape

    @property
    def variance(self):
        factor, diagonal = self._parts()
        return (factor.pow(2).sum(-1) + diagonal).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """The lower Cholesky factor of the covariance."""
        factor, diagonal = self._parts()
        root = diagonal.sqrt().unsqueeze(-1)
        scaled = factor / root
        eye = rt.eye(self._event_shape[0], dtype=root.dtype, device=root.device)
        return (root * rt.linalg.cholesky(eye + scaled @ scaled.mT)).expand(self._matrix_shape())

    @lazy_property
    def covariance_matrix(self):
        """The covariance."""
        factor, diagonal = self._parts()
        return (factor @ factor.mT + diagonal.diag_embed()).expand(self._matrix_shape())

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance."""
        factor, diagonal = self._parts()
        inside = rt.linalg.solve_triangular(self._capacitance_tril, factor.mT / diagonal.unsqueeze(-2), upper=False)
        return (diagonal.reciprocal().diag_embed() - inside.mT @ inside).expand(self._matrix_shape())

    def rsample(self, sample_shape=Size()):
        factor, diagonal = self._parts()
        shape = self._extended_shape(sample_shape)
        common = standard_normal(shape[:-1] + factor.shape[-1:], self.loc)
        shared = (factor @ common.unsqueeze(-1)).squeeze(-1)
        return self.loc + shared + diagonal.sqrt() * standard_normal(shape, self.loc)

    def _half_log_det(self):
        return 0.5 * low_rank_log_det(self._unbroadcasted_cov_diag, self._capacitance_tril)

    def log_prob(self, value):
        distance = low_rank_mahalanobis(*self._parts(), self._checked(value) - self.loc, self._capacitance_tril)
        return self._log_density(distance, self._half_log_det())

    def entropy(self):
        return self._entropy(self._half_log_det())
