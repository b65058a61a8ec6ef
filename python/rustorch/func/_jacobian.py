"""Jacobians and products with them: jvp, jacrev, jacfwd, hessian, linearize."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import rustorch
from rustorch import _C, Tensor
from rustorch.utils._pytree import tree_flatten, tree_leaves, tree_map_only, tree_unflatten

from ._grad import ArgNums, check_argnums, check_tensors, pick, replace, vjp_of
from ._vmap import vmap

_JVP = "jvp(f, primals, tangents)"


def _refuse_complex(api: str, tree: Any, what: str) -> None:
    for i, t in enumerate(tree_leaves(tree)):
        if isinstance(t, Tensor) and t.is_complex():
            raise RuntimeError(
                f"{api}: Expected all {what} to be real but received complex tensor at flattened input idx: {i}"
            )


def _check_list(values: list[Any], what: str) -> None:
    if not values:
        raise RuntimeError(f"{_JVP}: Expected {what} to contain at least one Tensor.")
    for v in values:
        if not isinstance(v, Tensor):
            raise RuntimeError(f"{_JVP}: Expected {what} to only contain Tensors, got {type(v)}")


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """(func(*primals), J v) with the tangents as v; with has_aux func gives (output, aux) and aux is a third result."""
    return jvp_of(func, primals, tangents, None, strict, has_aux)


def jvp_of(
    func: Callable[..., Any], primals: Any, tangents: Any, argnums: ArgNums | None, strict: bool, has_aux: bool
) -> Any:
    """jvp by the arguments at `argnums` (all when None)."""
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{_JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    if argnums is not None:
        argnums = check_argnums(argnums, len(primals))
    inputs = primals if argnums is None else pick(primals, argnums)
    flat_primals, spec = tree_flatten(inputs)
    flat_tangents, tangent_spec = tree_flatten(tangents)
    if spec != tangent_spec:
        raise RuntimeError(
            f"{_JVP}: Expected primals and tangents to have the same python structure. For example, if primals is a tuple "
            f"of 3 tensors, tangents also must be. Got primals with structure {spec} and tangents with structure "
            f"{tangent_spec}"
        )
    _check_list(flat_primals, "primals")
    _check_list(flat_tangents, "tangents")
    return _push(func, primals, argnums, spec, flat_primals, flat_tangents, strict, has_aux)


def _push(func, primals, argnums, spec, flat_primals, flat_tangents, strict, has_aux):
    """One call of func on dual tensors."""
    _C._enter_dual_level()
    try:
        duals = tree_unflatten([_C._make_dual(p, v) for p, v in zip(flat_primals, flat_tangents)], spec)
        result = func(*(duals if argnums is None else replace(primals, duals, argnums)))
        aux = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(f"{_JVP}: output of function f should be a tuple: (output, aux) if has_aux is True")
            result, aux = result
            aux = tree_map_only(Tensor, lambda t: _C._unpack_dual(t)[0], aux)
        flat_out, out_spec = tree_flatten(result)
        check_tensors(flat_out, _JVP)
        values, products = zip(*map(_C._unpack_dual, flat_out))
    finally:
        _C._exit_level()
    if strict and any(p is None for p in products):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed with "
            "strict=True."
        )
    tangents = [rustorch.zeros_like(v) if p is None else p for p, v in zip(products, values)]
    output, pushed = tree_unflatten(values, out_spec), tree_unflatten(tangents, out_spec)
    return (output, pushed, aux) if has_aux else (output, pushed)


def _basis(tensors: list[Tensor]) -> list[Tensor]:
    """The identity of all elements, as one (total, *shape) block per tensor."""
    total = sum(t.numel() for t in tensors)
    blocks, start = [], 0
    for t in tensors:
        block = t.new_zeros((total, t.numel()))
        block.diagonal(-start).fill_(1)
        blocks.append(block.reshape((total, *t.shape)))
        start += t.numel()
    return blocks


def jacrev(
    func: Callable[..., Any],
    argnums: ArgNums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that gives the Jacobian of `func` by the arguments at `argnums`, by reverse mode.

    Shape: output.shape + input.shape, in the structure of the output. chunk_size bounds how many rows are held at once.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        _refuse_complex("jacrev", args, "inputs")
        result = vjp_of(func, args, argnums, has_aux)
        output, pull = result[0], result[1]
        flat_out, out_spec = tree_flatten(output)
        _refuse_complex("jacrev", flat_out, "outputs")
        flat_in, in_spec = tree_flatten(pick(args, check_argnums(argnums, len(args))))
        columns = _rows(lambda seeds: tree_leaves(pull(tree_unflatten(seeds, out_spec))), _basis(flat_out), chunk_size)
        blocks = []
        start = 0
        for o in flat_out:
            part = [c[start : start + o.numel()].reshape((*o.shape, *x.shape)) for c, x in zip(columns, flat_in)]
            blocks.append(tree_unflatten(part, in_spec))
            start += o.numel()
        jacobian = tree_unflatten(blocks, out_spec)
        return (jacobian, result[2]) if has_aux else jacobian

    return wrapper


def _rows(pull: Callable[..., Any], basis: list[Tensor], chunk_size: int | None) -> list[Tensor]:
    """pull of every row of the basis, stacked; one row at a time runs without vmap."""
    total = basis[0].shape[0]
    if chunk_size == 1 and total > 0:
        rows = [pull([b[i] for b in basis]) for i in range(total)]
        return [rustorch.stack(list(column)) for column in zip(*rows)]
    return vmap(pull, chunk_size=chunk_size)(basis)


def jacfwd(
    func: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """A function that gives the Jacobian of `func` by the arguments at `argnums`, by forward mode."""

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        _refuse_complex("jacfwd", args, "inputs")
        positions = check_argnums(argnums, len(args))
        flat_in, in_spec = tree_flatten(pick(args, positions))
        shape: dict[str, Any] = {}

        def push(tangents: list[Tensor]) -> list[Tensor]:
            result = jvp_of(func, args, tree_unflatten(tangents, in_spec), positions, False, has_aux)
            _refuse_complex("jacfwd", result[0], "outputs")
            flat, shape["spec"] = tree_flatten(result[1])
            return (flat, result[2]) if has_aux else flat

        columns = vmap(push, randomness=randomness)(_basis(flat_in))
        if has_aux:
            columns, aux = columns
            aux = tree_map_only(Tensor, lambda t: t[0], aux)
        blocks = []
        for c in columns:
            parts, start = [], 0
            for x in flat_in:
                part = c[start : start + x.numel()].movedim(0, -1)
                parts.append(part.reshape((*c.shape[1:], *x.shape)))
                start += x.numel()
            blocks.append(tree_unflatten(parts, in_spec))
        jacobian = tree_unflatten(blocks, shape["spec"])
        return (jacobian, aux) if has_aux else jacobian

    return wrapper


def hessian(func: Callable[..., Any], argnums: ArgNums = 0) -> Callable[..., Any]:
    """A function that gives the Hessian of `func`: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(func(*primals), the function v -> J v at these primals); func runs once, each product reads the recorded graph."""
    with rustorch.enable_grad():
        output, pull = vjp_of(func, primals, None, False)
        flat_out, out_spec = tree_flatten(output)
        seeds = [rustorch.zeros_like(o).requires_grad_() for o in flat_out]
        back, in_spec = tree_flatten(pull(tree_unflatten(seeds, out_spec), create_graph=True))

    def push(*tangents: Any) -> Any:
        flat, spec = tree_flatten(tangents)
        if spec != in_spec:
            raise RuntimeError(
                f"Expected the tangents {spec} to have the same pytree structure as the primals {in_spec}."
            )
        for i, (t, p) in enumerate(zip(flat, tree_leaves(primals))):
            if t.shape != p.shape:
                raise ValueError(
                    f"Expected the tangents to have the same shape as the primals; got {tuple(t.shape)} and "
                    f"{tuple(p.shape)} at flattened index {i}."
                )
        pairs = [(b, v) for b, v in zip(back, flat) if b.requires_grad]
        products: Any = [None] * len(seeds)
        if pairs:
            outs, vs = zip(*pairs)
            products = rustorch.autograd.grad(outs, seeds, vs, retain_graph=True, allow_unused=True)
        return tree_unflatten(
            [rustorch.zeros_like(o) if p is None else p for p, o in zip(products, flat_out)], out_spec
        )

    return output, push


__all__ = ["hessian", "jacfwd", "jacrev", "jvp", "jvp_of", "linearize"]
