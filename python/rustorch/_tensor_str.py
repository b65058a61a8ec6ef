"""Options of printing: what set_printoptions() sets, as a record and as a context."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from rustorch import _C
from rustorch._tensor import set_printoptions

__all__ = ["get_printoptions", "printoptions", "set_printoptions"]


@dataclasses.dataclass
class __PrinterOptions:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


def get_printoptions() -> dict[str, Any]:
    """The options in force, by name."""
    values = dict(zip(("precision", "threshold", "edgeitems", "linewidth", "sci_mode"), _C._print_options()))
    values["sci_mode"] = None if values["sci_mode"] < 0 else bool(values["sci_mode"])
    return values


def __getattr__(name: str) -> Any:
    if name == "PRINT_OPTS":
        return __PrinterOptions(**get_printoptions())
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


@contextlib.contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """Inside, tensors print with these options of set_printoptions()."""
    before = get_printoptions()
    set_printoptions(**{"sci_mode": before["sci_mode"], **kwargs})
    try:
        yield
    finally:
        set_printoptions(**before)
