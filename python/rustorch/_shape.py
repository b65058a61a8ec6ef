"""Attributes and call forms of shape and index operators that the operator tables cannot express."""

from . import _C
from ._C import Tensor


def _reversed_dims(self):
    """The tensor with its dimensions in reverse order."""
    return self.permute(tuple(range(self.dim() - 1, -1, -1)))


def _matrix_transposed(self):
    """The tensor with its last two dimensions exchanged."""
    if self.dim() < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {self.dim()}-D tensor."
        )
    return self.transpose(-2, -1)


def _matrix_adjoint(self):
    """The conjugate of the tensor with its last two dimensions exchanged."""
    return self.adjoint()


def _conjugate_transposed(self):
    """The conjugate transpose of a matrix."""
    if self.dim() not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.dim()}-D tensor.")
    return self.adjoint() if self.dim() == 2 else self.conj()


_nonzero_rows = _C.ops.nonzero


def nonzero(input, *, out=None, as_tuple=False):
    """Indices of the elements that are not zero: rows of one tensor, or one vector per dimension."""
    if as_tuple:
        return tuple(input.nonzero_numpy())
    return _nonzero_rows(input) if out is None else _nonzero_rows(input, out=out)


def _nonzero_method(self, *, as_tuple=False):
    """Indices of the elements that are not zero: rows of one tensor, or one vector per dimension."""
    return nonzero(self, as_tuple=as_tuple)


for _name, _get in (
    ("T", _reversed_dims),
    ("mT", _matrix_transposed),
    ("mH", _matrix_adjoint),
    ("H", _conjugate_transposed),
):
    if not hasattr(Tensor, _name):
        setattr(Tensor, _name, property(_get))
Tensor.nonzero = _nonzero_method
