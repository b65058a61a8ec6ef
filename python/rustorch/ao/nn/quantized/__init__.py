"""Layers that hold quantized weights."""

from . import dynamic

__all__ = ["dynamic"]
