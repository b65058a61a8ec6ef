"""Annotations of TorchScript. There is no compiler yet: as in PyTorch with PYTORCH_JIT=0, `script` gives back what it
got, which runs as ordinary Python, and the other decorators mark nothing. What needs a compiled program (trace, save,
load, freeze) is absent.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from rustorch.nn import Module

__all__ = [
    "Attribute", "Error", "Final", "RecursiveScriptModule", "ScriptFunction", "ScriptModule", "annotate", "export", "ignore", "interface", "is_scripting", "is_tracing",
    "isinstance", "script", "script_if_tracing", "script_method", "strict_fusion", "unused",
]  # fmt: skip

F = TypeVar("F")
_isinstance = isinstance

Error = RuntimeError
_warned = False


def script(obj: F, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> F:
    """obj itself, which runs as Python; the first call warns of that."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn("jit.script(): there is no compiler yet; functions and modules run as Python", stacklevel=2)
    return obj


def script_method(fn: F) -> F:
    """fn itself."""
    return fn


def script_if_tracing(fn: F) -> F:
    """fn itself."""
    return fn


def interface(obj: F) -> F:
    """obj itself."""
    return obj


def export(fn: F) -> F:
    """fn itself."""
    return fn


def unused(fn: F) -> F:
    """fn itself."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function itself, with and without an argument: `@ignore` and `@ignore(drop=True)`."""
    return drop if callable(drop) else lambda fn: fn


def annotate(the_type: Any, the_value: F) -> F:
    """the_value."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:  # noqa: A001
    """Whether obj is of the type; of a type with parameters (list[int]) the outer one is looked at."""
    kinds = target_type if _isinstance(target_type, tuple) else (target_type,)
    return any(_isinstance(obj, getattr(kind, "__origin__", None) or kind) for kind in kinds)


def is_scripting() -> bool:
    """False: nothing is compiled."""
    return False


def is_tracing() -> bool:
    """False."""
    return False


class Attribute:
    """A value with the type that a script would give it."""

    def __init__(self, value: Any, type: Any) -> None:  # noqa: A002
        self.value, self.type = value, type


class ScriptModule(Module):
    """The base of compiled modules. None are made; a class below it runs as Python."""


class RecursiveScriptModule(ScriptModule):
    """What compiling a module would give."""


class ScriptFunction:
    """What compiling a function would give; none are made."""


@contextlib.contextmanager
def strict_fusion() -> Iterator[None]:
    """Nothing is fused by a script, so nothing is checked."""
    yield
