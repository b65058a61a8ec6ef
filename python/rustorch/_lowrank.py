"""Low-rank decompositions by random projection, and lu(), whose results depend on its arguments."""

from . import _C
from ._C import Tensor

_ops = _C.ops


def lu(A, pivot=True, get_infos=False, out=None):  # noqa: N803
    """LU factors in one matrix and the exchanges of rows; with get_infos also the place of a zero pivot."""
    result = _ops._lu_with_info(A, pivot, not get_infos)
    if not get_infos:
        result = tuple(result[:2])
    if out is None:
        return result
    if not isinstance(out, (tuple, list)):
        raise TypeError(f"argument 'out' must be tuple of Tensors, not {type(out).__name__}")
    if len(out) - int(get_infos) != 2:
        raise TypeError(f"expected tuple of {2 + int(get_infos)} elements but got {len(out)}")
    for target, value in zip(out, result):
        if target.shape != value.shape:
            target.resize_(value.shape)
        target.copy_(value)
    return out


def _method_lu(self, pivot=True, get_infos=False):
    return lu(self, pivot, get_infos)


Tensor.lu = _method_lu


def _range(a, q, niter, m):
    """Orthonormal basis of about the range of a - m (Halko, Martinsson, Tropp 2009, algorithm 4.4)."""
    guess = _ops.randn(a.shape[-1], q, dtype=a.dtype, device=a.device)

    def times(x):
        return _ops.matmul(a, x) if m is None else _ops.matmul(a, x) - _ops.matmul(m, x)

    def adjoint_times(x):
        product = _ops.matmul(a.mH, x)
        return product if m is None else product - _ops.matmul(m.mH, x)

    basis = _ops.linalg_qr(times(guess))[0]
    for _ in range(niter):
        basis = _ops.linalg_qr(adjoint_times(basis))[0]
        basis = _ops.linalg_qr(times(basis))[0]
    return basis


def svd_lowrank(A, q=6, niter=2, M=None):  # noqa: N803
    """U, S, V of rank q with U diag(S) V^H close to A (less M, which broadcasts)."""
    q = 6 if q is None else q
    rows, columns = A.shape[-2:]
    if M is not None:
        M = M.expand(A.shape)  # noqa: N806
    flip = rows < columns
    if flip:
        A, M = A.mH, None if M is None else M.mH  # noqa: N806
    basis = _range(A, q, niter, M)
    inner = _ops.matmul(basis.mH, A)
    if M is not None:
        inner = inner - _ops.matmul(basis.mH, M)
    u, s, vh = _ops.linalg_svd(inner, False)
    u, v = _ops.matmul(basis, u), vh.mH
    return (v, s, u) if flip else (u, s, v)


def pca_lowrank(A, q=None, center=True, niter=2):  # noqa: N803
    """svd_lowrank of A with the means of its columns taken off."""
    rows, columns = A.shape[-2:]
    if q is None:
        q = min(6, rows, columns)
    elif not 0 <= q <= min(rows, columns):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(rows, columns)}")
    if not niter >= 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if center:
        A = A - A.mean(-2, True)  # noqa: N806
    return svd_lowrank(A, q, niter)
