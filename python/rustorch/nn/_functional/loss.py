"""Losses over the compiled operators: legacy arguments, size checks, reductions."""

from __future__ import annotations

import math
import warnings
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .._ops import float32_under_autocast, op
from . import composed

_mse = op("mse_loss")
_l1 = op("l1_loss")
_smooth_l1 = op("smooth_l1_loss")
_huber = op("huber_loss")
_bce = op("binary_cross_entropy")
_bce_logits = op("binary_cross_entropy_with_logits")
_nll = op("nll_loss")
_cross_entropy = op("cross_entropy")
_kl_div = op("kl_div")
_REDUCTIONS = ("none", "mean", "sum")


def legacy_reduction(
    size_average: bool | None, reduce: bool | None, emit_warning: bool = True, stacklevel: int = 3
) -> str:
    """The `reduction` that the deprecated pair of flags stands for."""
    if reduce is False:
        name = "none"
    else:
        name = "sum" if size_average is False else "mean"
    if emit_warning:
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{name}' instead.",
            stacklevel=stacklevel,
        )
    return name


def _reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """`reduction`, unless the caller of a loss gave the deprecated flags."""
    return (
        reduction if size_average is None and reduce is None else legacy_reduction(size_average, reduce, stacklevel=4)
    )


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _check_reduction(reduction: str) -> None:
    if reduction not in _REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")


def _same_sizes(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both of one size, with a warning where they were not. Before promotion: a 0-d tensor then counts in full."""
    if input.shape == target.shape:
        return input, target
    warnings.warn(
        f"Using a target size ({target.size()}) that is different to the input size "
        f"({input.size()}). This will likely lead to incorrect results due to broadcasting. "
        "Please ensure they have the same size.",
        stacklevel=3,
    )
    first, second = rt.broadcast_tensors(input, target)
    return first, second


def _weighted(loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    _check_reduction(reduction)
    if weight.size() != loss.size():
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    if reduction == "mean":
        return loss.sum() / weight.sum()
    return _reduce(loss, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)^2, reduced; with `weight` (same shape) the weighted mean or sum."""
    input, target = _same_sizes(input, target)
    reduction = _reduction(reduction, size_average, reduce)
    if weight is not None:
        return _weighted(_mse(input, target, reduction="none"), weight, reduction)
    return _mse(input, target, reduction=reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, reduced; with `weight` (same shape) the weighted mean or sum."""
    input, target = _same_sizes(input, target)
    reduction = _reduction(reduction, size_average, reduce)
    if weight is not None:
        return _weighted(_l1(input, target, reduction="none"), weight, reduction)
    return _l1(input, target, reduction=reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d^2 / (2 beta) where d = |input - target| < beta, else d - beta / 2; reduced."""
    input, target = _same_sizes(input, target)
    reduction = _reduction(reduction, size_average, reduce)
    if beta == 0.0:
        return _l1(input, target, reduction=reduction)
    return _smooth_l1(input, target, reduction=reduction, beta=beta)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d^2 / 2 where d = |input - target| < delta, else delta * (d - delta / 2); reduced."""
    input, target = _same_sizes(input, target)
    if weight is not None:
        if weight.size() != input.size():
            raise ValueError("Weights and input must have the same size.")
        return _reduce(_huber(input, target, reduction="none", delta=delta) * weight, reduction)
    return _huber(input, target, reduction=reduction, delta=delta)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Cross entropy of probabilities `input` in [0, 1] and targets of the same shape."""
    reduction = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}) is deprecated. Please ensure they have the same size."
        )
    if weight is not None:
        weight = weight.expand(rt.broadcast_shapes(weight.shape, target.shape))
    return _bce(input, target, weight=weight, reduction=reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Cross entropy of logits `input` and targets of the same shape, computed stably."""
    reduction = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    return _bce_logits(input, target, weight=weight, pos_weight=pos_weight, reduction=reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood of log-probabilities (N, C, ...) and class indices (N, ...)."""
    reduction = _reduction(reduction, size_average, reduce)
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError(f"expected scalar type {input.dtype} but found {weight.dtype}")
    return _nll(input, target, weight=weight, ignore_index=ignore_index, reduction=reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy of logits (N, C, ...) and class indices (N, ...) or probabilities."""
    reduction = _reduction(reduction, size_average, reduce)
    return _cross_entropy(
        input,
        target,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Kullback-Leibler divergence; `input` holds log-probabilities, `target` as `log_target`."""
    reduction = _reduction(reduction, size_average, reduce)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next major "
            "release.",
            stacklevel=2,
        )
    if reduction == "batchmean":
        loss = _kl_div(input, target, reduction="sum", log_target=log_target)
        return loss / input.size(0) if input.dim() else loss
    return _kl_div(input, target, reduction=reduction, log_target=log_target)


@float32_under_autocast
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood of counts `target` for a Poisson rate (or its log)."""
    reduction = _reduction(reduction, size_average, reduce)
    _check_reduction(reduction)
    if log_input:
        loss = input.exp() - target * input
    else:
        loss = input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return _reduce(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood of `target` for a Gaussian of mean `input` and variance `var`.

    `var` is a number, of the input's shape, or of it without (or with 1 as) the last dim.
    """
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * rt.ones_like(input)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif not (
            input.dim() == var.dim() and sum(a != b for a, b in zip(input.shape, var.shape)) == 1 and 1 in var.shape
        ):
            raise ValueError("var is of incorrect size")
    _check_reduction(reduction)
    var = var.clone()
    with rt.no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduce(loss, reduction)


@float32_under_autocast
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where target = 1, max(0, margin - input) where target = -1; reduced."""
    reduction = _reduction(reduction, size_average, reduce)
    zero = rt.zeros_like(input)
    most = margin if input.is_floating_point() or input.is_complex() else int(margin)  # a loss of integers is one
    away = rt.where(target == 1, zero, (most - input).clamp_min(0))
    near = rt.where(target == -1, zero, input)
    return _reduce(away + near, reduction)


@float32_under_autocast
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where target = 1, max(0, cos - margin) where target = -1; inputs (N, D) or (D)."""
    reduction = _reduction(reduction, size_average, reduce)
    if target.dim() not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.dim() == 1:
        if input1.dim() != 2:
            raise RuntimeError(
                "1D target tensor expects 2D input tensors, but found inputs with sizes "
                f"{list(input1.shape)} and {list(input2.shape)}."
            )
    elif input1.dim() != 1:
        raise RuntimeError(
            "0D target tensor expects 1D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    eps = 1e-12
    dot = (input1 * input2).sum(-1)
    cos = dot / ((input1.square().sum(-1) + eps) * (input2.square().sum(-1) + eps)).sqrt()
    zero = rt.zeros_like(cos)
    loss = rt.where(target == 1, 1 - cos, zero) + rt.where(target == -1, (cos - margin).clamp_min(0), zero)
    return _reduce(loss, reduction)


@float32_under_autocast
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target * (input1 - input2) + margin), reduced; all of the same number of dims."""
    reduction = _reduction(reduction, size_average, reduce)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return _reduce((-target * (input1 - input2) + margin).clamp_min(0), reduction)


@float32_under_autocast
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target * input)), reduced; target of 1 and -1."""
    reduction = _reduction(reduction, size_average, reduce)
    _check_reduction(reduction)
    return _reduce((-target * input).exp().log1p(), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross entropy of logits (N, C), averaged over C, then reduced."""
    reduction = _reduction(reduction, size_average, reduce)
    f = rt.nn.functional.logsigmoid
    loss = -(target * f(input) + (1 - target) * f(-input))
    if weight is not None:
        loss = loss * weight
    return _reduce(loss.sum(-1) / input.size(-1), reduction)


@float32_under_autocast
def _positive_part(z: Tensor) -> Tensor:
    """z where it is above 0, else 0, also of nan; no gradient at 0."""
    return rt.where(z > 0, z, 0)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum over i != y of max(0, margin - x[y] + x[i])^p / C; x (N, C) or (C), p 1 or 2."""
    reduction = _reduction(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    if input.dim() > 2 or (input.dim() == 2 and input.size(1) == 0):
        raise RuntimeError(f"multi_margin_loss(): expected a non-empty vector or matrix; got {list(input.shape)}")
    batched = input.dim() == 2
    x = input if batched else input.reshape(1, -1)
    y = target.reshape(-1, 1)
    if y.size(0) != x.size(0):
        raise RuntimeError(f"inconsistent target size, expected {x.size(0)} but got {list(target.shape)}")
    seen = rt._C._all_values(y)
    if y.numel() and not (0 <= int(seen.min()) and int(seen.max()) < x.size(1)):
        raise RuntimeError("multi_margin_loss(): target out of range")
    z = _positive_part(margin - x.gather(1, y) + x)
    if p == 2:
        z = z * z
    if weight is not None:
        z = z * weight[y]
    mask = rt.ones_like(z).scatter_(1, y, 0.0)
    loss = (z * mask).sum(1) / x.size(1)
    if reduction == "none" and not batched:
        return loss.squeeze(0)
    return _reduce(loss, reduction)


@float32_under_autocast
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum over labels y and other classes i of max(0, 1 - x[y] + x[i]) / C.

    x is (N, C) or (C); target has the same shape and lists classes up to the first -1.
    """
    reduction = _reduction(reduction, size_average, reduce)
    if input.dim() > 2 or target.shape != input.shape:
        raise RuntimeError(
            f"multilabel_margin_loss(): inconsistent target size {list(target.shape)} for input "
            f"of size {list(input.shape)}"
        )
    classes = input.size(-1) if input.dim() else 1
    x = input.reshape(-1, classes)
    y = target.reshape(-1, classes)
    seen = rt._C._all_values(y)
    if y.numel() and not (-1 <= int(seen.min()) and int(seen.max()) < classes):
        raise RuntimeError("multilabel_margin_loss(): target out of range")
    valid = (y >= 0).to(rt.int64).cumprod(1).to(rt.bool)
    index = y.clamp_min(0)
    counts = rt.zeros_like(x).scatter_add_(1, index, valid.to(x.dtype))
    is_other = (counts == 0).to(x.dtype).unsqueeze(1)
    z = _positive_part(1 - x.gather(1, index).unsqueeze(2) + x.unsqueeze(1))
    loss = (z * is_other * valid.to(x.dtype).unsqueeze(2)).sum((1, 2)) / classes
    if reduction == "none" and input.dim() < 2:
        return loss.squeeze(0)
    return _reduce(loss, reduction)


@float32_under_autocast
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with the p-norm distance."""
    reduction = _reduction(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return rt.nn.functional.pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=distance,
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Triplet loss with any distance of two tensors (default: pairwise_distance)."""
    _check_reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    d = rt.nn.functional.pairwise_distance if distance_function is None else distance_function
    dims = (anchor.dim(), positive.dim(), negative.dim())
    if not dims[0] == dims[1] == dims[2]:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {dims[0]}D, positive {dims[1]}D, and negative "
            f"{dims[2]}D inputs"
        )
    near, far = d(anchor, positive), d(anchor, negative)
    if swap:
        far = rt.minimum(far, d(positive, negative))
    return _reduce((margin + near - far).clamp_min(0), reduction)


@float32_under_autocast
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification: log_probs (T, N, C), targets (N, S) or (sum S)."""
    return composed.ctc_loss(
        log_probs,
        targets,
        input_lengths,
        target_lengths,
        blank=blank,
        reduction=reduction,
        zero_infinity=zero_infinity,
    )


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target).

    linear_weight is (classes, *out_features, in_features): the logits are (N, classes,
    *out_features), without N for a one-dimensional input.
    """
    shape = linear_weight.shape
    if len(shape) > 2 and input.dim() < 2:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(shape)} requires batched input; "
            f"got input of shape {tuple(input.shape)}"
        )
    linear_weight = linear_weight.reshape(-1, shape[-1])
    if linear_bias is not None:
        linear_bias = linear_bias.reshape(-1)
    dtype = input.dtype
    if options is not None and dtype in (rt.float16, rt.bfloat16):  # options ask for accumulation in float32
        input, linear_weight = input.float(), linear_weight.float()
        linear_bias = None if linear_bias is None else linear_bias.float()
        weight = None if weight is None else weight.float()
        target = target.float() if target.is_floating_point() else target
    logits = rt.nn.functional.linear(input, linear_weight, linear_bias)
    loss = _cross_entropy(
        logits.reshape(*input.shape[:-1], *shape[:-1]),
        target,
        weight=weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
    return loss.to(dtype)
