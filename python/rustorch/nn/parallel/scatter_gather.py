"""Splitting of inputs over devices and gathering of results. A program has one device here, so a split over it gives
the input itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rustorch as rt

__all__ = ["gather", "is_namedtuple", "scatter", "scatter_kwargs"]


def is_namedtuple(obj: Any) -> bool:
    """Whether obj is of a named tuple class."""
    return isinstance(obj, tuple) and hasattr(obj, "_asdict") and hasattr(obj, "_fields")


def scatter(inputs: Any, target_gpus: Sequence[Any], dim: int = 0) -> Any:
    """One copy of the structure for each device, with tensors cut into equal parts along `dim`."""
    count = len(target_gpus)

    def split(obj: Any) -> list[Any]:
        if isinstance(obj, rt.Tensor):
            parts = list(rt.chunk(obj, count, dim))
            return [p.to(d) if isinstance(d, (str, rt.device)) else p for p, d in zip(parts, target_gpus)]
        if is_namedtuple(obj):
            return [type(obj)(*values) for values in zip(*map(split, obj))]
        if isinstance(obj, tuple) and obj:
            return list(zip(*map(split, obj)))
        if isinstance(obj, list) and obj:
            return [list(values) for values in zip(*map(split, obj))]
        if isinstance(obj, dict) and obj:
            return [type(obj)(items) for items in zip(*map(split, obj.items()))]
        return [obj] * count

    return split(inputs)


def scatter_kwargs(inputs: Any, kwargs: dict[str, Any] | None, target_gpus: Sequence[Any], dim: int = 0) -> Any:
    """scatter for arguments by position and by name, with as many of the one as of the other."""
    by_position = scatter(inputs, target_gpus, dim) if inputs else []
    by_name = scatter(kwargs, target_gpus, dim) if kwargs else []
    most = max(len(by_position), len(by_name))
    by_position += [()] * (most - len(by_position))
    by_name += [{}] * (most - len(by_name))
    return tuple(by_position), tuple(by_name)


def gather(outputs: Sequence[Any], target_device: Any, dim: int = 0) -> Any:
    """The structures of several devices as one, with tensors joined along `dim`."""
    first = outputs[0]
    if isinstance(first, rt.Tensor):
        whole = [o.reshape(1) if o.dim() == 0 else o for o in outputs]
        return rt.cat(whole, 0 if first.dim() == 0 else dim)
    if first is None:
        return None
    if isinstance(first, dict):
        if not all(len(first) == len(o) for o in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)((k, gather([o[k] for o in outputs], target_device, dim)) for k in first)
    joined = [gather(list(values), target_device, dim) for values in zip(*outputs)]
    return type(first)(*joined) if is_namedtuple(first) else type(first)(joined)
