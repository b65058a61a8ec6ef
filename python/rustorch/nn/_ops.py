"""Access to the compiled operators.

`ops` is the flat namespace of every operator of the engine.  `op("name")` gives the compiled
function itself, so that a call through `rustorch.nn.functional` costs nothing extra; when this
build of the engine has no such operator it gives a function that says so when it is called.
"""

from __future__ import annotations

import functools
from typing import Any

from rustorch import _C

ops: Any = _C.ops
_is_autocast_enabled = _C._amp.is_enabled


def op(name: str) -> Any:
    """The compiled operator `name`, or a function raising NotImplementedError."""
    found = getattr(ops, name, None)
    if found is not None:
        return found

    def missing(*args: Any, **kwargs: Any) -> Any:
        late = getattr(ops, name, None)
        if late is None:
            raise NotImplementedError(f"{name}(): this build of rustorch has no such operator")
        return late(*args, **kwargs)

    missing.__name__ = missing.__qualname__ = name
    return missing


def op_or(name: str, fallback: Any) -> Any:
    """The compiled operator `name` where the engine has one of that name, else `fallback`.

    The fallback is a composition of other operators with the same arguments and gradients.
    """
    return getattr(ops, name, fallback)


def float32_under_autocast(f: Any) -> Any:
    """`f`, a composition of operators, whose tensors autocast converts to float32 as a whole."""

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not _is_autocast_enabled("cpu"):
            return f(*args, **kwargs)
        from rustorch.amp.autocast_mode import _cast, autocast

        with autocast("cpu", enabled=False):
            return f(*_cast(args, "cpu", _C.float32), **_cast(kwargs, "cpu", _C.float32))

    return call
