"""skip_init: make a module without drawing its parameters."""

from __future__ import annotations

from typing import Any

import rustorch as rt


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """`module_cls(*args, **kwargs)` with uninitialized parameters; the class must take `device`."""
    if not (isinstance(module_cls, type) and issubclass(module_cls, rt.nn.Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    code = module_cls.__init__.__code__  # type: ignore[misc]
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if "device" not in names and not code.co_flags & 0x08:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    final = kwargs.pop("device", "cpu")
    kwargs["device"] = "meta"
    return module_cls(*args, **kwargs).to_empty(device=final)
