"""Distributions that are given either probabilities or logits; the other is computed when it is asked for."""

from .. import Size
from .utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits


def check_one_given(probs, logits):
    """Raises ValueError unless exactly one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class BinaryParameter:
    """The probability of a success or its log-odds, one number for each batch element."""

    @lazy_property
    def logits(self):
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self):
        """The probability of a success."""
        return logits_to_probs(self.logits, is_binary=True)

    def _store_binary(self, probs, logits, **others):
        """Sets whichever is given, broadcast with the other parameters; returns the batch shape."""
        check_one_given(probs, logits)
        name, value = ("logits", logits) if probs is None else ("probs", probs)
        self._given = name
        value, *rest = broadcast_all(value, *others.values())
        setattr(self, name, value)
        for other, tensor in zip(others, rest):
            setattr(self, other, tensor.to(value.dtype))
        return value.shape

    @property
    def _param(self):
        """The parameter that was given."""
        return getattr(self, self._given)

    @property
    def param_shape(self):
        """The shape of the parameter."""
        return self._param.shape


class CategoricalParameter:
    """probs, logits and shapes of distributions that hold a Categorical as `_categorical`."""

    @property
    def _param(self):
        return self._categorical._param

    @property
    def probs(self):
        """The probability of each category."""
        return self._categorical.probs

    @property
    def logits(self):
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self):
        """The shape of the parameter."""
        return self._categorical.param_shape


def enumerated(values, batch_shape, expand):
    """values (first dimension: the outcomes) with a batch dimension of 1, or of batch_shape, for each of a batch."""
    count, event = values.shape[:1], values.shape[1:]
    values = values.reshape(count + (1,) * len(batch_shape) + event)
    return values.expand(count + Size(batch_shape) + event) if expand else values
