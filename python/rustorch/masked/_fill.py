"""What every masked function needs: the dimensions as a tuple, the mask in the shape of the input, and the input with the
identity of an operation in the places that the mask leaves out."""

import math

from .. import _C
from .._tensor import is_floating_point

_ops = _C.ops


def canonical_dims(dim, ndim):
    """dim as a sorted tuple of non-negative numbers; None and () stand for all dimensions."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    ndim = max(ndim, 1)
    dims = []
    for d in (dim,) if isinstance(dim, int) else dim:
        if d in dims:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        if not -ndim <= d < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {d})")
        dims.append(d % ndim)
    return tuple(sorted(dims))


def input_mask(input, mask):
    """mask as a bool tensor in the shape of input."""
    if mask is None:
        raise ValueError("_input_mask requires explicit mask")
    if mask.shape != input.shape:
        if mask.dim() > input.dim():
            raise IndexError(
                "_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)"
            )
        mask = _ops.broadcast_to(mask, input.shape)
    return mask.to(_C.bool)


def _limit(dtype, sign):
    """The identity of max (sign -1) and of min (sign 1)."""
    if dtype.is_floating_point:
        return sign * math.inf
    bits = dtype.itemsize * 8 - dtype.is_signed
    return 2**bits - 1 if sign > 0 else -(2**bits) if dtype.is_signed else 0


def identity(name, input, ord=None):
    """The number that leaves the result of an operation as it is."""
    dtype = input.dtype
    if name == "sum":
        return 0
    if name == "prod":
        return 1
    if name == "norm":
        return math.inf if ord == -math.inf else 0
    if name == "median":
        return math.nan
    if name == "logsumexp" and dtype.is_complex:
        return -math.inf
    if dtype.is_complex or dtype == _C.bool:
        raise NotImplementedError(f"identity of {name} on {dtype} input")
    return _limit(dtype, 1 if name in ("amin", "argmin") else -1)


def filled(name, input, mask, ord=None):
    """input with the identity of the operation name where mask is False; the input itself without a mask."""
    if mask is None:
        return input
    value = _C.tensor(identity(name, input, ord), dtype=input.dtype, device=input.device)
    return _ops.where(input_mask(input, mask), input, value)


def summed_dtype(input, dtype):
    """The dtype of a sum or product: the one asked for, int64 of integers, else that of the input."""
    if dtype is not None:
        return dtype
    return input.dtype if is_floating_point(input) or input.dtype.is_complex else _C.int64
