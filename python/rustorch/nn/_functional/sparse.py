"""Embeddings and bags of them."""

from __future__ import annotations

import math
import warnings
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .._ops import op

_embedding = op("embedding")


def _renorm(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows named in `index` down to `max_norm`, in place, outside autograd."""
    with rt.no_grad():
        rows = index.reshape(-1)
        norms = weight[rows].norm(norm_type, 1)
        scale = rt.where(norms > max_norm, max_norm / (norms + 1e-7), rt.ones_like(norms))
        weight[rows] = weight[rows] * scale.unsqueeze(1)


def _check_padding_idx(padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx + rows if padding_idx < 0 else padding_idx


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` (V, D) named by integer `input`: shape (*input, D)."""
    padding_idx = _check_padding_idx(padding_idx, weight.size(0))
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    return _embedding(weight, input, -1 if padding_idx is None else padding_idx, scale_grad_by_freq, sparse)


def _bag_starts(input: Tensor, offsets: Tensor, include_last_offset: bool) -> Tensor:
    """Bounds of the bags: (bags + 1) positions in `input`."""
    first, last = (rt._C._all_values(offsets[i]) for i in (0, -1))
    if (first != 0).any():
        raise rt.errors.ValueError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {int(first.max())}"
        )
    if int(last.max()) > input.size(0):
        raise rt.errors.ValueError(
            "offsets[-1] can not be greater than input's length "
            f"({input.size(0)}), but got offsets[-1] of {int(last.max())}"
        )
    if include_last_offset:
        return offsets
    end = rt.tensor([input.size(0)], dtype=offsets.dtype, device=offsets.device)
    return rt.cat([offsets, end])


def _check_bag(input: Tensor, offsets: Tensor | None, per_sample_weights: Tensor | None, mode: str) -> None:
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None:
        if input.shape != per_sample_weights.shape:
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({tuple(per_sample_weights.shape)}) is not "
                f"None, then it must have the same shape as the input ({tuple(input.shape)})"
            )
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                f"supported for mode='sum' (got mode='{mode}'). Please open a feature request on "
                "GitHub."
            )
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is "
                "a mini-batch of fixed length sequences. However, found offsets of "
                f"type {type(offsets)}"
            )
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sum, mean or maximum of the embeddings in each bag: (bags, D).

    `input` is (bags, n), or (total) with `offsets` (bags) saying where each bag starts.
    """
    if weight.dtype == rt.int64 and input.is_floating_point():
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is deprecated, "
            "and should now be `embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    _check_bag(input, offsets, per_sample_weights, mode)
    if padding_idx is not None:
        rows = weight.size(0)
        if not -rows <= padding_idx < rows:
            raise AssertionError("padding_idx must be within the number of embeddings")
        padding_idx %= rows
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    if input.dim() == 2:
        bags, n = input.shape
        starts = rt.arange(0, (bags + 1) * n, n, device=input.device) if n else None
        if starts is None:
            starts = rt.zeros(bags + 1, dtype=rt.int64, device=input.device)
        input = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
    else:
        assert offsets is not None
        starts = _bag_starts(input, offsets, include_last_offset)
    pad = -1 if padding_idx is None else padding_idx
    rows_of = _embedding(weight, input, pad, scale_grad_by_freq, sparse)
    keep = None if padding_idx is None else input != padding_idx
    if mode == "max":
        return _bag_max(rows_of, starts, keep)
    return _bag_sum(rows_of, starts, keep, per_sample_weights, mode == "mean")


def _bag_sum(rows: Tensor, starts: Tensor, keep: Tensor | None, weights: Tensor | None, mean: bool) -> Tensor:
    counts = starts[1:] - starts[:-1]
    bags = counts.size(0)
    places = rt.arange(rows.size(0), dtype=starts.dtype, device=rows.device)
    owner = rt.searchsorted(starts[1:].contiguous(), places, right=True)  # `bags` for rows behind the last bag
    if weights is not None:
        rows = rows * weights.unsqueeze(1)
    if keep is not None:
        rows = rows * keep.unsqueeze(1).to(rows.dtype)
        counts = rt.zeros(bags + 1, dtype=counts.dtype, device=rows.device)
        counts = counts.index_add(0, owner, keep.to(counts.dtype))[:bags]
    out = rt.zeros(bags + 1, rows.size(1), dtype=rows.dtype, device=rows.device)
    out = out.index_add(0, owner, rows)[:bags]
    return out / counts.clamp_min(1).unsqueeze(1).to(out.dtype) if mean else out


def _bag_max(rows: Tensor, starts: Tensor, keep: Tensor | None) -> Tensor:
    bounds: list[Any] = starts.tolist()
    out = []
    for a, b in zip(bounds[:-1], bounds[1:]):
        bag = rows[a:b] if keep is None else rows[a:b][keep[a:b]]
        if bag.size(0):
            if bag.size(0) > 1:  # nan is the largest where it comes first, and above nothing else
                bag = rt.cat([bag[:1], bag[1:].masked_fill(bag[1:].isnan(), -math.inf)])
            out.append(bag.max(0)[0])
        else:
            out.append(rt.zeros(rows.size(1), dtype=rows.dtype, device=rows.device))
    if not out:
        return rt.zeros(0, rows.size(1), dtype=rows.dtype, device=rows.device)
    return rt.stack(out)
