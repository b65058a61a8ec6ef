"""rustorch.nn: modules, parameters, losses, initialisation and their functions.

`nn.utils`, `nn.parallel`, `nn.attention` and `nn.grad` load when first used.
"""

from __future__ import annotations

from typing import Any

from . import functional as functional
from . import init as init
from . import modules as modules
from . import parameter as parameter
from .modules import *
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

_LAZY = ("attention", "extras", "grad", "parallel", "utils")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    if name == "DataParallel":
        from .parallel import DataParallel

        return DataParallel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, "DataParallel"})


def factory_kwargs(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The device, dtype and memory_format among `kwargs`; TypeError for any other key."""
    if kwargs is None:
        return {}
    known = {"device", "dtype", "memory_format"}
    inner = kwargs.get("factory_kwargs", {})
    result = dict(inner)
    for key, value in kwargs.items():
        if key == "factory_kwargs":
            continue
        if key not in known:
            raise TypeError(f"unexpected kwargs {{{key!r}}}")
        if key in result:
            raise TypeError(f"{key} specified twice, in **kwargs and in factory_kwargs")
        result[key] = value
    return result


__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "factory_kwargs",
    "functional",
    "init",
    "modules",
    "parameter",
]
__all__ += modules.__all__
