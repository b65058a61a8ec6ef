"""Switches for oneDNN under PyTorch's name: kept, they change nothing (see `_flags`)."""

from __future__ import annotations

from typing import Any

from ._flags import Flags, expose

VERBOSE_OFF, VERBOSE_ON, VERBOSE_ON_CREATION = 0, 1, 2
_flags = Flags(enabled=True, deterministic=False, allow_tf32=False, fp32_precision="none")


def is_available() -> bool:
    """False: no tensor here has oneDNN's layout."""
    return False


def flags(
    enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True, fp32_precision: str = "none"
) -> Any:
    """Sets the switches inside a with statement."""
    return _flags.scope(
        enabled=enabled, deterministic=deterministic, allow_tf32=allow_tf32, fp32_precision=fp32_precision
    )


expose(__name__, _flags)
