"""Switches of PyTorch's vendor libraries, which programs set before they start. They are kept and given back; the
kernels here do not read them: results are deterministic and in the precision of the dtype whatever they say."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any


class Flags:
    """A module's switches with their first values; another name than these is refused."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dict__:
            raise AttributeError(f"unknown flag '{name}'; there are {', '.join(self.__dict__)}")
        self.__dict__[name] = value

    @contextlib.contextmanager
    def scope(self, **values: Any) -> Iterator[None]:
        """Sets switches, and sets them back at the end."""
        before = dict(self.__dict__)
        for name, value in values.items():
            setattr(self, name, value)
        try:
            yield
        finally:
            self.__dict__.update(before)


def expose(module_name: str, flags: Flags) -> None:
    """Makes the switches attributes of a module, to be read and set as PyTorch's."""

    class WithFlags(ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name in flags.__dict__:
                return getattr(flags, name)
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")

        def __setattr__(self, name: str, value: Any) -> None:
            if name in flags.__dict__:
                setattr(flags, name, value)
            else:
                super().__setattr__(name, value)

    sys.modules[module_name].__class__ = WithFlags
