"""nn.grad: gradients of convolutions, by transposed convolutions and by autograd of one operator."""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import Tensor

from . import functional as F

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]


def _wrt_input(f: Any, size: Any, weight: Tensor, grad_output: Tensor, *options: Any) -> Tensor:
    with rt.enable_grad():
        x = rt.zeros(size, dtype=weight.dtype, device=weight.device, requires_grad=True)
        out = f(x, weight.detach(), None, *options)
    return rt.autograd.grad(out, x, grad_output)[0]


def _wrt_weight(f: Any, input: Tensor, size: Any, grad_output: Tensor, *options: Any) -> Tensor:
    with rt.enable_grad():
        w = rt.zeros(size, dtype=input.dtype, device=input.device, requires_grad=True)
        out = f(input.detach(), w, None, *options)
    return rt.autograd.grad(out, w, grad_output)[0]


def conv1d_input(
    input_size: Any,
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient of conv1d with respect to an input of `input_size`."""
    return _wrt_input(F.conv1d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(
    input: Tensor,
    weight_size: Any,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient of conv1d with respect to a weight of `weight_size`."""
    return _wrt_weight(F.conv1d, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(
    input_size: Any,
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient of conv2d with respect to an input of `input_size`."""
    return _wrt_input(F.conv2d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(
    input: Tensor,
    weight_size: Any,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient of conv2d with respect to a weight of `weight_size`."""
    return _wrt_weight(F.conv2d, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(
    input_size: Any,
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient of conv3d with respect to an input of `input_size`."""
    return _wrt_input(F.conv3d, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(
    input: Tensor,
    weight_size: Any,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient of conv3d with respect to a weight of `weight_size`."""
    return _wrt_weight(F.conv3d, input, weight_size, grad_output, stride, padding, dilation, groups)
