"""Reverse mode as function transforms: grad, grad_and_value, vjp.

There is one tape, without levels: a transform gives the function fresh aliases of its inputs (linked to the inputs when
those require grad) and asks for the gradients of these aliases only. Nesting, and mixing with backward(), follow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import rustorch
from rustorch import _C, Tensor
from rustorch.autograd import enable_grad
from rustorch.utils._pytree import tree_flatten, tree_map, tree_unflatten, treespec_pprint

ArgNums = int | tuple[int, ...]


def variable(value: Any, what: str = "transform API") -> Tensor:
    """A new tensor object for `value` that requires grad."""
    if not isinstance(value, Tensor):
        raise ValueError(f"Thing passed to {what} must be Tensor, got {type(value)}")
    return _C._func_leaf(value)


def leave(tree: Any, leaves: list[Tensor]) -> Any:
    """What a transform hands out: without the history that leads to nothing but its own `leaves`."""
    values, spec = tree_flatten(tree)
    own = iter(_C._func_leave([v for v in values if isinstance(v, Tensor)], leaves))
    return tree_unflatten([next(own) if isinstance(v, Tensor) else v for v in values], spec)


def check_argnum(argnum: Any, count: int) -> int:
    """The position as a number from 0."""
    if not isinstance(argnum, int):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count


def check_argnums(argnums: Any, count: int) -> ArgNums:
    """The positions as numbers from 0."""
    if isinstance(argnums, int):
        return check_argnum(argnums, count)
    if not isinstance(argnums, tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not argnums:
        raise RuntimeError("argnums must be non-empty")
    positions = tuple(check_argnum(a, count) for a in argnums)
    if len(set(positions)) != len(positions):
        raise RuntimeError(f"argnums elements must be unique, got {positions}")
    return positions


def pick(args: tuple[Any, ...], argnums: ArgNums) -> Any:
    """The arguments at the positions."""
    return args[argnums] if isinstance(argnums, int) else tuple(args[i] for i in argnums)


def replace(args: tuple[Any, ...], new: Any, argnums: ArgNums) -> tuple[Any, ...]:
    """The arguments with new ones at the positions."""
    values = dict([(argnums, new)] if isinstance(argnums, int) else zip(argnums, new))
    return tuple(values.get(i, a) for i, a in enumerate(args))


def gradients(
    outputs: Any, inputs: Any, seeds: Any = None, *, retain_graph: bool, create_graph: bool
) -> tuple[Tensor, ...]:
    """autograd.grad that gives zeros for what does not depend."""
    seeds = [None] * len(outputs) if seeds is None else seeds
    pairs = [(o, s) for o, s in zip(outputs, seeds) if o.requires_grad]
    if not pairs:
        return tuple(rustorch.zeros_like(x) for x in inputs)
    outs, grads = zip(*pairs)
    result = _C._grad(outs, tuple(inputs), grads, retain_graph or create_graph, create_graph, True)
    return tuple(rustorch.zeros_like(x) if g is None else g for g, x in zip(result, inputs))


def _split_aux(result: Any, has_aux: bool, call: str, function: str) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(f"{call}: output of function {function} should be a tuple: (output, aux) if has_aux is True")
    return result


def grad_and_value(func: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives (gradient, value) of `func`, whose result is one number.

    With has_aux, func gives (value, aux), and the result is (gradient, (value, aux)).
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():
            positions = check_argnums(argnums, len(args))
            inputs = tree_map(variable, pick(args, positions))
            call = "grad_and_value(f)(*args)"
            output, aux = _split_aux(func(*replace(args, inputs, positions), **kwargs), has_aux, call, "f")
            if not isinstance(output, Tensor):
                raise RuntimeError(f"{call}: Expected f(*args) to return a Tensor, got {type(output)}")
            if output.dim() != 0:
                raise RuntimeError(
                    f"{call}: Expected f(*args) to return a scalar Tensor, got tensor with {output.dim()} dims. Maybe you "
                    "wanted to use the vjp or jacrev APIs instead?"
                )
            flat, spec = tree_flatten(inputs)
            more = _C._func_reaches((output,), flat)
            # The values of batched tensors and the tangents of dual ones may have histories of their own.
            again = more or _C._transform_depth() > 0
            result = gradients((output,), flat, retain_graph=False, create_graph=again)
        result, output, aux = leave((tree_unflatten(result, spec), output, aux), flat)
        return (result, (output, aux)) if has_aux else (result, output)

    return wrapper


def grad(func: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of `func` (whose result is one number) by the arguments at `argnums`.

    With has_aux, func gives (value, aux), and the result is (gradient, aux).
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result, value = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return wrapper


def check_tensors(outputs: list[Any], call: str) -> None:
    """A transform needs a function that gives tensors."""
    if not outputs or (len(outputs) == 1 and outputs[0] is None):
        raise RuntimeError(f"{call}: Expected f to be a function that has non-empty output (got output = {outputs})")
    for o in outputs:
        if not isinstance(o, Tensor):
            raise RuntimeError(f"{call}: expected f(*primals) to return only tensors, got unsupported type {type(o)}")


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(func(*primals), a function from cotangents to the tuple of cotangent^T J per primal).

    With has_aux, func gives (output, aux), and aux is a third result.
    """
    return vjp_of(func, primals, None, has_aux)


def vjp_of(func: Callable[..., Any], primals: tuple[Any, ...], argnums: ArgNums | None, has_aux: bool) -> Any:
    """vjp by the arguments at `argnums` (all when None)."""
    with enable_grad():
        if argnums is None:
            inputs = args = tree_map(variable, primals)
        else:
            argnums = check_argnums(argnums, len(primals))
            inputs = tree_map(variable, pick(primals, argnums))
            args = replace(primals, inputs, argnums)
        output, aux = _split_aux(func(*args), has_aux, "vjp(f, *primals)", "f")
        flat_out, out_spec = tree_flatten(output)
        check_tensors(flat_out, "vjp(f, *primals)")
        flat_in, in_spec = tree_flatten(inputs)
        for o in flat_out:
            if not (o.is_floating_point() or o.is_complex()):
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                    f"{o.dtype}"
                )
        more = _C._func_reaches(flat_out, flat_in)
        inside = _C._transform_depth() > 0

    def pull_back(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        flat, spec = tree_flatten(cotangents)
        if spec != out_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {treespec_pprint(spec)}, primal output: {treespec_pprint(out_spec)}"
            )
        seeded = any(isinstance(c, Tensor) and _C._func_has_history(c) for c in flat)
        again = (more or seeded or inside) and _C.is_grad_enabled() if create_graph is None else create_graph
        result = gradients(flat_out, flat_in, flat, retain_graph=retain_graph, create_graph=again)
        if create_graph is None:
            result = leave(result, flat_in)
        return tree_unflatten(result, in_spec)

    output, aux = leave((output, aux), flat_in)
    return (output, pull_back, aux) if has_aux else (output, pull_back)
