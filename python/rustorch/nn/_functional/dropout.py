"""Dropout in all its forms."""

from __future__ import annotations

import warnings

import rustorch as rt
from rustorch import Tensor

from .._ops import op, op_or

_dropout = op("dropout")
_dropout_ = op("dropout_")
# the limit of ELU's negative side under SELU's constants: scale * alpha
_SELU_LIMIT = 1.7580993408473766


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero elements with probability `p` and scale the others by 1 / (1 - p)."""
    if not 0.0 <= p <= 1.0:
        _check(p)
    return _dropout_(input, p, training) if inplace else _dropout(input, p, training)


def _noise(input: Tensor, keep: float, feature: bool) -> Tensor:
    if not feature:
        return rt.empty_like(input).bernoulli_(keep)
    if input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = (*input.shape[:2], *([1] * (input.dim() - 2)))
    return rt.empty(shape, dtype=input.dtype, device=input.device).bernoulli_(keep)


def _feature_dropout(input: Tensor, p: float, training: bool) -> Tensor:
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input * rt.zeros_like(input)
    return input * _noise(input, 1 - p, True).div_(1 - p)


def _alpha(input: Tensor, p: float, training: bool, feature: bool) -> Tensor:
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return input * rt.zeros_like(input)
    noise = _noise(input, 1 - p, feature)
    a = 1.0 / ((_SELU_LIMIT**2 * p + 1) * (1 - p)) ** 0.5
    shift = (noise - 1).mul_(_SELU_LIMIT * a).add_(_SELU_LIMIT * a * p)
    return input * noise.mul_(a) + shift


_feature_op = op_or("feature_dropout", _feature_dropout)
_alpha_op = op_or("alpha_dropout", lambda x, p, t: _alpha(x, p, t, False))
_feature_alpha_op = op_or("feature_alpha_dropout", lambda x, p, t: _alpha(x, p, t, True))


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout to SELU's negative limit, keeping mean and variance."""
    _check(p)
    out = _alpha_op(input, p, training)
    return input.copy_(out) if inplace else out


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Alpha dropout of whole channels."""
    _check(p)
    out = _feature_alpha_op(input, p, training)
    return input.copy_(out) if inplace else out


def _channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    out = _feature_op(input, p, training)
    return input.copy_(out) if inplace else out


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L)."""
    _check(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. "
            "Note that dropout1d exists to provide channel-wise dropout on inputs with 1 "
            "spatial dimension, a channel dimension, and an optional batch dimension "
            "(i.e. 2D or 3D inputs)."
        )
    if input.dim() == 3:
        return _channels(input, p, training, inplace)
    if inplace:
        _channels(input.unsqueeze(0), p, training, True)
        return input
    return _channels(input.unsqueeze(0), p, training, False).squeeze(0)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, H, W)."""
    _check(p)
    if input.dim() not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated "
            "and will result in an error in a future release. To retain the behavior "
            "and silence this warning, please use dropout instead. Note that dropout2d "
            "exists to provide channel-wise dropout on inputs with 2 spatial dimensions, "
            "a channel dimension, and an optional batch dimension (i.e. 3D or 4D inputs).",
            stacklevel=2,
        )
    elif input.dim() == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise "
            "1D dropout behavior is desired - input is interpreted as shape (N, C, L), where C "
            "is the channel dim.",
            stacklevel=2,
        )
    return _channels(input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    _check(p)
    if input.dim() not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated "
            "and will result in an error in a future release.",
            stacklevel=2,
        )
    if input.dim() == 4:
        if inplace:
            _channels(input.unsqueeze(0), p, training, True)
            return input
        return _channels(input.unsqueeze(0), p, training, False).squeeze(0)
    return _channels(input, p, training, inplace)
