"""One of several outcomes: Categorical, the one-hot forms, and Multinomial counts."""

import math

import rustorch as rt

from .. import Size
from ..nn.functional import one_hot
from . import constraints
from ._probs import CategoricalParameter, check_one_given, enumerated
from .counts import Binomial
from .distribution import Distribution, expandable
from .utils import lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Categorical", "Multinomial", "OneHotCategorical", "OneHotCategoricalStraightThrough"]

_VECTOR_PARAMETERS = {"probs": constraints.simplex, "logits": constraints.real_vector}


@expandable
class Categorical(Distribution):
    """The integers 0 ... K-1 with the probabilities along the last dimension of probs, or exp(logits), normalised."""

    arg_constraints = _VECTOR_PARAMETERS
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        check_one_given(probs, logits)
        self._given, value = ("logits", logits) if probs is None else ("probs", probs)
        if value.dim() < 1:
            raise ValueError(f"`{self._given}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - rt.logsumexp(logits, dim=-1, keepdim=True)
        super().__init__(value.shape[:-1], validate_args=validate_args)

    @property
    def _param(self):
        return getattr(self, self._given)

    @property
    def _num_events(self):
        return self._param.shape[-1]

    @property
    def param_shape(self):
        """The shape of the parameter."""
        return self._param.shape

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self):
        """The logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self):
        """The probability of each category."""
        return logits_to_probs(self.logits)

    @property
    def mean(self):
        return rt.full(self._batch_shape, math.nan, dtype=self.probs.dtype, device=self.probs.device)

    variance = mean

    @property
    def mode(self):
        return self.probs.argmax(dim=-1)

    def sample(self, sample_shape=Size()):
        sample_shape = Size(sample_shape)
        with rt.no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            drawn = rt.multinomial(rows, sample_shape.numel(), True) if sample_shape.numel() else None
            if drawn is None:
                return rt.empty(self._extended_shape(sample_shape), dtype=rt.int64, device=rows.device)
            return drawn.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value):
        index, logits = rt.broadcast_tensors(self._checked(value).long().unsqueeze(-1), self.logits)
        return logits.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self):
        logits = self.logits.clamp(min=rt.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        values = rt.arange(self._num_events, dtype=rt.int64, device=self._param.device)
        return enumerated(values, self._batch_shape, expand)


@expandable
class OneHotCategorical(CategoricalParameter, Distribution):
    """Categorical whose samples are one-hot vectors."""

    arg_constraints = _VECTOR_PARAMETERS
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._categorical = Categorical(probs, logits)
        shape = self._categorical.param_shape
        super().__init__(self._categorical.batch_shape, shape[-1:], validate_args=validate_args)

    def _one_hot(self, index):
        return one_hot(index, self._categorical._num_events).to(self.probs.dtype)

    @property
    def mean(self):
        return self.probs

    @property
    def mode(self):
        return self._one_hot(self._categorical.mode)

    @property
    def variance(self):
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):
        return self._one_hot(self._categorical.sample(sample_shape))

    def log_prob(self, value):
        return self._categorical.log_prob(self._checked(value).argmax(-1))

    def entropy(self):
        return self._categorical.entropy()

    def enumerate_support(self, expand=True):
        values = rt.eye(self._event_shape[0], dtype=self._param.dtype, device=self._param.device)
        return enumerated(values, self._batch_shape, expand)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """One-hot samples whose gradient is that of the probabilities (Bengio et al., 2013)."""

    has_rsample = True

    def rsample(self, sample_shape=Size()):
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


@expandable
class Multinomial(CategoricalParameter, Distribution):
    """How often each category came in total_count draws."""

    arg_constraints = _VECTOR_PARAMETERS

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        shape = self._categorical.param_shape
        super().__init__(self._categorical.batch_shape, shape[-1:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.multinomial(self.total_count)

    @property
    def mean(self):
        return self.probs * self.total_count

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):
        drawn = self._categorical.sample(Size((self.total_count,)) + Size(sample_shape))
        drawn = drawn.permute(*range(1, drawn.dim()), 0)
        counts = rt.zeros(self._extended_shape(sample_shape), dtype=self._param.dtype, device=drawn.device)
        return counts.scatter_add(-1, drawn, rt.ones_like(drawn, dtype=counts.dtype))

    def log_prob(self, value):
        logits, value = rt.broadcast_tensors(self.logits, self._checked(value))
        log_ways = rt.lgamma(value.sum(-1) + 1) - rt.lgamma(value + 1).sum(-1)
        impossible = (value == 0) & (logits == -math.inf)  # 0 * log 0
        return log_ways + (rt.where(impossible, 0.0, logits) * value).sum(-1)

    def entropy(self):
        n = self.total_count
        each = Binomial(n, probs=self.probs, validate_args=False)
        counts = each.enumerate_support(False)[1:]
        log_ways = rt.exp(each.log_prob(counts)) * rt.lgamma(counts + 1)
        return n * self._categorical.entropy() - math.lgamma(n + 1) + log_ways.sum((0, -1))
