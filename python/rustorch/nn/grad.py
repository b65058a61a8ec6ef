"""nn.grad: gradients of convolutions with respect to input or weight, from the operator that backward() calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch import Tensor

from ._ops import op
from ._sizes import _ntuple

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]

_backward = op("_convolution_backward")


def _gradients(n: int) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The two functions of the convolution in n dims."""
    many = _ntuple(n)

    def backward(grad: Tensor, input: Tensor, weight: Tensor, *sizes: Any, wanted: int) -> Tensor:
        stride, padding, dilation, groups = sizes
        mask = (wanted == 0, wanted == 1, False)
        sizes = (many(stride), many(padding), many(dilation), False, (0,) * n, groups)
        return _backward(grad, input, weight, *sizes, *mask)[wanted]

    def wrt_input(
        input_size: Any,
        weight: Tensor,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        input = grad_output.new_empty(1).expand(input_size)  # the gradient depends on its size only
        return backward(grad_output, input, weight, stride, padding, dilation, groups, wanted=0)

    def wrt_weight(
        input: Tensor,
        weight_size: Any,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        weight = grad_output.new_empty(1).expand(weight_size)
        return backward(grad_output, input, weight, stride, padding, dilation, groups, wanted=1)

    for f, what in ((wrt_input, "input"), (wrt_weight, "weight")):
        f.__name__ = f.__qualname__ = f"conv{n}d_{what}"
        f.__doc__ = f"Gradient of conv{n}d with respect to the {what}, of size `{what}_size`."
    return wrt_input, wrt_weight


conv1d_input, conv1d_weight = _gradients(1)
conv2d_input, conv2d_weight = _gradients(2)
conv3d_input, conv3d_weight = _gradients(3)
