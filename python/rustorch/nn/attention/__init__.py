"""nn.attention: which attention kernels may run.  There is one, so the choice is only remembered."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """Names of attention kernels, with PyTorch's numbers."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


_allowed: tuple[SDPBackend, ...] = tuple(SDPBackend)[1:]


@contextmanager
def sdpa_kernel(backends: Any, set_priority: bool = False) -> Iterator[None]:
    """Name the kernels allowed inside the context; TypeError for anything but SDPBackend."""
    global _allowed
    names = [backends] if isinstance(backends, SDPBackend) else list(backends)
    if not all(isinstance(b, SDPBackend) for b in names):
        raise TypeError("Backends must be an instance of SDPBackend or a list of SDPBackend instances")
    before, _allowed = _allowed, tuple(dict.fromkeys(names))
    try:
        yield
    finally:
        _allowed = before
