"""Layers that hold quantized weights."""

from . import dynamic
from .modules import Conv1d, Conv2d, Conv3d, DeQuantize, Linear, Quantize

__all__ = ["Conv1d", "Conv2d", "Conv3d", "DeQuantize", "Linear", "Quantize", "dynamic"]
