"""Pooling: return_indices, default output sizes, power-average, unpooling, fractional pooling."""

from __future__ import annotations

from functools import partial
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .._ops import float32_under_autocast, op
from .._sizes import _list_with_default, _ntuple
from . import composed

_pair, _triple, _one = _ntuple(2), _ntuple(3), _ntuple(1)

_avg_pool1d = op("avg_pool1d")
_avg_pool2d = op("avg_pool2d")
_avg_pool3d = op("avg_pool3d")
adaptive_avg_pool1d = op("adaptive_avg_pool1d")

_max_pool1d = op("max_pool1d")
_max_pool2d = op("max_pool2d")
_max_pool3d = op("max_pool3d")
_max_pool1d_i = op("max_pool1d_with_indices")
_max_pool2d_i = op("max_pool2d_with_indices")
_max_pool3d_i = op("max_pool3d_with_indices")
_adaptive_avg_pool2d = op("adaptive_avg_pool2d")
_adaptive_avg_pool3d = op("adaptive_avg_pool3d")
_adaptive_max_pool1d = op("adaptive_max_pool1d")
_adaptive_max_pool2d = op("adaptive_max_pool2d")
_adaptive_max_pool3d = op("adaptive_max_pool3d")
_fractional_max_pool2d = partial(composed.fractional_max_pool, 2)
_fractional_max_pool3d = partial(composed.fractional_max_pool, 3)


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    **out: Any,
) -> Tensor:
    """Average over windows of (N, C, L)."""
    if stride is None:
        stride = kernel_size
    return _avg_pool1d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, **out)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    **out: Any,
) -> Tensor:
    """Average over windows of (N, C, H, W)."""
    if stride is None:
        stride = kernel_size
    return _avg_pool2d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, **out)


def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    **out: Any,
) -> Tensor:
    """Average over windows of (N, C, D, H, W)."""
    if stride is None:
        stride = kernel_size
    return _avg_pool3d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, **out)


def _max_pool(name: str, shape: str, values: Any, with_indices: Any) -> tuple[Any, Any]:
    """`name` and `name`_with_indices, by an operator that gives values and one that gives positions too."""

    def pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        if stride is None:
            stride = kernel_size
        return (with_indices if return_indices else values)(input, kernel_size, stride, padding, dilation, ceil_mode)

    def indices(*args: Any, **kwargs: Any) -> Any:
        kwargs["return_indices"] = True
        return pool(*args[:6], **kwargs)

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"Maximum over windows of {shape}; with `return_indices` also their flat positions."
    indices.__name__ = indices.__qualname__ = name + "_with_indices"
    indices.__doc__ = f"`{name}(..., return_indices=True)`."
    return pool, indices


max_pool1d, max_pool1d_with_indices = _max_pool("max_pool1d", "(N, C, L)", _max_pool1d, _max_pool1d_i)
max_pool2d, max_pool2d_with_indices = _max_pool("max_pool2d", "(N, C, H, W)", _max_pool2d, _max_pool2d_i)
max_pool3d, max_pool3d_with_indices = _max_pool("max_pool3d", "(N, C, D, H, W)", _max_pool3d, _max_pool3d_i)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Average over a grid of `output_size` = int or (H, W), None keeping the input's size."""
    return _adaptive_avg_pool2d(input, _list_with_default(output_size, input.shape))


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Average over a grid of `output_size` = int or (D, H, W), None keeping the input's size."""
    return _adaptive_avg_pool3d(input, _list_with_default(output_size, input.shape))


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maximum over `output_size` windows; with `return_indices` (values, indices)."""
    out = _adaptive_max_pool1d(input, output_size)
    return tuple(out) if return_indices else out[0]


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maximum over a grid of windows; with `return_indices` (values, indices)."""
    out = _adaptive_max_pool2d(input, _list_with_default(output_size, input.shape))
    return tuple(out) if return_indices else out[0]


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maximum over a grid of windows; with `return_indices` (values, indices)."""
    out = _adaptive_max_pool3d(input, _list_with_default(output_size, input.shape))
    return tuple(out) if return_indices else out[0]


def adaptive_max_pool1d_with_indices(input: Tensor, output_size: Any, return_indices: bool = True) -> Any:
    """(values, indices)."""
    return adaptive_max_pool1d(input, output_size, True)


def adaptive_max_pool2d_with_indices(input: Tensor, output_size: Any, return_indices: bool = True) -> Any:
    """(values, indices)."""
    return adaptive_max_pool2d(input, output_size, True)


def adaptive_max_pool3d_with_indices(input: Tensor, output_size: Any, return_indices: bool = True) -> Any:
    """(values, indices)."""
    return adaptive_max_pool3d(input, output_size, True)


def _root_of_mean(out: Tensor, norm_type: float, count: int) -> Tensor:
    return (rt.sign(out) * rt.relu(rt.abs(out))).mul(count).pow(1.0 / norm_type)


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: int, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum over the window of x^p)^(1/p), sign kept."""
    out = avg_pool1d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return _root_of_mean(out, norm_type, _one(kernel_size)[0])


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum over the window of x^p)^(1/p), sign kept."""
    kh, kw = _pair(kernel_size)
    out = avg_pool2d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return _root_of_mean(out, norm_type, kh * kw)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum over the window of x^p)^(1/p), sign kept."""
    kd, kh, kw = _triple(kernel_size)
    out = avg_pool3d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return _root_of_mean(out, norm_type, kd * kh * kw)


# ---- unpooling ------------------------------------------------------------------------------


def _unpool_size(input: Tensor, kernel: Any, stride: Any, padding: Any, output_size: Any) -> list[int]:
    n = len(kernel)
    size = input.shape[-n:]
    default = [(size[d] - 1) * stride[d] + kernel[d] - 2 * padding[d] for d in range(n)]
    if output_size is None:
        return default
    output_size = list(output_size)
    if len(output_size) == n + 2:
        output_size = output_size[2:]
    if len(output_size) != n:
        raise ValueError(
            "output_size should be a sequence containing "
            f"{n} or {n + 2} elements, but it has a length of '{len(output_size)}'"
        )
    for d in range(n):
        low, high = default[d] - stride[d], default[d] + stride[d]
        if not low < output_size[d] < high:
            raise ValueError(f'invalid output_size "{output_size}" (dim {d} must be between {low} and {high})')
    return output_size


def _unpool(input: Tensor, indices: Tensor, size: list[int]) -> Tensor:
    n = len(size)
    if input.shape != indices.shape:
        raise RuntimeError(
            "Expected shape of indices to be same as that of the input tensor "
            f"({list(input.shape)}) but got indices tensor with shape: {list(indices.shape)}"
        )
    if input.dim() not in (n + 1, n + 2):
        raise RuntimeError(f"max_unpool{n}d(): expected {n + 1}D or {n + 2}D input; got {input.dim()}D")
    lead = input.shape[:-n]
    total = 1
    for s in size:
        total *= s
    seen = rt._C._all_values(indices)
    if indices.numel() and not (0 <= int(seen.min()) and int(seen.max()) < total):
        raise RuntimeError(f"max_unpool{n}d(): an index is outside of the output size {size}")
    flat = rt.zeros((*lead, total), dtype=input.dtype, device=input.device)
    out = flat.scatter(-1, indices.flatten(-n), input.flatten(-n)).reshape(*lead, *size)
    last = input.dim() == 4 and n == 2 and not input.is_contiguous()
    if last and input.is_contiguous(memory_format=rt.channels_last):
        return out.contiguous(memory_format=rt.channels_last)
    return out


def _max_unpool(
    n: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
) -> Tensor:
    many = _ntuple(n)
    kernel = many(kernel_size)
    stride = kernel if stride is None else many(stride)
    if min(stride) <= 0:
        raise RuntimeError(f"max_unpool{n}d(): strides should be greater than zero; got {stride}")
    return _unpool(input, indices, _unpool_size(input, kernel, stride, many(padding), output_size))


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Partial inverse of max_pool1d: values go to `indices`, zeros elsewhere."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@float32_under_autocast
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Partial inverse of max_pool2d: values go to `indices`, zeros elsewhere."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@float32_under_autocast
def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Partial inverse of max_pool3d: values go to `indices`, zeros elsewhere."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


# ---- fractional pooling -----------------------------------------------------------------------


def _fractional(n: int, f: Any, input: Tensor, kernel_size: Any, size: Any, ratio: Any, samples: Any) -> Any:
    name = f"fractional_max_pool{n}d"
    if size is None and ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if size is None:
        ratio = _ntuple(n)(ratio)
        size = [int(input.size(d - n) * ratio[d]) for d in range(n)]
    if samples is None:
        batch = 1 if input.dim() == n + 1 else input.size(0)
        samples = rt.rand(batch, input.size(-n - 1), n, dtype=input.dtype, device=input.device)
    many = _ntuple(n)
    return f(input, many(kernel_size), many(size), samples)


@float32_under_autocast
def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = True,
    _random_samples: Tensor | None = None,
) -> Any:
    """(values, indices) of max pooling over pseudo-random windows."""
    out = _fractional(2, _fractional_max_pool2d, input, kernel_size, output_size, output_ratio, _random_samples)
    return tuple(out)


@float32_under_autocast
def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Max pooling over pseudo-random windows of (N, C, H, W)."""
    out = fractional_max_pool2d_with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)
    return out if return_indices else out[0]


@float32_under_autocast
def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = True,
    _random_samples: Tensor | None = None,
) -> Any:
    """(values, indices) of max pooling over pseudo-random windows."""
    out = _fractional(3, _fractional_max_pool3d, input, kernel_size, output_size, output_ratio, _random_samples)
    return tuple(out)


@float32_under_autocast
def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Max pooling over pseudo-random windows of (N, C, D, H, W)."""
    out = fractional_max_pool3d_with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)
    return out if return_indices else out[0]
