"""Places where a model turns from floats to quantized tensors and back."""

from __future__ import annotations

from typing import Any

from ... import nn


class _Stub(nn.Module):
    """Gives its input."""

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x: Any) -> Any:
        return x


class QuantStub(_Stub):
    """Gives its input until `convert` puts a Quantize in its place."""


class DeQuantStub(_Stub):
    """Gives its input until `convert` puts a DeQuantize in its place."""


class QuantWrapper(nn.Module):
    """A module between a QuantStub and a DeQuantStub."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        qconfig = getattr(module, "qconfig", None)
        self.add_module("quant", QuantStub(qconfig))
        self.add_module("dequant", DeQuantStub(qconfig))
        self.add_module("module", module)
        self.train(module.training)

    def forward(self, x: Any) -> Any:
        return self.dequant(self.module(self.quant(x)))


__all__ = ["DeQuantStub", "QuantStub", "QuantWrapper"]
