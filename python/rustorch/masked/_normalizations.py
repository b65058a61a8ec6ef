"""Masked functions whose result has the shape of the input: scans, softmax and its relatives, normalize, logaddexp."""

from .. import _C
from ._fill import canonical_dims, filled
from ._reductions import norm

_ops = _C.ops


def cumsum(input, dim, *, dtype=None, mask=None):
    """Running sum along dim of the elements that mask keeps."""
    dtype = dtype or input.dtype
    return _ops.cumsum(filled("sum", input, mask), canonical_dims(dim, input.dim())[0], dtype=dtype)


def cumprod(input, dim, *, dtype=None, mask=None):
    """Running product along dim of the elements that mask keeps."""
    dtype = dtype or input.dtype
    return _ops.cumprod(filled("prod", input, mask), canonical_dims(dim, input.dim())[0], dtype=dtype)


def softmax(input, dim, *, dtype=None, mask=None):
    """softmax along dim over the elements that mask keeps; 0 in the others, nan in slices without any."""
    return _ops.softmax(filled("amax", input, mask), canonical_dims(dim, input.dim())[0], dtype=dtype or input.dtype)


def log_softmax(input, dim, *, dtype=None, mask=None):
    """Logarithm of softmax()."""
    dim = canonical_dims(dim, input.dim())[0]
    return _ops.log_softmax(filled("amax", input, mask), dim, dtype=dtype or input.dtype)


def softmin(input, dim, *, dtype=None, mask=None):
    """softmax() of -input."""
    return _ops.softmax(-filled("amin", input, mask), canonical_dims(dim, input.dim())[0], dtype=dtype or input.dtype)


def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """The elements that mask keeps divided by their norm() along dim (by eps where that is smaller)."""
    length = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return filled("sum", input, mask) / _ops.maximum(length, length.new_full((), eps))


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """log(exp(input) + exp(other)), without the elements that the mask of each leaves out."""
    result = _ops.logaddexp(filled("logaddexp", input, input_mask), filled("logaddexp", other, other_mask))
    return result.to(dtype or input.dtype)
