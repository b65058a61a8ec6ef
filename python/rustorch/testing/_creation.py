"""make_tensor: random tensors for tests."""

import math

from .. import _C

_ops = _C.ops


def _range(dtype, low, high):
    if dtype == _C.bool:
        default = (0, 2)
    elif dtype == _C.uint8:
        default = (0, 10)
    elif dtype.is_floating_point or dtype.is_complex:
        default = (-9, 9)
    else:
        default = (-9, 10)
    low = default[0] if low is None else low
    high = default[1] if high is None else high
    if low != low or high != high:
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low} and high={high}")
    if low >= high and (low, high) != (0, 0):
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    if dtype.is_floating_point or dtype.is_complex:
        from .. import finfo

        limits = finfo(dtype)
        return max(low, limits.min), min(high, limits.max)
    return math.ceil(low), math.ceil(high)


def make_tensor(*shape, dtype, device="cpu", low=None, high=None, requires_grad=False, noncontiguous=False,
                exclude_zero=False, memory_format=None):  # fmt: skip
    """A tensor with elements drawn evenly from [low, high) (from -9 to 9 when not given); noncontiguous spreads them over
    twice the memory, exclude_zero replaces zeros by the smallest positive number."""
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    if any(s < 0 for s in shape):
        raise ValueError(f"shape must not have negative sizes; got {shape}")
    if noncontiguous and memory_format is not None:
        raise ValueError(
            f"The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got {memory_format=}"
        )
    low, high = _range(dtype, low, high)
    real = dtype.is_floating_point or dtype.is_complex
    wide = _C.float64 if dtype in (_C.float64, _C.complex128) else _C.float32
    if real:
        parts = [_ops.rand(shape, dtype=wide) * (high - low) + low for _ in range(2 if dtype.is_complex else 1)]
        t = (_ops.complex(*parts) if dtype.is_complex else parts[0]).to(dtype)
        if not dtype.is_complex:
            t = t.clamp(low, high)
    else:
        t = _ops.randint(low, max(high, low + 1), shape, dtype=_C.int64).to(dtype)
    if exclude_zero:
        from .. import finfo

        t = t.masked_fill(t == 0, finfo(dtype).tiny if real else 1)
    t = t.to(device)
    if noncontiguous and t.numel() > 1:
        t = _ops.stack([t, t], -1)[..., 0]
    elif memory_format is not None:
        t = t.contiguous(memory_format=memory_format)
    return t.requires_grad_(True) if requires_grad and real else t
