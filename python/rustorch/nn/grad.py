"""nn.grad: gradients of convolutions with respect to input or weight, by autograd of one operator."""

from __future__ import annotations

from collections.abc import Callable
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


def _gradients(conv: Any, name: str) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The two functions of a convolution."""

    def wrt_input(
        input_size: Any,
        weight: Tensor,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        with rt.enable_grad():
            x = rt.zeros(input_size, dtype=weight.dtype, device=weight.device, requires_grad=True)
            out = conv(x, weight.detach(), None, stride, padding, dilation, groups)
        return rt.autograd.grad(out, x, grad_output)[0]

    def wrt_weight(
        input: Tensor,
        weight_size: Any,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        with rt.enable_grad():
            w = rt.zeros(weight_size, dtype=input.dtype, device=input.device, requires_grad=True)
            out = conv(input.detach(), w, None, stride, padding, dilation, groups)
        return rt.autograd.grad(out, w, grad_output)[0]

    wrt_input.__doc__ = f"Gradient of {name} with respect to an input of `input_size`."
    wrt_weight.__doc__ = f"Gradient of {name} with respect to a weight of `weight_size`."
    wrt_input.__name__ = wrt_input.__qualname__ = name + "_input"
    wrt_weight.__name__ = wrt_weight.__qualname__ = name + "_weight"
    return wrt_input, wrt_weight


conv1d_input, conv1d_weight = _gradients(F.conv1d, "conv1d")
conv2d_input, conv2d_weight = _gradients(F.conv2d, "conv2d")
conv3d_input, conv3d_weight = _gradients(F.conv3d, "conv3d")
