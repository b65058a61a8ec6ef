"""`__torch_function__`: classes and modes that handle calls of operators themselves.

    class Logged(Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            print(func.__name__)
            return super().__torch_function__(func, types, args, kwargs)

Operators, their methods, Python's operators and indexing on tensors ask the classes of their arguments; a subclass of
Tensor that defines nothing gets results of its own class. `with mode:` does the same for every call in a block, also of
functions that take no tensor. Attributes (x.shape, x.dtype) and questions (x.size(), x.dim()) are not asked about.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any

from . import _C, Tensor

_disabled: Any = getattr(_C, "_disabled_torch_function_impl")  # noqa: B009  not in the stubs
_set_state: Any = getattr(_C, "_override_state")  # noqa: B009
_get_state: Any = getattr(_C, "_get_override_state")  # noqa: B009
_set_modes: Any = getattr(_C, "_set_override_modes")  # noqa: B009
_skip_next: Any = getattr(_C, "_skip_next_override")  # noqa: B009

__all__ = [
    "BaseTorchFunctionMode",
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "TorchFunctionMode",
    "get_ignored_functions",
    "get_overridable_functions",
    "get_testing_overrides",
    "handle_torch_function",
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "redispatch_function",
    "resolve_name",
    "wrap_torch_function",
]


class _Modes(threading.local):
    def __init__(self) -> None:
        self.stack: list[Any] = []


_modes = _Modes()


def _takes_part(kind: Any) -> bool:
    handler = getattr(kind, "__torch_function__", None)
    return kind is not Tensor and handler is not None and handler is not _disabled


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether an argument's class, other than Tensor itself, or an active mode handles calls."""
    subclasses_off, all_off = _get_state()
    if all_off:
        return False
    found = bool(_modes.stack) or (not subclasses_off and any(_takes_part(type(a)) for a in relevant_args))
    return found and not _skip_next(False)


def has_torch_function_unary(tensor: Any) -> bool:
    """The same of one argument."""
    return has_torch_function((tensor,))


def has_torch_function_variadic(*args: Any) -> bool:
    """The same of arguments given one by one."""
    return has_torch_function(args)


def is_tensor_like(inp: Any) -> bool:
    """A tensor, or an object whose type defines `__torch_function__`."""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def _overloaded(relevant_args: Iterable[Any]) -> list[Any]:
    """One argument of each class that takes part, subclasses before the classes they derive from."""
    found: list[Any] = []
    for a in relevant_args:
        kind = type(a)
        if not _takes_part(kind) or any(type(b) is kind for b in found):
            continue
        at = next((i for i, b in enumerate(found) if issubclass(kind, type(b))), len(found))
        found.insert(at, a)
    return found


def _name_of(func: Any) -> str:
    module = getattr(func, "__module__", None) or "rustorch"
    return f"{module}.{getattr(func, '__name__', func)}"


def _dispatch(func: Any, relevant: Iterable[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Asks the innermost mode, then the classes of the arguments, until one does not decline."""
    overloaded = [] if _get_state()[0] else _overloaded(relevant)
    types = tuple(type(a) for a in overloaded)
    stack = _modes.stack
    if stack and not _get_state()[1]:
        mode = stack.pop()  # inside its handler the mode is not active
        _set_modes(len(stack))
        try:
            result = mode.__torch_function__(func, types, args, kwargs)
        finally:
            stack.append(mode)
            _set_modes(len(stack))
        if result is not NotImplemented:
            return result
    for a in overloaded:
        result = a.__torch_function__(func, types, args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(
        f"no implementation found for '{_name_of(func)}' on types that implement __torch_function__: {list(types)}"
    )


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """Calls `__torch_function__(public_api, types, args, kwargs)` of modes and arguments until one does not decline."""
    return _dispatch(public_api, relevant_args, args, kwargs)


def redispatch_function(func: Any, types: Any, args: tuple[Any, ...], kwargs: Any = None) -> Any:
    """Calls func past the handlers once: what func itself calls asks them again. For use in `__torch_function__`."""
    before = _skip_next(True)
    try:
        return func(*args, **(kwargs or {}))
    finally:
        _skip_next(before)


def wrap_torch_function(dispatcher: Callable[..., Iterable[Any]]) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: the arguments that dispatcher picks may handle calls of the function."""

    def inner(func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        return wrapped

    return inner


# ---- what subclasses of Tensor inherit

_NO_CLASS = {"tolist", "item", "numpy", "backward", "__len__"}


def _as_class(result: Any, cls: Any) -> Any:
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)):
        return type(result)([_as_class(r, cls) for r in result])
    return result


def _default(cls: Any, func: Any, types: tuple[Any, ...], args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
    """Tensor.__torch_function__: calls func and makes its tensors objects of cls."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    if _get_state()[0]:  # func called back: it is another library's and does not know the switch below
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return result if getattr(func, "__name__", "") in _NO_CLASS else _as_class(result, cls)


class _Switch:
    """A context manager that sets the state of the thread; nests."""

    _off = (True, False)

    def __enter__(self) -> None:
        self._before: Any = getattr(self, "_before", ())
        old = _get_state()
        self._before = (*self._before, old)
        _set_state(old[0] or self._off[0], old[1] or self._off[1])

    def __exit__(self, *exc: Any) -> None:
        *rest, old = self._before
        self._before = tuple(rest)
        _set_state(*old)


class DisableTorchFunctionSubclass(_Switch):
    """Inside, subclasses of Tensor are plain tensors; modes stay active."""


class DisableTorchFunction(_Switch):
    """Inside, neither classes nor modes handle calls."""

    _off = (True, True)


class TorchFunctionMode:
    """Handles every call inside `with mode:`. Derive from it and define __torch_function__(func, types, args, kwargs);
    calls that this makes go to the mode outside it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __torch_function__")

    def __enter__(self) -> Any:
        _modes.stack.append(self)
        _set_modes(len(_modes.stack))
        return self

    def __exit__(self, *exc: Any) -> None:
        _modes.stack.pop()
        _set_modes(len(_modes.stack))


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


# ---- which functions ask


@functools.cache
def _tables() -> dict[Any, list[Any]]:
    import rustorch

    kinds = (type(_C.ops.add), type(vars(Tensor)["add"]))
    found: dict[Any, list[Any]] = {}
    for space in (rustorch, rustorch.linalg, rustorch.fft, rustorch.special, rustorch.nn.functional, Tensor):
        functions = [v for n, v in vars(space).items() if isinstance(v, kinds) and not n.startswith("__")]
        if space is Tensor:
            names = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift"
            functions += [getattr(Tensor, f"__{side}{n}__") for n in names.split() for side in ("", "r")]
            functions += [
                getattr(Tensor, f"__{n}__") for n in "getitem setitem eq ne lt le gt ge neg abs invert".split()
            ]
        found[space] = functions
    return found


def get_overridable_functions() -> dict[Any, list[Any]]:
    """The functions that ask for `__torch_function__`, by the module or class they are in."""
    return {space: list(functions) for space, functions in _tables().items()}


def get_ignored_functions() -> set[Any]:
    """Public functions of the package that never ask."""
    import rustorch

    kinds = (type(_C.ops.add), type)
    return {v for n, v in vars(rustorch).items() if callable(v) and not n.startswith("_") and not isinstance(v, kinds)}


def get_testing_overrides() -> dict[Any, Callable[..., Any]]:
    """For every overridable function one that takes the same arguments and gives -1."""

    def stand_in(func: Any) -> Callable[..., Any]:
        def override(*args: Any, **kwargs: Any) -> Any:
            return -1

        override.__name__ = getattr(func, "__name__", "override")
        return override

    return {f: stand_in(f) for functions in _tables().values() for f in functions}


def is_tensor_method_or_property(func: Callable[..., Any]) -> bool:
    """Whether func is a method of Tensor or the getter of one of its attributes."""
    return any(func is f for f in _tables()[Tensor]) or getattr(func, "__name__", None) == "__get__"


def resolve_name(f: Callable[..., Any]) -> str | None:
    """The public name of an overridable function, as "rustorch.Tensor.add"; None of others."""
    for space, functions in _tables().items():
        if any(f is g for g in functions):
            prefix = "rustorch.Tensor" if space is Tensor else space.__name__
            return f"{prefix}.{getattr(f, '__name__', '')}"
    return None
