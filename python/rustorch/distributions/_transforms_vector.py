"""Transforms whose event is a vector or a matrix, and those that treat the parts of a tensor differently."""

import functools
import math
import operator

import rustorch as rt

from ..nn.functional import logsigmoid, pad, softplus
from . import constraints
from ._transform import Transform, _Stateless
from ._transforms_scalar import clipped_sigmoid
from .utils import eps_of, sum_rightmost, tiny_of, tril_matrix_to_vec, vec_to_tril_matrix


def _need_dims(shape, n):
    if len(shape) < n:
        raise ValueError("Too few dimensions on input")


class SoftmaxTransform(_Stateless):
    """y = softmax(x) along the last dimension; not a bijection: use StickBreakingTransform for densities."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x):
        return rt.softmax(x, dim=-1)

    def _inverse(self, y):
        return y.log()

    def forward_shape(self, shape):
        _need_dims(shape, 1)
        return shape

    inverse_shape = forward_shape


def _log_rest(n, like):
    """log of (n, n - 1, ..., 1): it makes zeros of x the middle of the simplex."""
    return rt.arange(n, 0, -1, dtype=like.dtype, device=like.device).log()


class StickBreakingTransform(_Stateless):
    """K - 1 real numbers to K probabilities: each is the share that is broken off the rest of a stick."""

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _call(self, x):
        share = clipped_sigmoid(x - _log_rest(x.shape[-1], x))
        rest = (1 - share).cumprod(-1)
        return pad(share, [0, 1], value=1) * pad(rest, [1, 0], value=1)

    def _inverse(self, y):
        first = y[..., :-1]
        rest = (1 - first.cumsum(-1)).clamp(min=tiny_of(y))
        return first.log() - rest.log() + _log_rest(first.shape[-1], y)

    def log_abs_det_jacobian(self, x, y):
        x = x - _log_rest(x.shape[-1], x)
        return (logsigmoid(x) - x + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape):
        _need_dims(shape, 1)
        return shape[:-1] + (shape[-1] + 1,)

    def inverse_shape(self, shape):
        _need_dims(shape, 1)
        return shape[:-1] + (shape[-1] - 1,)


class CorrCholeskyTransform(Transform):
    """D (D-1) / 2 real numbers to the Cholesky factor of a D x D correlation matrix, row by row on the unit sphere."""

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x):
        eps = eps_of(x)
        r = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), diag=-1)
        rest = (1 - r * r).sqrt().cumprod(-1)
        r = r + rt.eye(r.shape[-1], dtype=r.dtype, device=r.device)
        return r * pad(rest[..., :-1], [1, 0], value=1)

    def _inverse(self, y):
        rest = 1 - (y * y).cumsum(-1)
        before = pad(rest[..., :-1], [1, 0], value=1)
        return rt.atanh(tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(before, diag=-1).sqrt())

    def log_abs_det_jacobian(self, x, y, intermediates=None):
        rest = 1 - (y * y).cumsum(-1)
        stick = 0.5 * tril_matrix_to_vec(rest, diag=-2).log().sum(-1) if y.shape[-1] > 2 else 0.0
        return stick - 2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape):
        _need_dims(shape, 1)
        n = shape[-1]
        d = round((0.25 + 2 * n) ** 0.5 + 0.5)
        if d * (d - 1) // 2 != n:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return shape[:-1] + (d, d)

    def inverse_shape(self, shape):
        _need_dims(shape, 2)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return shape[:-2] + (shape[-1] * (shape[-1] - 1) // 2,)


class LowerCholeskyTransform(_Stateless):
    """A square matrix to a Cholesky factor: its strict lower triangle, and exp of its diagonal."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x):
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y):
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_Stateless):
    """A square matrix to a positive-definite one, by way of its Cholesky factor."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x):
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y):
        return LowerCholeskyTransform().inv(rt.linalg.cholesky(y))


class _PartsTransform(Transform):
    """Transforms of the parts of a tensor along dim. Subclasses take tensors apart and put them together."""

    def __init__(self, tseq, dim, cache_size):
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    def _split(self, value):
        raise NotImplementedError

    def _check(self, value):
        if not -value.dim() <= self.dim < value.dim():
            raise AssertionError(f"dim {self.dim} out of range for a value with {value.dim()} dimensions")

    def _apply(self, functions, value):
        return self._join([f(part) for f, part in zip(functions, self._split(value))], self.dim)

    def _call(self, x):
        return self._apply(self.transforms, x)

    def _inverse(self, y):
        return self._apply([t.inv for t in self.transforms], y)

    @property
    def bijective(self):
        return all(t.bijective for t in self.transforms)


class CatTransform(_PartsTransform):
    """Transforms of consecutive stretches of a dimension, of the given lengths (1 each by default)."""

    _join = staticmethod(rt.cat)

    def __init__(self, tseq, dim=0, lengths=None, cache_size=0):
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"Expected {len(self.transforms)} lengths, got {len(self.lengths)}")

    @property
    def event_dim(self):
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self):
        """The size of the dimension."""
        return sum(self.lengths)

    def with_cache(self, cache_size=1):
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _split(self, value):
        self._check(value)
        if value.size(self.dim) != self.length:
            raise AssertionError(f"Size {value.size(self.dim)} of dim {self.dim} differs from length {self.length}")
        return value.split(self.lengths, self.dim)

    def log_abs_det_jacobian(self, x, y):
        terms = []
        for t, a, b in zip(self.transforms, self._split(x), self._split(y)):
            terms.append(sum_rightmost(t.log_abs_det_jacobian(a, b), self.event_dim - t.event_dim))
        dim = (self.dim if self.dim < 0 else self.dim - x.dim()) + self.event_dim
        return rt.cat(terms, dim) if dim < 0 else functools.reduce(operator.add, terms)

    @constraints.dependent_property
    def domain(self):
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self):
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_PartsTransform):
    """Transforms of the slices of a dimension."""

    _join = staticmethod(rt.stack)

    def __init__(self, tseq, dim=0, cache_size=0):
        super().__init__(tseq, dim, cache_size)

    def with_cache(self, cache_size=1):
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _split(self, value):
        self._check(value)
        if value.size(self.dim) != len(self.transforms):
            raise AssertionError(f"Size {value.size(self.dim)} of dim {self.dim} differs from {len(self.transforms)}")
        return value.unbind(self.dim)

    def log_abs_det_jacobian(self, x, y):
        parts = zip(self.transforms, self._split(x), self._split(y))
        return rt.stack([t.log_abs_det_jacobian(a, b) for t, a, b in parts], self.dim)

    @constraints.dependent_property
    def domain(self):
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self):
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
