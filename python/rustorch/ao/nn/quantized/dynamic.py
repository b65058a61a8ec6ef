"""Linear layers with weights of few bits; what they are given is quantized as it comes.

The arithmetic is that of PyTorch's layer: weights are int8 with one symmetric scale, the input becomes 7-bit integers
between its least and largest element, products are summed in int32. No gradients flow through these layers.
"""

from __future__ import annotations

import math
from typing import Any

from .... import _int_mm, add, aminmax, empty, float16, float32, full, int8, int32, no_grad, qint8, zeros
from ...._C import Tensor
from ....nn import Module
from ....nn import functional as F

__all__ = ["Linear"]

_LEVELS = 127  # of the input: products of 7 and 8 bits can be added in pairs in 16 bits on any processor
_SMALLEST = 6.1e-5  # scale of an input


def _input_scale(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point with which the integers 0 ... 127 span [low, high] and 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError("quantized linear: the input must be finite to be quantized")
    scale = (high - low) / _LEVELS
    if scale == 0.0:
        scale = 0.1
    if scale < _SMALLEST:
        low, high = low * (_SMALLEST / scale), high * (_SMALLEST / scale)
        scale = _SMALLEST
    exact = -low / scale if abs(low) < _LEVELS * scale + abs(high) else _LEVELS - high / scale
    return scale, round(min(max(exact, 0.0), float(_LEVELS)))


class Linear(Module):
    """y = x W^T + b with W in int8 (or float16, then multiplied in float32).

    Made from a float layer by `from_float` or by `quantize_dynamic`. `weight()` is the float32 matrix that the integers
    stand for; the state holds `weight_values` (int8 or float16), `weight_scale` and `bias_values`.
    """

    weight_values: Tensor
    weight_scale: Tensor
    bias_values: Tensor | None

    def __init__(self, in_features: int, out_features: int, bias_: bool = True, dtype: Any = qint8) -> None:
        super().__init__()
        if dtype is not qint8 and dtype != float16:
            raise RuntimeError(
                f"The only supported dtypes for dynamic quantized linear are qint8 and float16, got: {dtype}"
            )
        self.in_features, self.out_features, self.dtype = in_features, out_features, dtype
        self.register_buffer(
            "weight_values", zeros(out_features, in_features, dtype=int8 if dtype is qint8 else float16)
        )
        self.register_buffer("weight_scale", zeros(()) + 1)
        self.register_buffer("bias_values", zeros(out_features) if bias_ else None)
        self._fixed: tuple[Any, ...] | None = None

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False, dtype: Any = qint8) -> Linear:
        """The layer with the rounded weights of a float one."""
        made = cls(mod.in_features, mod.out_features, mod.bias is not None, dtype)
        with no_grad():
            weight = mod.weight.detach().to(float32)
            if dtype is qint8:
                largest = float(weight.abs().max()) if weight.numel() else 0.0
                made.weight_scale.fill_(max(largest / 127.5, 2.0**-23))
                weight = (weight / made.weight_scale).round_().clamp_(-128, 127)
            made.weight_values.copy_(weight)
            if mod.bias is not None and made.bias_values is not None:
                made.bias_values.copy_(mod.bias)
        made.training = False
        return made

    def weight(self) -> Tensor:
        """The weights in float32."""
        return self.weight_values.to(float32) * self.weight_scale

    def bias(self) -> Tensor | None:
        return self.bias_values

    def _constants(self) -> tuple[Any, ...]:
        """What the state fixes: the transposed view, sums of rows, the scale. Made again when the state changes."""
        key = (self.weight_values._version, id(self.weight_values), self.weight_scale._version)
        if self._fixed is None or self._fixed[0] != key:
            sums = self.weight_values.sum(1, dtype=int32)
            self._fixed = (key, self.weight_values.t(), sums, float(self.weight_scale))
        return self._fixed

    def forward(self, x: Tensor) -> Tensor:
        with no_grad():
            given = x if x.dtype == float32 else x.to(float32)
            if self.dtype is not qint8:
                return F.linear(given, self.weight_values.to(float32), self.bias_values).to(x.dtype)
            if given.numel() == 0:
                return empty((*x.shape[:-1], self.out_features), dtype=x.dtype).zero_()
            _, transposed, sums, weight_scale = self._constants()
            low, high = aminmax(given)
            scale, zero = _input_scale(float(low), float(high))
            integers = add(full((), float(zero)), given, alpha=1.0 / scale).clamp_(0, _LEVELS).round_().to(int8)
            products = _int_mm(integers.reshape(-1, self.in_features), transposed)
            if zero != 0:
                products -= sums * zero
            y = products.to(float32)
            if self.bias_values is None:
                y *= scale * weight_scale
            else:
                y = add(self.bias_values, y, alpha=scale * weight_scale)
            return y.reshape((*x.shape[:-1], self.out_features)).to(x.dtype)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_fixed": None}

    def _get_name(self) -> str:
        return "DynamicQuantizedLinear"

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, dtype={self.dtype}"
