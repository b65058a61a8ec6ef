"""Masked reductions: functions of the elements of a slice that the mask keeps."""

from .. import _C
from ._fill import canonical_dims, filled, input_mask, summed_dtype

_ops = _C.ops


def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Sum of the elements that mask keeps; 0 where it keeps none.

    >>> rustorch.masked.sum(rustorch.tensor([[1, 2], [3, 4]]), 1, mask=rustorch.tensor([[True, False], [True, True]]))
    tensor([1, 7])
    """
    dtype = summed_dtype(input, dtype)
    return _ops.sum(filled("sum", input, mask), canonical_dims(dim, input.dim()), bool(keepdim), dtype=dtype)


def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Product of the elements that mask keeps; 1 where it keeps none."""
    result = filled("prod", input, mask).to(summed_dtype(input, dtype))
    for d in reversed(canonical_dims(dim, input.dim())):
        result = result.prod(dim=d, keepdim=bool(keepdim))
    return result


def amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Largest element that mask keeps; the smallest number of the dtype where it keeps none."""
    dims = canonical_dims(dim, input.dim())
    return _ops.amax(filled("amax", input, mask), dims, bool(keepdim)).to(dtype or input.dtype)


def amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Smallest element that mask keeps; the largest number of the dtype where it keeps none."""
    dims = canonical_dims(dim, input.dim())
    return _ops.amin(filled("amin", input, mask), dims, bool(keepdim)).to(dtype or input.dtype)


def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Place of the largest element that mask keeps, in dtype (that of the input when not given)."""
    return _ops.argmax(filled("argmax", input, mask), dim, bool(keepdim)).to(dtype or input.dtype)


def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Place of the smallest element that mask keeps, in dtype (that of the input when not given)."""
    return _ops.argmin(filled("argmin", input, mask), dim, bool(keepdim)).to(dtype or input.dtype)


def _total_and_count(input, dim, keepdim, dtype, mask):
    """Sum of what mask keeps and the number of such elements."""
    dims = canonical_dims(dim, input.dim())
    kept = _ops.ones(input.shape, dtype=_C.bool, device=input.device) if mask is None else input_mask(input, mask)
    return sum(input, dims, keepdim=keepdim, dtype=dtype, mask=mask), kept.sum(dims, bool(keepdim))


def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Mean of the elements that mask keeps; nan where it keeps none."""
    source = "Input" if dtype is None else "Optional"
    dtype = dtype or input.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        raise ValueError(
            f"mean(): Could not infer output dtype. {source} dtype must be either a floating point or complex dtype. "
            f"Got: {dtype}"
        )
    total, count = _total_and_count(input, dim, keepdim, dtype, mask)
    return total / count


def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """Lower median of the elements that mask keeps; nan where it keeps none, which integers refuse."""
    real = input.dtype.is_floating_point
    values = filled("median", input if real else input.to(_C.float32), mask)
    output = _ops.nanmedian(values, canonical_dims(dim, input.dim())[0], keepdim).values
    if real:
        return output
    if output.isnan().any().item():
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return output.to(dtype or input.dtype)


def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """log(sum(exp(x))) of the elements that mask keeps; -inf where it keeps none."""
    dims = canonical_dims(dim, input.dim())
    return _ops.logsumexp(filled("logsumexp", input, mask), dims, keepdim=keepdim).to(dtype or input.dtype)


def norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Norm of order ord of the elements that mask keeps; 0 (inf for ord=-inf) where it keeps none."""
    values = filled("norm", input, mask, ord)
    dims = canonical_dims(dim, input.dim())
    return _ops.linalg_vector_norm(values, ord, dims, bool(keepdim), dtype=dtype or input.dtype)


def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Variance of the n elements that mask keeps, divided by n - correction (1); nan where it keeps none."""
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    if correction is None:
        correction = 1.0 if unbiased is None or unbiased else 0.0
    if dtype is None:
        dtype = input.dtype if input.dtype.is_floating_point or input.dtype.is_complex else _C.float32
    working = dtype if dtype.is_floating_point or dtype.is_complex else _C.float32
    total, count = _total_and_count(input, dim, True, dtype, mask)
    x = input - total / count
    total = sum(x * x.conj(), dim, keepdim=keepdim, dtype=working, mask=mask)
    count = count.reshape(total.shape)
    if correction != 0:
        count = (count.to(working.to_real()) - float(correction)).clamp(min=0)
    return (total / count).to(dtype)


def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Square root of var()."""
    return var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask).sqrt()
