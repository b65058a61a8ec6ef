"""Layers of quantized models, and of models that are trained for quantization."""

from . import intrinsic, qat, quantized

__all__ = ["intrinsic", "qat", "quantized"]
