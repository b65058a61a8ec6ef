"""Questions and marks that programs ask a compiler. There is none: operators run eagerly."""

from __future__ import annotations

from typing import Any

from ._settings import compile

__all__ = [
    "allow_in_graph",
    "compile",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "reset",
]


def is_compiling() -> bool:
    """False."""
    return False


def is_dynamo_compiling() -> bool:
    """False."""
    return False


def is_exporting() -> bool:
    """False."""
    return False


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """["eager"]."""
    return ["eager"]


def reset() -> None:
    """Forgets compiled functions; there are none."""


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Marks a function that is not to be compiled: gives it back. Also a decorator with arguments."""
    return (lambda f: f) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """Marks a function, or several, that a compiler is to leave alone: gives it back."""
    return fn
