"""Clipping of gradients by norm or value."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import rustorch as rt
from rustorch import Tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _tensors(x: Any, what: str = "parameters") -> list[Tensor]:
    if isinstance(x, Tensor):
        return [x]
    items = list(x)
    return items


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of the vector of all elements of all tensors; a tensor of no dims."""
    items = _tensors(tensors)
    norm_type = float(norm_type)
    if not items:
        return rt.tensor(0.0)
    first = items[0].device
    with rt.no_grad():
        norms = [rt.linalg.vector_norm(t, norm_type).to(first) for t in items]
        total = rt.linalg.vector_norm(rt.stack(norms), norm_type)
    if error_if_nonfinite and not bool(rt.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None) -> None:
    """Scale the gradients by max_norm / total_norm where that is below 1."""
    grads = [p.grad for p in _tensors(parameters) if p.grad is not None]
    if not grads:
        return
    with rt.no_grad():
        factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for g in grads:
            g.mul_(factor.to(g.device))


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients so that their common norm is at most max_norm; gives the norm before."""
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    else:
        exhausted = not isinstance(parameters, Iterable)
        if exhausted:
            raise TypeError(f"parameters must be a Tensor or an iterable of Tensors; got {type(parameters).__name__}")
        generator = iter(parameters) is parameters
        parameters = list(parameters)
        if generator and not parameters:
            warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    grads = [p.grad for p in parameters if p.grad is not None]
    total = get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The older name of `clip_grad_norm_`."""
    warnings.warn(
        "`nn.utils.clip_grad_norm` is now deprecated in favor of `nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Clamp all gradients to [-clip_value, clip_value]."""
    clip_value = float(clip_value)
    with rt.no_grad():
        for p in _tensors(parameters):
            if p.grad is not None:
                p.grad.clamp_(min=-clip_value, max=clip_value)
