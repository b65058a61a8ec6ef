"""Sparse tensors: products, sums and softmax over the elements that are kept, and checks of what they are made of.

The tensors themselves are made by `rustorch.sparse_coo_tensor`, `rustorch.sparse_csr_tensor` and their relatives, or by
`Tensor.to_sparse`.
"""

import functools

from rustorch import _C
from rustorch._C import Tensor

from ._invariants import check_sparse_tensor_invariants
from ._make import spdiags

__all__ = [
    "addmm",
    "as_sparse_gradcheck",
    "check_sparse_tensor_invariants",
    "log_softmax",
    "mm",
    "sampled_addmm",
    "softmax",
    "spdiags",
    "sum",
]

_ops = _C.ops


def mm(mat1, mat2, reduce=None):
    """The product of two matrices of which at least one is sparse; the gradient of a sparse one has its places.

    With `reduce` ("sum", "mean", "amax", "amin") a sparse_csr matrix by a strided one, and what is done with the terms.
    """
    return _ops.sparse_mm(mat1, mat2) if reduce is None else _ops.sparse_mm(mat1, mat2, reduce)


def addmm(mat, mat1, mat2, *, beta=1.0, alpha=1.0):
    """beta * mat + alpha * mat1 @ mat2 for a sparse mat1."""
    return _ops.sparse_addmm(mat, mat1, mat2, beta=beta, alpha=alpha)


def sampled_addmm(input, mat1, mat2, *, beta=1.0, alpha=1.0, out=None):
    """beta * input + alpha * mat1 @ mat2 at the places of the sparse_csr matrix input."""
    if out is None:
        return _ops.sparse_sampled_addmm(input, mat1, mat2, beta=beta, alpha=alpha)
    return _ops.sparse_sampled_addmm(input, mat1, mat2, beta=beta, alpha=alpha, out=out)


def sum(input, dim=None, dtype=None):
    """The sum of all elements, or along dim: sparse while a dimension with indices is left."""
    if dim is None:
        return _ops._sparse_sum(input, dtype=dtype)
    return _ops._sparse_sum(input, [dim] if isinstance(dim, int) else list(dim), dtype=dtype)


def softmax(input, dim, *, dtype=None):
    """softmax along dim over the elements that are kept: the others count as minus infinity."""
    return _ops._sparse_softmax(input, dim, dtype)


def log_softmax(input, dim, *, dtype=None):
    """log(softmax) along dim over the elements that are kept."""
    return _ops._sparse_log_softmax(input, dim, dtype)


def as_sparse_gradcheck(gradcheck):
    """gradcheck for functions of sparse tensors: what it sees are their values."""

    @functools.wraps(gradcheck)
    def check(func, inputs, **kwargs):
        masked = kwargs.pop("masked", False)
        inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        parts, plain = [], []
        for x in inputs:
            if not (isinstance(x, Tensor) and x.requires_grad and x.layout is not _C.strided):
                parts.append(None)
                plain.append(x)
                continue
            pattern = x.detach()
            if not masked:  # every element is one that is kept
                ones = _ops.ones(tuple(x.shape), dtype=_C.bool)
                pattern = pattern.to_dense().sparse_mask(_like(ones, x))
            parts.append(pattern)
            plain.append(pattern._values().clone().requires_grad_(True))

        def on_values(*args):
            whole = [a if p is None else _ops._sparse_with_values(p, a) for p, a in zip(parts, args)]
            out = func(*whole)
            several = isinstance(out, (list, tuple))
            dense = tuple(
                o.to_dense(masked_grad=masked) if isinstance(o, Tensor) and o.layout is not _C.strided else o
                for o in (out if several else (out,))
            )
            return dense if several else dense[0]

        return gradcheck(on_values, tuple(plain), **kwargs)

    return check


def _like(dense, sparse):
    """dense in the layout of a sparse tensor."""
    layout = sparse.layout
    if layout is _C.sparse_coo:
        return dense.to_sparse(sparse.sparse_dim())
    block = None
    if layout in (_C.sparse_bsr, _C.sparse_bsc):
        batch = sparse.dim() - sparse.dense_dim() - 2
        block = tuple(sparse._values().shape[batch + 1 : batch + 3])
    return dense.to_sparse(layout=layout, blocksize=block, dense_dim=sparse.dense_dim())
