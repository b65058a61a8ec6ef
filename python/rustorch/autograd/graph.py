"""What the recorded graph keeps: hooks on saved tensors.

with saved_tensors_hooks(lambda t: t.numpy(), rustorch.from_numpy):
    y = f(x)            # nodes keep arrays instead of tensors
y.backward()            # and make tensors of them again
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from rustorch import _C, Tensor

__all__ = ["Node", "disable_saved_tensors_hooks", "increment_version", "save_on_cpu", "saved_tensors_hooks"]

_core: Any = _C


Node = _core._Node


class _State(threading.local):
    def __init__(self) -> None:
        self.hooks: list[saved_tensors_hooks] = []
        self.refusal: str | None = None


_state = _State()


class saved_tensors_hooks:  # noqa: N801
    """Inside, whatever an operation saves for backward is kept as pack_hook(tensor), and unpack_hook(packed) gives the
    tensor back. pack_hook must not change its argument; unpack_hook gives the same values, shape and dtype. Of nested
    hooks the innermost count."""

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if _state.refusal is not None:
            raise RuntimeError(_state.refusal)
        _core._push_saved_hooks(self.pack_hook, self.unpack_hook)
        _state.hooks.append(self)

    def __exit__(self, *exc: Any) -> None:
        _core._pop_saved_hooks()
        _state.hooks.pop()


def _innermost() -> saved_tensors_hooks | None:
    """The hooks that count in this thread."""
    return _state.hooks[-1] if _state.hooks else None


class save_on_cpu(saved_tensors_hooks):  # noqa: N801
    """Inside, tensors saved for backward wait in the memory of the CPU and return to their device when they are needed."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(t: Tensor) -> tuple[Any, Tensor]:
            return t.device, t.cpu()

        def unpack(packed: tuple[Any, Tensor]) -> Tensor:
            return packed[1].to(packed[0])

        super().__init__(pack, unpack)


class disable_saved_tensors_hooks:  # noqa: N801
    """Inside, entering saved_tensors_hooks raises RuntimeError(error_message)."""

    def __init__(self, error_message: str) -> None:
        self.error_message = error_message
        self._before: list[str | None] = []

    def __enter__(self) -> None:
        if _state.hooks:
            raise RuntimeError(self.error_message)
        self._before.append(_state.refusal)
        _state.refusal = self.error_message

    def __exit__(self, *exc: Any) -> None:
        _state.refusal = self._before.pop()


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Notes that a tensor's elements (or those of several) were written by foreign code, so that backward passes that need
    the old ones refuse."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        _core._increment_version(t)
