"""Functions of the package that make sparse tensors, and those that go by another name elsewhere."""

from rustorch import _C
from rustorch._C import Tensor

from . import _invariants

_ops = _C.ops


def _index(data, device):
    t = data if isinstance(data, Tensor) else _C.tensor(data)
    if t.numel() == 0 and t.is_floating_point():
        t = t.to(_C.int64)  # an empty list has no numbers to tell
    return t if device is None else t.to(device)


def _values(data, dtype, device):
    if isinstance(data, Tensor):
        t = data if dtype is None else data.to(dtype)
    else:
        t = _C.tensor(data) if dtype is None else _C.tensor(data, dtype=dtype)
    return t if device is None else t.to(device)


def _leaf(t, requires_grad):
    return t.detach().requires_grad_(True) if requires_grad else t


def sparse_coo_tensor(indices, values=None, size=None, *, dtype=None, device=None, pin_memory=False,
                      requires_grad=False, check_invariants=None, is_coalesced=None):  # fmt: skip
    """A sparse tensor of coordinates: values[k] stands at indices[:, k]; equal places are added up.

    indices: [sparse dimensions, n]; values: [n, sizes of the dense dimensions]. Without size the smallest one that holds
    them; `sparse_coo_tensor(size)` is a tensor without values. Throws for indices outside of the size.
    """
    if values is None:  # sparse_coo_tensor(size)
        shape = tuple(indices) if size is None else tuple(size)
        none = _ops.zeros((len(shape), 0), dtype=_C.int64, device=device)
        empty = _ops.zeros((0,), dtype=dtype, device=device)
        return _leaf(_ops._sparse_coo_checked(none, empty, shape, False), requires_grad)
    v = _values(values, dtype, device)
    at = _index(indices, v.device if device is None else device)
    if not isinstance(values, Tensor) and v.dim() == 0:
        v = v.reshape(1)
    if requires_grad:
        v = v.detach()
    return _leaf(_ops._sparse_coo_checked(at, v, None if size is None else tuple(size), is_coalesced), requires_grad)


def sparse_compressed_tensor(compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None, device=None,
                             pin_memory=False, requires_grad=False, check_invariants=None):  # fmt: skip
    """A sparse tensor in a compressed layout: sparse_csr, sparse_csc, or blocks in sparse_bsr, sparse_bsc."""
    if layout is None:
        raise RuntimeError("expected sparse compressed tensor layout but got none")
    strict = _invariants.check_sparse_tensor_invariants.is_enabled() if check_invariants is None else check_invariants
    v = _values(values, dtype, device)
    if requires_grad:
        v = v.detach()
    first, second = (_index(i, v.device if device is None else device) for i in (compressed_indices, plain_indices))
    size = None if size is None else tuple(size)
    return _leaf(_ops._sparse_compressed_checked(first, second, v, size, layout, bool(strict)), requires_grad)


def _of(layout, first, second):
    def make(compressed, plain, values, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False,
             check_invariants=None, layout=layout):  # fmt: skip
        return sparse_compressed_tensor(compressed, plain, values, size, dtype=dtype, layout=layout, device=device,
                                        requires_grad=requires_grad, check_invariants=check_invariants)  # fmt: skip

    def call(*args, **kwargs):
        if first in kwargs:
            args = (kwargs.pop(first), *args)
        if second in kwargs:
            args = (*args[:1], kwargs.pop(second), *args[1:])
        return make(*args, **kwargs)

    name = str(layout).rsplit(".", 1)[-1]
    call.__name__ = call.__qualname__ = f"{name}_tensor"
    call.__doc__ = f"A tensor in layout {name} of its {first}, {second} and values."
    return call


sparse_csr_tensor = _of(_C.sparse_csr, "crow_indices", "col_indices")
sparse_csc_tensor = _of(_C.sparse_csc, "ccol_indices", "row_indices")
sparse_bsr_tensor = _of(_C.sparse_bsr, "crow_indices", "col_indices")
sparse_bsc_tensor = _of(_C.sparse_bsc, "ccol_indices", "row_indices")


def spdiags(diagonals, offsets, shape, layout=None):
    """The sparse matrix of this shape with rows of diagonals on its diagonals: row i on that of offsets[i].

    Element j of a row stands in column j. Throws for repeated offsets and other than two sizes.
    """
    diagonals = diagonals if diagonals.dim() == 2 else diagonals.unsqueeze(0)
    offsets = offsets if offsets.dim() == 1 else offsets.reshape(-1)
    if diagonals.dim() != 2:
        raise RuntimeError("Diagonals must be vector or matrix")
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    if diagonals.size(0) != offsets.size(0):
        raise RuntimeError(
            f"Number of diagonals ({diagonals.size(0)}) does not match the number of offsets ({offsets.size(0)})"
        )
    if len(set(offsets.tolist())) != offsets.numel():
        raise RuntimeError("Offset tensor contains duplicate values")
    if layout not in (None, _C.sparse_coo, _C.sparse_csr, _C.sparse_csc):
        raise RuntimeError("Only output layouts () are supported, got " + str(layout))
    rows, cols = shape
    at, own = [], []
    for i, k in enumerate(offsets.tolist()):
        begin, end = max(0, k), min(cols, diagonals.size(1), rows + k)
        if end <= begin:
            continue
        col = _ops.arange(begin, end)
        at.append(_ops.stack([col - k, col]))
        own.append(diagonals[i, begin:end])
    if at:
        result = sparse_coo_tensor(_ops.cat(at, 1), _ops.cat(own), (rows, cols))
    else:
        result = sparse_coo_tensor((rows, cols), dtype=diagonals.dtype)
    return result if layout in (None, _C.sparse_coo) else result.to_sparse(layout=layout)


# ---- pickling


def _parts(t):
    """Layout, size and parts of a sparse tensor."""
    layout, size = str(t.layout).rpartition(".")[2], tuple(t.shape)
    if t.layout is _C.sparse_coo:
        return layout, size, (t._indices(), t._values()), t.is_coalesced()
    rows = t.layout in (_C.sparse_csr, _C.sparse_bsr)
    first, second = (t.crow_indices(), t.col_indices()) if rows else (t.ccol_indices(), t.row_indices())
    return layout, size, (first, second, t._values()), None


def _rebuild(cls, layout, size, parts, coalesced, requires_grad):
    if layout == "sparse_coo":
        t = _ops._sparse_coo_checked(*parts, size, coalesced)
    else:
        t = _ops._sparse_compressed_checked(*parts, size, getattr(_C, layout), True)
    if cls is not Tensor:
        return Tensor._make_subclass(cls, t, requires_grad)
    return t.requires_grad_() if requires_grad else t


# ---- old names


def spmm(input, mat2):
    """The product of two matrices; see rustorch.mm."""
    return _ops.mm(input, mat2)


dsmm = spmm


def saddmm(*args, **kwargs):
    """rustorch.addmm under its old name for sparse matrices."""
    return _ops.addmm(*args, **kwargs)


def hsmm(mat1, mat2):
    """rustorch.hspmm under its old name."""
    return _ops.hspmm(mat1, mat2)


def _copy(part):
    def copy(input):
        return getattr(input, part)().clone()

    copy.__name__ = copy.__qualname__ = f"{part}_copy"
    copy.__doc__ = f"What Tensor.{part}() gives, in memory of its own."
    return copy


indices_copy, values_copy = _copy("indices"), _copy("values")
crow_indices_copy, col_indices_copy = _copy("crow_indices"), _copy("col_indices")
ccol_indices_copy, row_indices_copy = _copy("ccol_indices"), _copy("row_indices")
