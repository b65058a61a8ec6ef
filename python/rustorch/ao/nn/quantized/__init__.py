"""Layers that hold quantized weights."""

from . import dynamic
from .modules import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvReLU1d,
    ConvReLU2d,
    ConvReLU3d,
    DeQuantize,
    Linear,
    LinearReLU,
    Quantize,
)

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvReLU1d",
    "ConvReLU2d",
    "ConvReLU3d",
    "DeQuantize",
    "Linear",
    "LinearReLU",
    "Quantize",
    "dynamic",
]
