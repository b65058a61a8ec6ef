"""Differentiation: backward, grad, Function, and the modes."""

from .. import _C
from .._C import Tensor
from .function import Function
from .grad_mode import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
    set_multithreading_enabled,
)
from .gradcheck import gradcheck, gradgradcheck

Variable = Tensor


def __getattr__(name):
    if name in ("forward_ad", "functional", "graph", "profiler"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "forward_ad", "functional", "grad", "gradcheck",
    "gradgradcheck",
    "inference_mode", "no_grad", "set_detect_anomaly", "set_grad_enabled", "set_multithreading_enabled", "variable",
]  # fmt: skip


def variable(*args, **kwargs):
    """Removed, as in PyTorch: use tensor()."""
    raise RuntimeError("rustorch.autograd.variable(...) is deprecated, use rustorch.tensor(...) instead")


def _tuple(x):
    return (x,) if isinstance(x, Tensor) or _is_edge(x) else tuple(x)


def _is_edge(x):
    return isinstance(x, tuple) and type(x).__name__ == "GradientEdge"


def _edge(x):
    """(node, number of the result) of a tensor or an edge."""
    if _is_edge(x):
        return x[:2]
    if not x.requires_grad:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return _C._gradient_edge(x)


def _run_edges(outputs, inputs, grads, keep, create_graph, accumulate):
    """backward() and grad() where some of the outputs or inputs are edges of the graph."""
    grads = [None] * len(outputs) if grads is None else list(grads)
    for i, (o, g) in enumerate(zip(outputs, grads)):
        if g is None and isinstance(o, Tensor) and o.numel() == 1:
            grads[i] = _C.ops.ones_like(o.detach())
    return _C._backward_edges(
        [_edge(o) for o in outputs], grads, [_edge(i) for i in inputs], bool(keep), bool(create_graph), accumulate
    )


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None):
    """Adds the gradients of several tensors to the grad of the leaves (or of `inputs` only)."""
    tensors = _tuple(tensors)
    grads = None if grad_tensors is None else _tuple(grad_tensors)
    if inputs is not None:
        inputs = _tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    if any(map(_is_edge, (*tensors, *(inputs or ())))):
        keep = create_graph if retain_graph is None else retain_graph
        _run_edges(tensors, inputs or (), grads, keep, create_graph, inputs is not None)
        return
    _C._backward(tensors, grads, create_graph if retain_graph is None else retain_graph, create_graph, inputs)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True,
         allow_unused=None, is_grads_batched=False, materialize_grads=False):  # fmt: skip
    """Gradients of the sum of `outputs` (weighted by `grad_outputs`) with respect to `inputs`, as a tuple."""
    outputs, inputs = _tuple(outputs), _tuple(inputs)
    if allow_unused is False and materialize_grads:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    unused = materialize_grads if allow_unused is None else allow_unused
    grads = (
        None
        if grad_outputs is None
        else _tuple(grad_outputs)
        if not isinstance(grad_outputs, Tensor)
        else (grad_outputs,)
    )
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return _grad_rows(outputs, inputs, grads, keep, create_graph, unused)
    if any(map(_is_edge, (*outputs, *inputs))):
        result = _run_edges(outputs, inputs, grads, keep, create_graph, False)
        if not unused and any(g is None for g in result):
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
                "this is the desired behavior."
            )
        return result
    result = _C._grad(outputs, inputs, grads, keep, create_graph, unused)
    if materialize_grads:
        result = tuple(_C.ops.zeros_like(i) if g is None else g for g, i in zip(result, inputs))
    return result


def _grad_rows(outputs, inputs, grads, keep, create_graph, unused):
    """Gradients for every slice of the grad_outputs along their first dimension, in one batched pass."""
    from ..func import vmap

    there = []

    def rows(*seeds):
        result = _C._grad(outputs, inputs, seeds, keep, create_graph, unused)
        there[:] = [r is not None for r in result]
        return tuple(r for r in result if r is not None)

    result = iter(vmap(rows, in_dims=tuple(None if g is None else 0 for g in grads))(*grads))
    return tuple(next(result) if t else None for t in there)
