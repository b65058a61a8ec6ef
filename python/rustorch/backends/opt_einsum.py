"""The package opt_einsum, which PyTorch asks for the order of einsum's products. Here einsum has its own order: the switches
are kept and change nothing."""

from __future__ import annotations

import contextlib
import importlib.util
from typing import Any

from ._flags import Flags, expose

__all__ = ["flags", "get_opt_einsum", "is_available", "set_flags"]

_flags = Flags(enabled=importlib.util.find_spec("opt_einsum") is not None, strategy="auto")
expose(__name__, _flags)


def is_available() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("opt_einsum") is not None


def get_opt_einsum() -> Any:
    """The package, or None."""
    return importlib.import_module("opt_einsum") if is_available() else None


def set_flags(_enabled: bool | None = None, _strategy: str | None = None) -> tuple[Any, ...]:
    """Sets the switches that are given; the former ones."""
    before = (_flags.enabled, _flags.strategy)
    if _enabled is not None:
        _flags.enabled = _enabled
    if _strategy is not None:
        _flags.strategy = _strategy
    return before


def flags(enabled: bool | None = None, strategy: str | None = None) -> contextlib.AbstractContextManager[None]:
    """set_flags() for the time of a with block."""
    given = {"enabled": enabled, "strategy": strategy}
    return _flags.scope(**{name: value for name, value in given.items() if value is not None})
