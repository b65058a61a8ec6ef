"""unique and unique_consecutive: what they return depends on their arguments, so they are written here."""

from . import _C
from ._C import Tensor


def _select(values, inverse, counts, return_inverse, return_counts):
    result = (values,) + ((inverse,) if return_inverse else ()) + ((counts,) if return_counts else ())
    return result if len(result) > 1 else values


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements of input (or its distinct slices along dim), in order.

    With return_inverse also the place of every element among them, with return_counts how often each occurs.
    """
    if dim is None:
        parts = _C.ops._unique2(input, sorted, return_inverse, return_counts)
    else:
        parts = _C.ops.unique_dim(input, dim, sorted, return_inverse, return_counts)
    return _select(*parts, return_inverse, return_counts)


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """input without the elements (or slices along dim) that repeat the one before."""
    parts = _C.ops._unique_consecutive(input, return_inverse, return_counts, dim)
    return _select(*parts, return_inverse, return_counts)


Tensor.unique = unique
Tensor.unique_consecutive = unique_consecutive
