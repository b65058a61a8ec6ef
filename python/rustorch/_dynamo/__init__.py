"""What programs ask of PyTorch's compiler by its inner name. Nothing is compiled: functions and modules run as Python."""

from __future__ import annotations

from typing import Any

from rustorch.compiler import allow_in_graph, disable, is_compiling, list_backends, reset

from . import config
from .eval_frame import OptimizedModule

__all__ = [
    "OptimizedModule",
    "allow_in_graph",
    "assume_constant_result",
    "config",
    "disable",
    "graph_break",
    "is_compiling",
    "list_backends",
    "mark_dynamic",
    "mark_static",
    "mark_static_address",
    "reset",
]


def assume_constant_result(fn: Any) -> Any:
    """The function itself."""
    return fn


def graph_break(msg: str = "") -> None:
    """Nothing to break."""


def mark_dynamic(t: Any, index: Any, **kwargs: Any) -> None:
    """Sizes may change from call to call anyway."""


mark_static = mark_dynamic


def mark_static_address(t: Any, guard: bool = False) -> None:
    """Addresses may change anyway."""
