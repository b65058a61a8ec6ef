"""Resizing, sampling grids, and the shuffles of channels and pixels."""

from __future__ import annotations

import math
import warnings
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .._ops import float32_under_autocast, op
from . import composed
from .pooling import adaptive_avg_pool2d, adaptive_avg_pool3d

_adaptive_avg_pool1d = op("adaptive_avg_pool1d")
pixel_shuffle = op("pixel_shuffle")

_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area")
_KERNELS = {
    ("nearest", 3): op("upsample_nearest1d"),
    ("nearest", 4): op("upsample_nearest2d"),
    ("nearest", 5): op("upsample_nearest3d"),
    ("nearest-exact", 3): op("_upsample_nearest_exact1d"),
    ("nearest-exact", 4): op("_upsample_nearest_exact2d"),
    ("nearest-exact", 5): op("_upsample_nearest_exact3d"),
    ("linear", 3): op("upsample_linear1d"),
    ("bilinear", 4): op("upsample_bilinear2d"),
    ("bicubic", 4): op("upsample_bicubic2d"),
    ("trilinear", 5): op("upsample_trilinear3d"),
}
_ANTIALIASED = {
    "bilinear": op("_upsample_bilinear2d_aa"),
    "bicubic": op("_upsample_bicubic2d_aa"),
}


def _output_size(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int] | None, list[float] | None]:
    """What the kernels take: an output size, or scale factors, exactly one of them."""
    n = input.dim() - 2
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if isinstance(size, (list, tuple)):
            if len(size) != n:
                raise ValueError(
                    "Input and output must have the same number of spatial dimensions, but got "
                    f"input with spatial dimensions of {list(input.shape[2:])} and output size of "
                    f"{size}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
                    "output size in (o1, o2, ...,oK) format."
                )
            return list(size), None
        return [size] * n, None
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if isinstance(scale_factor, (list, tuple)):
        if len(scale_factor) != n:
            raise ValueError(
                "Input and scale_factor must have the same number of spatial dimensions, but got "
                f"input with spatial dimensions of {list(input.shape[2:])} and scale_factor of "
                f"shape {scale_factor}. Please provide input tensor in (N, C, d1, d2, ...,dK) "
                "format and scale_factor in (s1, s2, ...,sK) format."
            )
        factors = [float(f) for f in scale_factor]
    else:
        factors = [float(scale_factor)] * n
    if recompute:
        return [math.floor(float(input.size(i + 2)) * factors[i]) for i in range(n)], None
    return None, factors


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize (N, C, [D, [H,]] W) to `size` or by `scale_factor`.

    Modes: nearest, nearest-exact, linear (3D), bilinear and bicubic (4D), trilinear (5D), area.
    """
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the "
                "interpolating modes: linear | bilinear | bicubic | trilinear"
            )
    elif align_corners is None:
        align_corners = False
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    out_size, factors = _output_size(input, size, scale_factor, recompute_scale_factor)
    if antialias and not (mode in ("bilinear", "bicubic") and input.dim() == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
        )
    if mode == "area":
        if out_size is None:
            assert factors is not None
            out_size = [math.floor(float(input.size(i + 2)) * f) for i, f in enumerate(factors)]
        if input.dim() == 3:
            return _adaptive_avg_pool1d(input, out_size)
        if input.dim() == 4:
            return adaptive_avg_pool2d(input, out_size)
        if input.dim() == 5:
            return adaptive_avg_pool3d(input, out_size)
    kernel = _ANTIALIASED[mode] if antialias else _KERNELS.get((mode, input.dim()))
    if kernel is None:
        if mode in _MODES and input.dim() in (3, 4, 5):
            raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs another")
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported"
            f" (got {input.dim()}D) for the modes: nearest | linear | bilinear | bicubic | "
            f"trilinear | area | nearest-exact (got {mode})"
        )
    if mode.startswith("nearest"):
        return kernel(input, out_size, factors)
    return kernel(input, out_size, align_corners, factors)


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The older name of `interpolate`."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` in mode nearest."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` in mode bilinear with aligned corners."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


@float32_under_autocast
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Sample (N, C, H, W) or (N, C, D, H, W) at the points of `grid` in [-1, 1]."""
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired.",
            stacklevel=2,
        )
        align_corners = False
    if input.dtype in (rt.bfloat16, rt.float16):  # positions need more digits than these have
        out = composed.grid_sample(input.float(), grid.float(), mode, padding_mode, align_corners)
        return out.to(input.dtype)
    return composed.grid_sample(input, grid, mode, padding_mode, align_corners)


def _axis(n: int, align_corners: bool, like: Tensor) -> Tensor:
    if n <= 1:
        return rt.zeros(n, dtype=like.dtype, device=like.device)
    edge = 1.0 if align_corners else (n - 1) / n
    return rt.linspace(-edge, edge, n, dtype=like.dtype, device=like.device)


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Sampling grid of the affine maps theta (N, 2, 3) or (N, 3, 4) for an output of `size`."""
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired.",
            stacklevel=2,
        )
        align_corners = False
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {size}."
        )
    if theta.dim() != 3 or tuple(theta.shape[-2:]) != (n, n + 1):
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got {theta.shape}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    spatial = list(size[2:])
    axes = [_axis(s, align_corners, theta) for s in spatial]
    parts = []
    for k in range(n - 1, -1, -1):  # x (the last dim) first
        view = [1] * n
        view[k] = spatial[k]
        parts.append(axes[k].reshape(view).expand(spatial))
    parts.append(rt.ones(spatial, dtype=theta.dtype, device=theta.device))
    base = rt.stack(parts, -1).reshape(1, -1, n + 1).expand(size[0], -1, -1)
    return base.bmm(theta.transpose(1, 2)).reshape(size[0], *spatial, n)


pixel_unshuffle = op("pixel_unshuffle")
channel_shuffle = op("channel_shuffle")
native_channel_shuffle = channel_shuffle
