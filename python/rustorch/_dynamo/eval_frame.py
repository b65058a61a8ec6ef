"""The class of compiled modules."""

from __future__ import annotations

from rustorch.nn import Module

__all__ = ["OptimizedModule"]


class OptimizedModule(Module):
    """What compiling a module would give; none are made."""
