"""Convolutions and transposed convolutions in 1 to 3 dimensions, and their lazy forms."""

from __future__ import annotations

import math
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .. import init
from .._ops import op
from .._sizes import _ntuple, _reverse_repeat_tuple
from ..parameter import Parameter, UninitializedParameter
from .lazy import LazyModuleMixin
from .module import Module

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]

_pad = op("pad")
_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share: checks, parameters, initialisation, text."""

    __constants__ = [
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
        "output_padding",
        "in_channels",
        "out_channels",
        "kernel_size",
    ]
    _n = 0
    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: Any,
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {set(_PADDING_MODES)}, but got padding_mode='{padding_mode}'"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        if isinstance(padding, str):
            around = [0] * (2 * len(kernel_size))
            if padding == "same":
                for d, k, i in zip(dilation, kernel_size, range(len(kernel_size) - 1, -1, -1)):
                    total = d * (k - 1)
                    around[2 * i] = total // 2
                    around[2 * i + 1] = total - total // 2
            self._reversed_padding_repeated_twice: Any = around
        else:
            self._reversed_padding_repeated_twice = _reverse_repeat_tuple(padding, 2)
        self._zero_padding = (0,) * len(kernel_size)
        lead = (
            (in_channels, out_channels // groups)
            if transposed
            else (
                out_channels,
                in_channels // groups,
            )
        )
        self.weight = Parameter(rt.empty((*lead, *kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(rt.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights and biases from U(-k, k), k = 1 / sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        n = len(self.kernel_size)
        s = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * n:
            s += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            s += f", dilation={self.dilation}"
        if self.output_padding != (0,) * n:
            s += f", output_padding={self.output_padding}"
        if self.groups != 1:
            s += f", groups={self.groups}"
        if self.bias is None:
            s += ", bias=False"
        if self.padding_mode != "zeros":
            s += f", padding_mode={self.padding_mode}"
        return s

    def _padded(self, input: Tensor) -> Tensor:
        return _pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)


class _Conv(_ConvNd):
    """The constructor and the call of the plain convolutions."""

    _operator: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        many = _ntuple(self._n)
        super().__init__(
            in_channels,
            out_channels,
            many(kernel_size),
            many(stride),
            padding if isinstance(padding, str) else many(padding),
            many(dilation),
            False,
            (0,) * self._n,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = self._padded(input), self._zero_padding
        return self._operator(input, weight, bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """(N, in_channels, L) -> (N, out_channels, L'); N may be absent.

    weight (out_channels, in_channels / groups, kernel).  `padding` is a number, or 'same' or
    'valid'.  ValueError for bad groups, padding and padding_mode.
    """

    _n = 1
    _operator = staticmethod(op("conv1d"))


class Conv2d(_Conv):
    """(N, in_channels, H, W) -> (N, out_channels, H', W'); N may be absent.

    weight (out_channels, in_channels / groups, kh, kw).
    """

    _n = 2
    _operator = staticmethod(op("conv2d"))


class Conv3d(_Conv):
    """(N, in_channels, D, H, W) -> (N, out_channels, D', H', W'); N may be absent.

    weight (out_channels, in_channels / groups, kd, kh, kw).
    """

    _n = 3
    _operator = staticmethod(op("conv3d"))


class _ConvTransposeNd(_ConvNd):
    """The constructor and output size of the transposed convolutions."""

    _operator: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        many = _ntuple(self._n)
        super().__init__(
            in_channels,
            out_channels,
            many(kernel_size),
            many(stride),
            many(padding),
            many(dilation),
            True,
            many(output_padding),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding(self, input: Tensor, output_size: Any) -> Any:
        if output_size is None:
            return self.output_padding
        n = self._n
        lead = input.dim() - n
        size = list(output_size)
        if len(size) == lead + n:
            size = size[lead:]
        if len(size) != n:
            raise ValueError(
                f"ConvTranspose{n}d: for {input.dim()}D input, output_size must have {n} or "
                f"{lead + n} elements (got {len(size)})"
            )
        extra = []
        for d in range(n):
            low = (
                (input.size(d + lead) - 1) * self.stride[d]
                - 2 * self.padding[d]
                + self.dilation[d] * (self.kernel_size[d] - 1)
                + 1
            )
            high = low + self.stride[d] - 1
            if not low <= size[d] <= high:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes in dim {d} range "
                    f"from {low} to {high} (for an input of {tuple(input.shape[lead:])})"
                )
            extra.append(size[d] - low)
        return extra

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        return self._operator(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._output_padding(input, output_size),
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """(N, in_channels, L) -> (N, out_channels, L'); weight (in, out / groups, k)."""

    _n = 1
    _operator = staticmethod(op("conv_transpose1d"))


class ConvTranspose2d(_ConvTransposeNd):
    """(N, in_channels, H, W) -> (N, out_channels, H', W'); weight (in, out / groups, kh, kw)."""

    _n = 2
    _operator = staticmethod(op("conv_transpose2d"))


class ConvTranspose3d(_ConvTransposeNd):
    """(N, in_channels, D, H, W) -> (N, out_channels, D', H', W')."""

    _n = 3
    _operator = staticmethod(op("conv_transpose3d"))


class _LazyConvMixin(LazyModuleMixin):
    """Takes in_channels from the first input."""

    _n: int
    groups: int
    transposed: bool
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    weight: Any
    bias: Any

    def _make_lazy(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw new weights and biases, once there are any."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take in_channels from `input`."""
        if not self.has_uninitialized_params():
            if self.in_channels == 0:  # the weight was loaded
                self.in_channels = self.weight.shape[0] if self.transposed else self.weight.shape[1] * self.groups
            return
        if input.dim() not in (self._n + 1, self._n + 2):
            raise RuntimeError(
                f"Expected {self._n + 1}D (unbatched) or {self._n + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        self.in_channels = input.shape[-self._n - 1]
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        with rt.no_grad():
            lead = (self.in_channels, self.out_channels // self.groups)
            if not self.transposed:
                lead = (self.out_channels, self.in_channels // self.groups)
            self.weight.materialize((*lead, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()


class _LazyConv(_LazyConvMixin):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._make_lazy(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvMixin):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode)
        self._make_lazy(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):  # type: ignore[misc]
    """Conv1d whose in_channels is taken from the first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):  # type: ignore[misc]
    """Conv2d whose in_channels is taken from the first input."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):  # type: ignore[misc]
    """Conv3d whose in_channels is taken from the first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):  # type: ignore[misc]
    """ConvTranspose1d whose in_channels is taken from the first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):  # type: ignore[misc]
    """ConvTranspose2d whose in_channels is taken from the first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):  # type: ignore[misc]
    """ConvTranspose3d whose in_channels is taken from the first input."""

    cls_to_become = ConvTranspose3d
