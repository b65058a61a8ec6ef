"""Padding layers: the padding is one number for all sides, or (left, right, top, bottom, ...)."""

from __future__ import annotations

from typing import Any

from rustorch import Tensor

from .._ops import op
from .._sizes import _ntuple
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]

_pad = op("pad")


class _PadNd(Module):
    """A padding of `_n` dimensions in mode `_mode`."""

    __constants__ = ["padding"]
    _n = 1
    _mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = _ntuple(2 * self._n)(padding)

    def forward(self, input: Tensor) -> Tensor:
        return _pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    """Padding with `value`."""

    __constants__ = ["padding", "value"]

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return _pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _CircularPadNd(_PadNd):
    """Padding with the opposite side; the number of dims is checked."""

    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        n = self._n
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")
        return _pad(input, self.padding, "circular")


class ConstantPad1d(_ConstantPadNd):
    """Pad (N, C, L) with a constant."""

    _n = 1


class ConstantPad2d(_ConstantPadNd):
    """Pad (N, C, H, W) with a constant."""

    _n = 2


class ConstantPad3d(_ConstantPadNd):
    """Pad (N, C, D, H, W) with a constant."""

    _n = 3


class ZeroPad1d(ConstantPad1d):
    """Pad (N, C, L) with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Pad (N, C, H, W) with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Pad (N, C, D, H, W) with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_PadNd):
    """Pad (N, C, L) by reflection at the border, which is not repeated."""

    _n = 1
    _mode = "reflect"


class ReflectionPad2d(_PadNd):
    """Pad (N, C, H, W) by reflection at the border, which is not repeated."""

    _n = 2
    _mode = "reflect"


class ReflectionPad3d(_PadNd):
    """Pad (N, C, D, H, W) by reflection at the border, which is not repeated."""

    _n = 3
    _mode = "reflect"


class ReplicationPad1d(_PadNd):
    """Pad (N, C, L) with copies of the border."""

    _n = 1
    _mode = "replicate"


class ReplicationPad2d(_PadNd):
    """Pad (N, C, H, W) with copies of the border."""

    _n = 2
    _mode = "replicate"


class ReplicationPad3d(_PadNd):
    """Pad (N, C, D, H, W) with copies of the border."""

    _n = 3
    _mode = "replicate"


class CircularPad1d(_CircularPadNd):
    """Pad (N, C, L) with the opposite side."""

    _n = 1


class CircularPad2d(_CircularPadNd):
    """Pad (N, C, H, W) with the opposite side."""

    _n = 2


class CircularPad3d(_CircularPadNd):
    """Pad (N, C, D, H, W) with the opposite side."""

    _n = 3
