"""Annotations of TorchScript. There is no compiler yet: as in PyTorch with PYTORCH_JIT=0, `script` gives back what it
got, which runs as ordinary Python, `trace` too after one call of the example, and the other decorators mark nothing. What
needs a compiled program (save, load) refuses.
"""

from __future__ import annotations

import contextlib
import copy
import os
import warnings
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import rustorch.jit.annotations  # noqa: F401  an attribute of this module, instead of the feature of Python
from rustorch._script.containers import JITException as Error
from rustorch.futures import Future
from rustorch.nn import Module

__all__ = [
    "Attribute", "Error", "Final", "Future", "RecursiveScriptModule", "ScriptFunction", "ScriptModule", "annotate", "export", "fork",
    "freeze", "fuser", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load", "optimize_for_inference",
    "optimized_execution", "save", "script", "script_if_tracing", "script_method", "set_fusion_strategy", "strict_fusion",
    "trace", "trace_module", "unused", "wait",
]  # fmt: skip

F = TypeVar("F")
_isinstance = isinstance

_warned = False
_strategy: list[tuple[str, int]] = [("STATIC", 2), ("DYNAMIC", 10)]


def script(obj: F, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> F:
    """obj itself, which runs as Python; the first call warns of that."""
    _warn_once("script")
    return obj


def _warn_once(name: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(f"jit.{name}(): there is no compiler yet; functions and modules run as Python", stacklevel=3)


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


class TracedModule(ScriptModule):
    """The first base of what trace() gives for a module, whose other base is the module's class: it has the same
    parameters, buffers and parts, and its call is that of the class. Unlike a recorded trace it follows conditions in the
    code again in every call."""

    @property
    def original_name(self) -> str:
        """The name of the module's class."""
        return type(self).__bases__[1].__name__

    def save(self, f: Any, **kwargs: Any) -> None:
        """Refuses; see save()."""
        save(self, f)


def _traced(module: Module) -> Module:
    """A shallow copy of the module as a TracedModule."""
    twin = copy.copy(module)
    for key, value in vars(module).items():
        if _isinstance(value, (dict, set)):
            twin.__dict__[key] = value.copy()  # tables of its own, with the same members
    twin.__class__ = type(type(module).__name__, (TracedModule, type(module)), {"__module__": type(module).__module__})
    return twin


def trace(
    func: Any, example_inputs: Any = None, optimize: Any = None, check_trace: bool = True, check_inputs: Any = None,
    check_tolerance: float = 1e-5, strict: bool = True, _force_outplace: bool = False, _module_class: Any = None,
    _compilation_unit: Any = None, example_kwarg_inputs: dict[str, Any] | None = None, _store_inputs: bool = True,
) -> Any:  # fmt: skip
    """Calls the function or module on the example, and gives the function, or the module as a TracedModule. Nothing is
    recorded: calls run as Python, which the first one warns of."""
    _warn_once("trace")
    if _isinstance(func, ScriptModule):
        return func
    if example_inputs is None and example_kwarg_inputs is None:
        raise RuntimeError("example_kwarg_inputs should be a dict")
    if example_kwarg_inputs is not None and example_inputs is None:
        func(**example_kwarg_inputs)
    else:
        func(*(example_inputs if _isinstance(example_inputs, (tuple, list)) else (example_inputs,)))
    return _traced(func) if _isinstance(func, Module) else func


def trace_module(mod: Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Like trace(), with examples for several methods: {name: arguments}."""
    _warn_once("trace_module")
    for name, example in inputs.items():
        getattr(mod, name)(*(example if _isinstance(example, tuple) else (example,)))
    return _traced(mod)


def save(m: Any, f: Any, _extra_files: Any = None) -> None:
    """Refuses: there is no program to save; the numbers of a module are in its state_dict()."""
    raise NotImplementedError(
        "jit.save(): there is no compiled program to save yet; hint: save(model.state_dict(), f) and make the module in code"
    )


def load(f: Any, map_location: Any = None, _extra_files: Any = None, _restore_shapes: bool = False) -> Any:
    """Refuses: programs of TorchScript cannot be run yet."""
    if _isinstance(f, (str, os.PathLike)) and not os.path.exists(f):
        raise ValueError(f"The provided filename {f} does not exist")
    raise NotImplementedError(
        "jit.load(): programs of TorchScript cannot be run yet; hint: load(f) reads files of save(), and the weights of a "
        "TorchScript file can be saved as a state_dict with PyTorch"
    )


def freeze(mod: Any, preserved_attrs: Any = None, optimize_numerics: bool = True) -> Any:
    """A copy of a module in evaluation mode, whose parameters are constants."""
    if getattr(mod, "training", False):
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. Please call .eval() on your module before "
            "freezing."
        )
    return copy.deepcopy(mod).requires_grad_(False) if _isinstance(mod, Module) else mod


def optimize_for_inference(mod: Any, other_methods: Any = None) -> Any:
    """freeze() of the module in evaluation mode."""
    return freeze(mod.eval() if _isinstance(mod, Module) else mod)


def fork(func: Any, *args: Any, **kwargs: Any) -> Any:
    """A Future of func(*args, **kwargs), which runs now."""
    future: Any = Future()
    try:
        future.set_result(func(*args, **kwargs))
    except Exception as error:
        future.set_exception(error)
    return future


def wait(future: Any) -> Any:
    """The value of a Future of fork()."""
    return future.wait()


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """Changes nothing."""
    yield


@contextlib.contextmanager
def fuser(name: str) -> Iterator[None]:
    """Changes nothing; the name is one of fuser0 to fuser3."""
    if name not in ("fuser0", "fuser1", "fuser2", "fuser3"):
        raise Exception(f"unrecognized fuser option (name: {name})")
    yield


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The former strategy, which nothing follows."""
    global _strategy
    before, _strategy = _strategy, list(strategy)
    return before


@contextlib.contextmanager
def strict_fusion() -> Iterator[None]:
    """Nothing is fused by a script, so nothing is checked."""
    yield
