"""Layers of quantized models, and of models that are trained for quantization."""

from . import qat, quantized

__all__ = ["qat", "quantized"]
