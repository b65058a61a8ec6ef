"""Questions and marks that programs ask a compiler. There is none: operators run eagerly."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

from ._settings import compile

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "reset",
    "set_stance",
    "substitute_in_graph",
    "wrap_numpy",
]


def is_compiling() -> bool:
    """False."""
    return False


def is_dynamo_compiling() -> bool:
    """False."""
    return False


def is_exporting() -> bool:
    """False."""
    return False


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """["eager"]."""
    return ["eager"]


def reset() -> None:
    """Forgets compiled functions; there are none."""


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Marks a function that is not to be compiled: gives it back. Also a decorator with arguments."""
    return (lambda f: f) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """Marks a function, or several, that a compiler is to leave alone: gives it back."""
    return fn


def assume_constant_result(fn: Any) -> Any:
    """Marks a function whose result a compiler may keep: gives it back."""
    return fn


def cudagraph_mark_step_begin() -> None:
    """Says that a new step begins. Nothing is recorded."""


def set_stance(stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend: Any = None) -> Any:
    """How compiled functions run: eagerly, whatever the stance. Also a context and a decorator."""
    known = ("default", "force_eager", "eager_on_recompile", "fail_on_recompile", "eager_then_compile", "aot_eager_then_compile")  # fmt: skip
    if stance not in known:
        raise RuntimeError(f"set_stance(): invalid stance; got {stance!r}; expected one of {', '.join(known)}")
    return contextlib.nullcontext()


def substitute_in_graph(original_fn: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """Marks what a compiler may take in place of original_fn: gives the function back."""
    return lambda fn: fn


def wrap_numpy(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors from one of NumPy arrays."""
    import numpy

    from rustorch import Tensor
    from rustorch.utils._pytree import tree_map_only

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = tree_map_only(Tensor, lambda t: t.numpy(), (args, kwargs))
        from rustorch import from_numpy

        return tree_map_only(numpy.ndarray, from_numpy, fn(*args, **kwargs))

    return wrapped
