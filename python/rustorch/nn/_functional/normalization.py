"""Normalization: argument order and size checks of PyTorch's functional forms."""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import Tensor

from .._ops import op

_batch_norm = op("batch_norm")
_instance_norm = op("instance_norm")
_layer_norm = op("layer_norm")
_group_norm = op("group_norm")
_rms_norm = op("rms_norm")
_pad = op("pad")
_avg_pool2d = op("avg_pool2d")
_avg_pool3d = op("avg_pool3d")


def check_batch_size(size: Any, what: str = "training") -> None:
    """More than one value per channel is needed, else ValueError."""
    count = size[0]
    for s in size[2:]:
        count *= s
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when {what}, got input size {size}")


def check_batch_eps(eps: float, training: bool) -> None:
    """ValueError for an eps that can divide by zero."""
    if training:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if eps < 0.0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize (N, C, ...) over all but the channel dim; updates the running statistics."""
    if training:
        check_batch_size(input.shape)
    if eps <= 0.0:
        check_batch_eps(eps, training)
    return _batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize (N, C, ...) over the spatial dims of each sample and channel."""
    if use_input_stats:
        size = input.shape
        count = 1
        for s in size[2:]:
            count *= s
        if count == 1:
            raise ValueError(f"Expected more than 1 spatial element when training, got input size {size}")
    if eps <= 0.0:
        raise ValueError(f"instance_norm eps must be positive, but got {eps}")
    return _instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the trailing dims `normalized_shape`."""
    return _layer_norm(input, normalized_shape, weight, bias, eps)


def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """x / sqrt(mean(x^2) + eps) over the trailing dims `normalized_shape`."""
    return _rms_norm(input, normalized_shape, weight, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize (N, C, ...) over groups of channels."""
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    size = input.shape
    if num_groups and size[1] % num_groups == 0:
        per_group = size[0] * size[1] // num_groups
        for s in size[2:]:
            per_group *= s
        if per_group == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")
    return _group_norm(input, num_groups, weight, bias, eps)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha * mean of x^2 over `size` neighbouring channels) ** beta."""
    dim = input.dim()
    if dim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {dim} dimensions)")
    if input.numel() == 0:
        return input
    square = input.mul(input).unsqueeze(1)
    before, after = size // 2, (size - 1) // 2
    if dim == 3:
        square = _pad(square, (0, 0, before, after))
        mean = _avg_pool2d(square, (size, 1), 1).squeeze(1)
    else:
        shape = input.shape
        square = square.reshape(shape[0], 1, shape[1], shape[2], -1)
        square = _pad(square, (0, 0, 0, 0, before, after))
        mean = _avg_pool3d(square, (size, 1, 1), 1).squeeze(1).reshape(shape)
    return input / mean.mul(alpha).add(k).pow(beta)


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """x / max(norm_p(x), eps) along `dim`."""
    norm = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    if out is None:
        return input / norm
    return rt.div(input, norm, out=out)
