"""Products by groups, and helpers that torch.nn.functional exposes to libraries built on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rustorch as rt
from rustorch import Tensor

GRID_SAMPLE_INTERPOLATION_MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
GRID_SAMPLE_PADDING_MODES = {"zeros": 0, "border": 1, "reflection": 2}
# Notes that documentation of derived functions can quote, under PyTorch's keys.
reproducibility_notes = {
    "forward_reproducibility_note": "Results do not depend on the number of threads.",
    "backward_reproducibility_note": "Gradients do not depend on the number of threads.",
    "cudnn_reproducibility_note": "Results do not depend on the number of threads; cuDNN is not used.",
}
sparse_support_notes = {"sparse_beta_warning": "Sparse tensors: docs/sparse.md."}
tf32_notes = {"tf32_note": "float32 is computed in float32: TensorFloat-32 is not used."}


class _BroadcastingList:
    """An annotation: a list of numbers, or one number that stands for all of them."""

    def __getitem__(self, types: Any) -> None:
        return None


BroadcastingList1 = _BroadcastingList()
BroadcastingList2 = _BroadcastingList()
BroadcastingList3 = _BroadcastingList()


def boolean_dispatch(
    arg_name: str,
    arg_index: int,
    default: bool,
    if_true: Callable[..., Any],
    if_false: Callable[..., Any],
    module_name: str | None,
    func_name: str | None,
) -> Callable[..., Any]:
    """A function that calls `if_true` or `if_false`, depending on one of its arguments."""
    if if_true.__doc__ is not None and if_false.__doc__ is not None:
        raise RuntimeError("only one function can have a docstring")

    def fn(*args: Any, **kwargs: Any) -> Any:
        flag = kwargs.get(arg_name, args[arg_index] if arg_index < len(args) else default)
        return if_true(*args, **kwargs) if flag else if_false(*args, **kwargs)

    fn.__doc__ = if_true.__doc__ or if_false.__doc__
    fn.__module__ = module_name or fn.__module__
    fn.__name__ = func_name or fn.__name__
    return fn


def _ranges(offs: Tensor, size: int) -> list[tuple[int, int]]:
    ends = [int(e) for e in offs.tolist()]
    starts = [0, *ends[:-1]]
    if any(b < a for a, b in zip(starts, ends)) or (ends and ends[-1] > size):
        raise RuntimeError(f"grouped_mm(): offs must increase and stay within {size}; got {ends}")
    return list(zip(starts, ends))


def grouped_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    *,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: Any = None,
) -> Tensor:
    """One product for each group: what a mixture of experts computes.

    (G, M, K) @ (G, K, N) needs no `offs`. A two-dimensional operand is cut at `offs` (the ends of the groups): the
    rows of (M, K) against (G, K, N) give (M, N), the columns of (K, N) under (G, M, K) give (M, N), and the shared
    dimension of (M, K) @ (K, N) gives (G, M, N).
    """
    if mat_a.dim() not in (2, 3) or mat_b.dim() not in (2, 3):
        raise RuntimeError(f"grouped_mm(): operands must be 2D or 3D; got {mat_a.dim()}D and {mat_b.dim()}D")
    both = mat_a.dim() == 3 and mat_b.dim() == 3
    if both != (offs is None):
        raise RuntimeError("grouped_mm(): offs is needed exactly when an operand is 2D")
    if out_dtype is not None:
        mat_a, mat_b = mat_a.to(out_dtype), mat_b.to(out_dtype)
    if offs is None:
        out = mat_a.bmm(mat_b)
    elif mat_a.dim() == 2 and mat_b.dim() == 2:
        out = rt.stack([mat_a[:, i:j] @ mat_b[i:j] for i, j in _ranges(offs, mat_a.size(1))])
    else:
        rows = mat_a.dim() == 2
        size = mat_a.size(0) if rows else mat_b.size(1)
        groups = mat_b.size(0) if rows else mat_a.size(0)
        if groups != offs.numel():
            raise RuntimeError(f"grouped_mm(): {groups} groups but {offs.numel()} offsets")
        parts = []
        end = 0
        for g, (i, end) in enumerate(_ranges(offs, size)):
            parts.append(mat_a[i:end] @ mat_b[g] if rows else mat_a[g] @ mat_b[:, i:end])
        rest = (size - end, mat_b.size(2)) if rows else (mat_a.size(1), size - end)
        parts.append(rt.zeros(rest, dtype=mat_a.dtype, device=mat_a.device))
        out = rt.cat(parts, 0 if rows else 1)
    return out if bias is None else out + bias
