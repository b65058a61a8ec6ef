"""Small public names of the package that belong to no family."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING as TYPE_CHECKING
from typing import Any

USE_GLOBAL_DEPS = False  # the engine is one library, which its module loads itself
USE_RTLD_GLOBAL_WITH_LIBTORCH = False
PRIVATE_OPS = ("unique_dim",)


class _ClassProperty:
    """Calls the function with the class when the attribute is read."""

    def __init__(self, function: Any) -> None:
        self.fget = function

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self.fget.__get__(instance, type(instance) if owner is None else owner)()


def classproperty(func: Any) -> Any:
    """A property of the class itself: `@classproperty def name(cls)`."""
    return _ClassProperty(func if isinstance(func, (classmethod, staticmethod)) else classmethod(func))


def _assert(condition: Any, message: str) -> None:
    """Raises AssertionError unless the condition holds; a call that tracing can record."""
    from .overrides import handle_torch_function, has_torch_function

    if has_torch_function((condition,)):
        handle_torch_function(_assert, (condition,), condition, message)
        return
    assert condition, message


def get_file_path(*path_components: str) -> str:
    """A path below the folder that holds the package."""
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), *path_components)


def prepare_multiprocessing_environment(path: str) -> None:
    """Called before processes start; nothing has to be prepared."""
