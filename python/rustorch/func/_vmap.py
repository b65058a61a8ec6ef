"""vmap: a function of one example becomes a function of a batch, without a loop."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import rustorch
from rustorch import _C, Tensor
from rustorch.utils._pytree import broadcast_to_and_flatten, tree_flatten, tree_map_, tree_unflatten

InDims = int | tuple[Any, ...]


def _name(func: Callable[..., Any]) -> str:
    if hasattr(func, "__name__"):
        return func.__name__
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return repr(func)


def _check_out_dims(out_dims: Any, func: Callable[..., Any]) -> None:
    def check(x: Any) -> None:
        if x is not None and not isinstance(x, int):
            raise ValueError(
                f"vmap({_name(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of "
                "ints representing where in the outputs the vmapped dimension should appear."
            )

    if not isinstance(out_dims, int):
        tree_map_(check, out_dims)


def _inputs(in_dims: Any, args: tuple[Any, ...], func: Callable[..., Any]) -> tuple[int, list[Any], list[Any], Any]:
    """(batch size, dimension per leaf, leaves, structure)."""
    call = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): "
    if not isinstance(in_dims, int | tuple):
        raise ValueError(
            f"{call}expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, got: "
            f"{type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over "
            "a function with no inputs. The latter is unsupported."
        )
    leaves, spec = tree_flatten(args)
    dims = broadcast_to_and_flatten(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{call}in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    for i, (arg, dim) in enumerate(zip(leaves, dims)):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{call}Got in_dim={dim} for an input but in_dim must be either an integer dimension or None."
            )
        if not isinstance(arg, Tensor):
            raise ValueError(
                f"{call}Got in_dim={dim} for an input but the input is of type {type(arg)}. We cannot vmap over non-Tensor "
                "arguments, please use None as the respective in_dim"
            )
        if not -arg.dim() <= dim < arg.dim():
            raise ValueError(
                f"{call}Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {arg.dim()} so "
                f"expected in_dim to satisfy -{arg.dim()} <= in_dim < {arg.dim()}."
            )
        dims[i] = dim % arg.dim()
    return _batch_size(dims, leaves), dims, leaves, spec


def _batch_size(dims: list[Any], leaves: list[Any]) -> int:
    sizes = [arg.shape[dim] for arg, dim in zip(leaves, dims) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]


def _out_dims(out_dims: Any, outputs: Any, spec: Any, func: Callable[..., Any]) -> list[Any]:
    dims: Any = None
    if not isinstance(outputs, Tensor):
        dims = broadcast_to_and_flatten(out_dims, spec)
    elif isinstance(out_dims, int) or out_dims is None:
        dims = [out_dims]
    elif isinstance(out_dims, tuple) and len(out_dims) == 1:
        dims = list(out_dims)
    if dims is None:
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of "
            f"`outputs`. out_dims has structure {tree_flatten(out_dims)[1]} but outputs has structure {spec}."
        )
    return dims


def _leave(func: Callable[..., Any], output: Any, value: Any, dim: int | None, size: int) -> Any:
    """An output with its batch dimension at `dim`."""
    name = _name(func)
    if dim is None:
        if value is not None:
            raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None")
        return output
    if not isinstance(output, Tensor):
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(output)}. Did you mean to set out_dims= "
            "to None for output?"
        )
    if value is None:
        value = output.unsqueeze(0).expand(size, *output.shape)
    if not -value.dim() <= dim < value.dim():
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-value.dim()}, {value.dim() - 1}], but got {dim})"
        )
    return value if dim == 0 else value.movedim(0, dim)


def _run(func, size, dims, leaves, spec, out_dims, randomness, kwargs):
    level = _C._vmap_enter(size, randomness)
    try:
        batched = [arg if dim is None else _C._vmap_wrap(arg, dim, level) for arg, dim in zip(leaves, dims)]
        outputs = func(*tree_unflatten(batched, spec), **kwargs)
        flat, out_spec = tree_flatten(outputs)
        flat_dims = _out_dims(out_dims, outputs, out_spec, func)
        values = [_C._vmap_value(o, level) if isinstance(o, Tensor) else None for o in flat]
    finally:
        _C._exit_level()
    return tree_unflatten([_leave(func, o, v, d, size) for o, v, d in zip(flat, values, flat_dims)], out_spec)


def _chunks(func, size, dims, leaves, spec, out_dims, randomness, chunk_size, kwargs):
    state = rustorch.get_rng_state() if randomness == "same" else None
    parts, out_spec = [], None
    for start in range(0, size, chunk_size):
        stop = min(start + chunk_size, size)
        piece = [x if d is None else x.narrow(d, start, stop - start) for x, d in zip(leaves, dims)]
        if state is not None:
            rustorch.set_rng_state(state)
        result = _run(func, stop - start, dims, piece, spec, out_dims, randomness, kwargs)
        flat, out_spec = tree_flatten(result)
        parts.append(flat)
    flat_dims = broadcast_to_and_flatten(out_dims, out_spec)
    joined = [
        column[0] if d is None else rustorch.cat(list(column), dim=d) for column, d in zip(zip(*parts), flat_dims)
    ]
    return tree_unflatten(joined, out_spec)


def vmap(
    func: Callable[..., Any],
    in_dims: InDims = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that applies `func` to every slice of its arguments along `in_dims`, and joins the results at `out_dims`.

    `in_dims`: a dimension for all arguments, or a tuple of them in the structure of the arguments, None for what is not
    sliced. `randomness`: what random operators do inside: "error", "same" numbers for all slices, "different" ones.
    `chunk_size` bounds how many slices are computed at a time. Keyword arguments are not sliced.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _check_out_dims(out_dims, func)
        size, dims, leaves, spec = _inputs(in_dims, args, func)
        if chunk_size is not None and chunk_size < size:
            return _chunks(func, size, dims, leaves, spec, out_dims, randomness, chunk_size, kwargs)
        return _run(func, size, dims, leaves, spec, out_dims, randomness, kwargs)

    return wrapper


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """The value of a tensor inside of vmap, all its slices stacked along the first dimension; for looking at only."""
    return _C._all_values(tensor)


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """`func` as it is: its results are those of the function without in-place writes, which only tracers need."""
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are:\n"
            '     remove="mutations": all inplace and out= operators will be removed from the program, and replaced with '
            "their out-of-place equivalents.\n"
            '     remove="mutations_and_views": In addition to the above, all aliasing operators {view} will be replaced '
            "with their non-aliasing counterparts, {view}_copy.\n"
        )

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapper
