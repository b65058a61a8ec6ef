"""Turning a list of samples into a batch."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import rustorch as rt
from rustorch import Tensor

_ERROR = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _numpy_kind(x: Any) -> str:
    """'array', 'scalar' or '' (NumPy is not imported for it)."""
    kind = type(x)
    if kind.__module__ != "numpy":
        return ""
    return "array" if kind.__name__ in ("ndarray", "memmap") else "scalar"


def _mapping_like(sample: Any, values: dict[Any, Any]) -> Any:
    try:
        if isinstance(sample, MutableMapping):
            clone = copy.copy(sample)
            clone.update(values)
            return clone
        return type(sample)(values)
    except TypeError:  # the type does not support copying or this constructor
        return values


def _sequence_like(sample: Any, values: list[Any]) -> Any:
    try:
        if isinstance(sample, MutableSequence):
            clone = copy.copy(sample)
            for i, v in enumerate(values):
                clone[i] = v
            return clone
        return type(sample)(values)
    except TypeError:
        return values


def default_convert(data: Any) -> Any:
    """A sample with its NumPy arrays and scalars as tensors; anything else stays as it is."""
    if isinstance(data, Tensor):
        return data
    kind = _numpy_kind(data)
    if kind:
        if kind == "array" and data.dtype.kind in "SUO":
            return data
        return rt.as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {k: default_convert(v) for k, v in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(v) for v in data))
    if isinstance(data, tuple):
        return [default_convert(v) for v in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _sequence_like(data, [default_convert(v) for v in data])
    return data


def _stack_tensors(batch: Sequence[Any]) -> Tensor:
    if batch[0].layout is not rt.strided:
        raise RuntimeError(
            "Batches of sparse tensors are not currently supported by the default collate_fn; please provide a custom "
            "collate_fn to handle them appropriately."
        )
    return rt.stack(batch, 0)


def _collate_one(batch: Sequence[Any], table: Any) -> Any:
    elem = batch[0]
    if table is not None:
        for kind, f in table.items():
            if isinstance(elem, kind):
                return f(batch, collate_fn_map=table)
        return _collate_nested(batch, table)
    if isinstance(elem, Tensor):
        return _stack_tensors(batch)
    if isinstance(elem, float):
        return rt.tensor(batch, dtype=rt.float64)
    if isinstance(elem, int):
        return rt.tensor(batch)
    if isinstance(elem, (str, bytes)):
        return batch
    kind = _numpy_kind(elem)
    if kind == "array":
        if elem.dtype.kind in "SUO":
            raise TypeError(_ERROR.format(elem.dtype))
        return rt.stack([rt.as_tensor(b) for b in batch], 0)
    if kind == "scalar":
        return rt.stack([rt.as_tensor(b) for b in batch], 0)
    return _collate_nested(batch, table)


def _collate_nested(batch: Sequence[Any], table: Any) -> Any:
    elem = batch[0]
    if isinstance(elem, Mapping):
        return _mapping_like(elem, {k: _collate_one([d[k] for d in batch], table) for k in elem})
    if isinstance(elem, tuple) and hasattr(elem, "_fields"):
        return type(elem)(*(_collate_one(column, table) for column in zip(*batch)))
    if isinstance(elem, Sequence):
        sizes = {len(b) for b in batch}
        if len(sizes) != 1:
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [_collate_one(column, table) for column in zip(*batch)]
        return columns if isinstance(elem, tuple) else _sequence_like(elem, columns)
    raise TypeError(_ERROR.format(type(elem)))


def _leaf(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return _collate_one(list(batch), None)


def _collate_map() -> dict[Any, Any]:
    """What collates a batch of a type, as default_collate does: to be extended and given to collate()."""
    import numpy

    return dict.fromkeys(
        (Tensor, numpy.ndarray, (numpy.bool_, numpy.number, numpy.object_), float, int, str, bytes), _leaf
    )


def __getattr__(name: str) -> Any:
    if name == "default_collate_fn_map":  # made when asked for: it needs NumPy's types
        globals()[name] = _collate_map()
        return globals()[name]
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def collate(batch: Any, *, collate_fn_map: Any = None) -> Any:
    """Collates like default_collate, but what is no container by the table {type: f(batch, *, collate_fn_map)} alone.

    >>> collate(batch, collate_fn_map={**default_collate_fn_map, Image: lambda batch, *, collate_fn_map=None: batch})
    """
    return _collate_one(list(batch), collate_fn_map or {})


def default_collate(batch: Any) -> Any:
    """Stack a list of samples: tensors and arrays along a new first dim, numbers to a tensor.

    Dicts, tuples, namedtuples and lists are stacked element by element; strings stay a list.
    """
    return _collate_one(list(batch), None)
