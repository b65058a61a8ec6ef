"""Arguments that bring their own `__torch_function__`: how a library written for tensors serves other types.

    def my_op(x):
        if has_torch_function_unary(x):
            return handle_torch_function(my_op, (x,), x)
        ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import Tensor

__all__ = [
    "handle_torch_function",
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "is_tensor_like",
]


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether an argument's type, other than Tensor itself, defines `__torch_function__`."""
    return any(type(a) is not Tensor and hasattr(type(a), "__torch_function__") for a in relevant_args)


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
    """One argument of each type with `__torch_function__`, subclasses before the classes they derive from."""
    found: list[Any] = []
    for a in relevant_args:
        kind = type(a)
        if kind is Tensor or not hasattr(kind, "__torch_function__") or any(type(b) is kind for b in found):
            continue
        at = next((i for i, b in enumerate(found) if issubclass(kind, type(b))), len(found))
        found.insert(at, a)
    return found


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """Calls `__torch_function__(public_api, types, args, kwargs)` of the arguments until one does not decline."""
    overloaded = _overloaded(relevant_args)
    types = tuple(type(a) for a in overloaded)
    for a in overloaded:
        result = a.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = f"{public_api.__module__}.{public_api.__name__}"
    raise TypeError(f"no implementation found for '{name}' on types that implement __torch_function__: {list(types)}")
