"""DistributedDataParallel, which needs process groups: not in this build."""

from __future__ import annotations

from typing import Any

from ..modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """One copy of a module in each of several processes. ValueError: there is no process group."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        raise ValueError(
            "DistributedDataParallel(): Default process group has not been initialized; this build cannot make one"
        )
