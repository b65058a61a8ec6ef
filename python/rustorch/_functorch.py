"""The older package functorch: transforms that moved to `rustorch.func`, and modules as functions of their state.

compat.install_as_torch() gives it to `import functorch` too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from rustorch import Tensor, nn
from rustorch.func import (
    functional_call,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)

__all__ = [
    "combine_state_for_ensemble", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
    "make_functional", "make_functional_with_buffers", "vjp", "vmap",
]  # fmt: skip


def _skeleton(model: nn.Module) -> nn.Module:
    """A copy of the module that holds the structure only."""
    return copy.deepcopy(model).to("meta")


def _detached(tensors: Sequence[Tensor], disable: bool) -> tuple[Tensor, ...]:
    return tuple(t.detach() for t in tensors) if disable else tuple(tensors)


def make_functional_with_buffers(
    model: nn.Module, disable_autograd_tracking: bool = False
) -> tuple[Callable[..., Any], tuple[Tensor, ...], tuple[Tensor, ...]]:
    """(f, parameters, buffers): f(parameters, buffers, *args, **kwargs) is the module's call with these."""
    # Every name counts, also a second one of a shared tensor.
    params = dict(model.named_parameters(remove_duplicate=False))
    buffers = dict(model.named_buffers(remove_duplicate=False))
    names, buffer_names, skeleton = list(params), list(buffers), _skeleton(model)

    def functional(parameters: Sequence[Tensor], buffers: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        state = {**dict(zip(names, parameters)), **dict(zip(buffer_names, buffers))}
        return functional_call(skeleton, state, args, kwargs, tie_weights=False)

    return functional, _detached(list(params.values()), disable_autograd_tracking), tuple(buffers.values())


def make_functional(
    model: nn.Module, disable_autograd_tracking: bool = False
) -> tuple[Callable[..., Any], tuple[Tensor, ...]]:
    """(f, parameters): f(parameters, *args, **kwargs) is the call of a module without buffers."""
    if next(model.buffers(), None) is not None:
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use make_functional_with_buffers(model) instead."
        )
    both, params, _ = make_functional_with_buffers(model, disable_autograd_tracking)

    def functional(parameters: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        return both(parameters, (), *args, **kwargs)

    return functional, params


def combine_state_for_ensemble(
    models: Sequence[nn.Module],
) -> tuple[Callable[..., Any], tuple[Tensor, ...], tuple[Tensor, ...]]:
    """(f, parameters, buffers) of several modules of one structure, each tensor stacked over them: for vmap over f."""
    params, buffers = stack_module_state(list(models))
    names, buffer_names, skeleton = list(params), list(buffers), _skeleton(models[0])

    def functional(parameters: Sequence[Tensor], buffers: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        state = {**dict(zip(names, parameters)), **dict(zip(buffer_names, buffers))}
        return functional_call(skeleton, state, args, kwargs)

    return functional, tuple(params.values()), tuple(buffers.values())
