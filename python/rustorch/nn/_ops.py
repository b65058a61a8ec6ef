"""Access to the compiled operators.

`ops` is the flat namespace of every operator of the engine.  `op("name")` gives the compiled
function itself, so that a call through `rustorch.nn.functional` costs nothing extra.
"""

from __future__ import annotations

import functools
from typing import Any

from rustorch import _C

ops: Any = _C.ops
_is_autocast_enabled = _C._amp.is_enabled


def op(name: str) -> Any:
    """The compiled operator `name`; ImportError when this build has none, as after an update without a build."""
    found = getattr(ops, name, None)
    if found is None:
        raise ImportError(f"this build of rustorch has no operator {name}: build it again")
    return found


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
