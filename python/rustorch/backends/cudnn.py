"""Switches for NVIDIA's cuDNN, which is not used here: they are kept and change nothing (see `_flags`)."""

from __future__ import annotations

from typing import Any

from ._flags import Flags, expose

_flags = Flags(
    enabled=True, benchmark=False, benchmark_limit=10, deterministic=False, allow_tf32=True, fp32_precision="none"
)


def is_available() -> bool:
    """False: no kernel here comes from cuDNN."""
    return False


def version() -> int | None:
    """None."""
    return None


def is_acceptable(tensor: Any) -> bool:
    """False."""
    return False


def flags(enabled: bool = False, benchmark: bool = False, benchmark_limit: int = 10, deterministic: bool = False,
          allow_tf32: bool = True, fp32_precision: str = "none") -> Any:  # fmt: skip
    """Sets the switches inside a with statement."""
    return _flags.scope(enabled=enabled, benchmark=benchmark, benchmark_limit=benchmark_limit, deterministic=deterministic,
                        allow_tf32=allow_tf32, fp32_precision=fp32_precision)  # fmt: skip


def set_flags(_enabled: bool | None = None, _benchmark: bool | None = None, _benchmark_limit: int | None = None,
              _deterministic: bool | None = None, _allow_tf32: bool | None = None) -> tuple[Any, ...]:  # fmt: skip
    """Sets the switches that are given; returns the values before."""
    names = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")
    before = tuple(getattr(_flags, n) for n in names)
    for name, value in zip(names, (_enabled, _benchmark, _benchmark_limit, _deterministic, _allow_tf32), strict=True):
        if value is not None:
            setattr(_flags, name, value)
    return before


expose(__name__, _flags)
