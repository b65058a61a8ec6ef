"""The class of compiled modules."""

from __future__ import annotations

from typing import Any

from rustorch.nn import Module

__all__ = ["OptimizedModule"]


class OptimizedModule(Module):
    """What compile() gives for a module: the module below `_orig_mod`, whose attributes are its own too. Names in its
    state_dict begin with "_orig_mod.", as in PyTorch."""

    _own = frozenset(("_orig_mod", "training", "forward"))

    def __init__(self, mod: Module) -> None:
        super().__init__()
        self._orig_mod = mod

    @property
    def training(self) -> bool:
        """That of the module."""
        module = self.__dict__.get("_orig_mod")
        return True if module is None else module.training

    @training.setter
    def training(self, mode: bool) -> None:
        self.__dict__["_orig_mod"].training = mode

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._orig_mod(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if "_orig_mod" not in self.__dict__:
            return super().__getattr__(name)
        return getattr(self.__dict__["_orig_mod"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._own or "_orig_mod" not in self.__dict__:
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._orig_mod, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._orig_mod)})

    def __reduce__(self) -> Any:
        return OptimizedModule, (self._orig_mod,)
