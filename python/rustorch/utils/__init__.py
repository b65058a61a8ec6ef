"""rustorch.utils: data loading (`utils.data`), hook handles, checkpointing and DLPack, loaded when used."""

from __future__ import annotations

from typing import Any

_SUBMODULES = ("data", "hooks", "checkpoint", "dlpack", "_pytree")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_SUBMODULES]
