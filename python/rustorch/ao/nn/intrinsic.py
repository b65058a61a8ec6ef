"""Layers with the activation that follows them, as `fuse_modules` joins them."""

from __future__ import annotations

from ... import nn


class ConvReLU1d(nn.Sequential):
    """Conv1d, ReLU."""


class ConvReLU2d(nn.Sequential):
    """Conv2d, ReLU."""


class ConvReLU3d(nn.Sequential):
    """Conv3d, ReLU."""


class LinearReLU(nn.Sequential):
    """Linear, ReLU."""


__all__ = ["ConvReLU1d", "ConvReLU2d", "ConvReLU3d", "LinearReLU"]
