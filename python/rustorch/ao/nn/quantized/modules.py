"""Layers of statically quantized models: quantized tensors in, quantized tensors out, weights as qint8.

Products are computed on the dequantized numbers in float32 and rounded once; PyTorch sums integers. The results are the
same but for the last integer where a sum lies in the middle between two.
"""

from __future__ import annotations

from typing import Any

from .... import (
    float32,
    int64,
    nn,
    no_grad,
    qint8,
    quantize_per_channel,
    quantize_per_tensor,
    quint8,
    tensor,
)
from ...._C import Tensor
from ...._quantized import per_channel_affine, per_channel_symmetric


class Quantize(nn.Module):
    """Floats to a quantized tensor with a fixed scale and zero point."""

    def __init__(self, scale: Any, zero_point: Any, dtype: Any = quint8, factory_kwargs: Any = None) -> None:
        super().__init__()
        self.register_buffer("scale", tensor([float(scale)]))
        self.register_buffer("zero_point", tensor([int(zero_point)], dtype=int64))
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return quantize_per_tensor(x, float(self.scale), int(self.zero_point), self.dtype)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Quantize:
        """With the scale that the observer of mod found."""
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        return cls(scale, zero_point, mod.activation_post_process.dtype)

    def extra_repr(self) -> str:
        return f"scale={self.scale}, zero_point={self.zero_point}, dtype={self.dtype}"


class DeQuantize(nn.Module):
    """A quantized tensor to floats."""

    def forward(self, x: Tensor) -> Tensor:
        return x.dequantize()

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> DeQuantize:
        """A new one."""
        return cls()


def quantized_weight(mod: Any) -> Tensor:
    """The weights of a float layer as its qconfig says."""
    observer = getattr(mod, "weight_fake_quant", None) or mod.qconfig.weight()
    weight = mod.weight.detach().to(float32)
    observer(weight)
    if observer.dtype is not qint8:
        raise RuntimeError(f"weights are quantized as qint8; the observer says {observer.dtype}")
    scale, zero_point = observer.calculate_qparams()
    if observer.qscheme in (per_channel_affine, per_channel_symmetric):
        return quantize_per_channel(weight, scale, zero_point, observer.ch_axis, qint8)
    return quantize_per_tensor(weight, float(scale), int(zero_point), qint8)


class _Layer(nn.Module):
    """Weights (qint8), bias (float32), scale and zero point of the output."""

    _RELU = False  # whether the output is limited to what is not negative

    def __init__(self) -> None:
        super().__init__()
        self._weight: Any = None
        self._bias: Any = None
        self.scale, self.zero_point = 1.0, 0

    def weight(self) -> Tensor:
        """The quantized weights."""
        return self._weight

    def bias(self) -> Tensor | None:
        """The bias, in float32."""
        return self._bias

    def set_weight_bias(self, weight: Tensor, bias: Tensor | None) -> None:
        """Exchanges both."""
        self._weight, self._bias = weight, bias

    def _take(self, mod: Any) -> None:
        layer = mod[0] if self._RELU else mod
        self.set_weight_bias(quantized_weight(layer), None if layer.bias is None else layer.bias.detach().to(float32))
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        self.scale, self.zero_point = float(scale), int(zero_point)
        self.training = False

    def _product(self, x: Tensor, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        with no_grad():
            y = self._product(x.dequantize(), self._weight.dequantize())
            if self._RELU:
                y.relu_()
            return quantize_per_tensor(y, self.scale, self.zero_point, x.dtype)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination.update(self._state(prefix))

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        self._take_product(state_dict, prefix)
        self.scale = float(state_dict.pop(prefix + "scale"))
        self.zero_point = int(state_dict.pop(prefix + "zero_point"))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _state(self, prefix: str) -> dict[str, Any]:
        return {prefix + "weight": self._weight, prefix + "bias": self._bias, **self._scales(prefix)}

    def _scales(self, prefix: str) -> dict[str, Any]:
        return {prefix + "scale": tensor(self.scale), prefix + "zero_point": tensor(self.zero_point)}

    def _take_product(self, state_dict: Any, prefix: str) -> None:
        self.set_weight_bias(state_dict.pop(prefix + "weight"), state_dict.pop(prefix + "bias"))

    def _get_name(self) -> str:
        return f"Quantized{type(self).__name__}"


class Linear(_Layer):
    """A linear layer on quantized tensors."""

    def __init__(self, in_features: int, out_features: int, bias_: bool = True, dtype: Any = qint8) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Linear:
        """The layer with rounded weights and the scale that the observer of mod found."""
        layer = mod[0] if cls._RELU else mod
        made = cls(layer.in_features, layer.out_features)
        made._take(mod)
        return made

    def _product(self, x: Tensor, weight: Tensor) -> Tensor:
        return nn.functional.linear(x, weight, self._bias)

    def _state(self, prefix: str) -> dict[str, Any]:
        packed = prefix + "_packed_params."
        return {**self._scales(prefix), packed + "dtype": qint8, packed + "_packed_params": (self._weight, self._bias)}

    def _take_product(self, state_dict: Any, prefix: str) -> None:
        self.set_weight_bias(*state_dict.pop(prefix + "_packed_params._packed_params"))
        state_dict.pop(prefix + "_packed_params.dtype", None)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, scale={self.scale}, "
            f"zero_point={self.zero_point}, qscheme={self._weight.qscheme() if self._weight is not None else None}"
        )


class _Conv(_Layer):
    _FUNCTION = ""

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer with rounded weights and the scale that the observer of mod found."""
        made = cls()
        for name in (
            "in_channels",
            "out_channels",
            "kernel_size",
            "stride",
            "padding",
            "dilation",
            "groups",
            "padding_mode",
        ):
            setattr(made, name, getattr(mod[0] if cls._RELU else mod, name))
        if made.padding_mode != "zeros":
            raise NotImplementedError(f"quantized convolutions pad with zeros; got {made.padding_mode!r}")
        made._take(mod)
        return made

    def _product(self, x: Tensor, weight: Tensor) -> Tensor:
        f = getattr(nn.functional, self._FUNCTION)
        return f(x, weight, self._bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"scale={self.scale}, zero_point={self.zero_point}"
        )


class Conv1d(_Conv):
    """A convolution on quantized tensors, made by `convert`."""

    _FUNCTION = "conv1d"


class Conv2d(_Conv):
    """A convolution on quantized tensors, made by `convert`."""

    _FUNCTION = "conv2d"


class Conv3d(_Conv):
    """A convolution on quantized tensors, made by `convert`."""

    _FUNCTION = "conv3d"


class LinearReLU(Linear):
    """A linear layer and ReLU."""

    _RELU = True


class ConvReLU1d(Conv1d):
    """A convolution and ReLU."""

    _RELU = True


class ConvReLU2d(Conv2d):
    """A convolution and ReLU."""

    _RELU = True


class ConvReLU3d(Conv3d):
    """A convolution and ReLU."""

    _RELU = True
