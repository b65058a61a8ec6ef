"""Layers whose weights are rounded in the forward pass, with the gradients of the float weights."""

from __future__ import annotations

from typing import Any

from ... import nn


def _made(kind: Any, mod: Any) -> Any:
    """A layer of a kind with the options and parameters of another."""
    made = kind.__new__(kind)
    nn.Module.__init__(made)
    made.__dict__.update({k: v for k, v in mod.__dict__.items() if not k.startswith("_") or k.startswith("_reversed")})
    made.weight, made.bias = mod.weight, mod.bias
    return made


def _twin(base: Any) -> Any:
    class Layer(base):  # type: ignore[misc]
        _FLOAT_MODULE = base

        def forward(self, x: Any) -> Any:
            weight = self.weight_fake_quant(self.weight)
            if base is nn.Linear:
                return nn.functional.linear(x, weight, self.bias)
            return self._conv_forward(x, weight, self.bias)

        @classmethod
        def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
            """The layer with the parameters of a float one, which has a qconfig."""
            made = _made(cls, mod)
            made.weight_fake_quant = mod.qconfig.weight()
            return made

        def to_float(self) -> Any:
            """The float layer with these parameters."""
            return _made(base, self)

    Layer.__name__ = Layer.__qualname__ = base.__name__
    Layer.__doc__ = f"{base.__name__} with rounded weights."
    return Layer


Linear, Conv1d, Conv2d, Conv3d = _twin(nn.Linear), _twin(nn.Conv1d), _twin(nn.Conv2d), _twin(nn.Conv3d)

__all__ = ["Conv1d", "Conv2d", "Conv3d", "Linear"]
