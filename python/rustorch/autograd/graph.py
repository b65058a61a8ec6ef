"""The recorded graph: its nodes and edges, hooks on several gradients, hooks on what the nodes save.

with saved_tensors_hooks(lambda t: t.numpy(), rustorch.from_numpy):
    y = f(x)            # nodes keep arrays instead of tensors
y.backward()            # and make tensors of them again
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rustorch import _C, Tensor
from rustorch.utils.hooks import RemovableHandle

__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
    "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip

_core: Any = _C


Node = _core._Node


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor goes: result number output_nr of a node. It keeps the graph, not the tensor;
    autograd.grad and backward take it in place of the tensor."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of a tensor that requires grad.

    >>> edge = get_gradient_edge(y); del y
    >>> autograd.grad(edge, x, grad_outputs=g)
    """
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*_core._gradient_edge(tensor))


class _Handles(RemovableHandle):
    """Removes several hooks."""

    def __init__(self, handles: Iterable[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __getstate__(self) -> Any:
        return self.handles

    def __setstate__(self, state: Any) -> None:
        self.handles = state


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all"
) -> RemovableHandle:
    """Calls fn once per backward pass: with mode "all" when the gradients of all the tensors that the pass reaches are
    known, with the list of them (None where none comes); with "any" when the first one is known, with that one."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    lock = threading.Lock()
    if mode == "any":
        seen: list[int] = [0]

        def first(grad: Tensor) -> None:
            now = _core._current_backward()
            with lock:
                if seen[0] == now:
                    return
                seen[0] = now
            fn(grad)

        return _Handles(t.register_hook(first) for t in tensors if t.requires_grad)

    nodes = [get_gradient_edge(t).node if t.requires_grad else None for t in tensors]
    passes: dict[int, tuple[int, list[Any]]] = {}  # number of the pass -> how many come, what has come

    def hook_of(i: int) -> Callable[[Tensor], None]:
        def hook(grad: Tensor) -> None:
            now = _core._current_backward()
            with lock:
                if now not in passes:
                    if len(passes) >= 16:  # left by passes that failed
                        del passes[next(iter(passes))]
                    passes[now] = (sum(n is not None and _core._backward_runs(n) for n in nodes), [None] * len(nodes))
                expected, grads = passes[now]
                grads[i] = grad
                if sum(g is not None for g in grads) < expected:
                    return
                del passes[now]
            fn(grads)

        return hook

    return _Handles(t.register_hook(hook_of(i)) for i, t in enumerate(tensors) if t.requires_grad)


def _node_attribute(node: Any, name: str) -> Any:
    """A node of a custom Function has the attributes of its ctx."""
    context = None if name.startswith("__") else _core._node_context(node)
    if context is None:
        raise AttributeError(f"'{type(node).__name__}' object has no attribute '{name}'")
    return getattr(context, name)


Node.__getattr__ = _node_attribute


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


class _Held:
    """A saved tensor and the version it had."""

    __slots__ = ("copy", "tensor", "version")

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.version = tensor, tensor._version
        # A copy costs nothing until someone writes to one of the two.
        self.copy = tensor.detach().clone()


class allow_mutation_on_saved_tensors:  # noqa: N801
    """Inside, tensors that are saved for backward may be changed in place: backward sees the values that were saved."""

    def __enter__(self) -> allow_mutation_on_saved_tensors:
        def unpack(held: _Held) -> Tensor:
            return held.tensor if held.tensor._version == held.version else held.copy

        self._hooks = saved_tensors_hooks(_Held, unpack)
        self._hooks.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._hooks.__exit__(*exc)

    def clear(self) -> None:
        """Nothing is kept here: what was saved goes with the graph."""


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Notes that a tensor's elements (or those of several) were written by foreign code, so that backward passes that need
    the old ones refuse."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        _core._increment_version(t)
