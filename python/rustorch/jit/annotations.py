"""Types of schemas from annotations of Python, and the other way round: ann_to_type(list[int]) is ListType.ofInts()."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from rustorch import _C
from rustorch._script import types as t
from rustorch._script.types_nested import (
    AwaitType,
    DictType,
    EnumType,
    FutureType,
    InferredType,
    ListType,
    OptionalType,
    RRefType,
    TupleType,
    UnionType,
)

__all__ = ["ann_to_type", "get_enum_value_type", "get_signature", "infer_type", "is_tensor", "try_ann_to_type"]
_PLAIN: dict[Any, Any] = {
    int: t.IntType, float: t.FloatType, bool: t.BoolType, complex: t.ComplexType, str: t.StringType, None: t.NoneType,
    types.NoneType: t.NoneType, Any: t.AnyType, _C.device: t.DeviceObjType, _C.dtype: t.IntType, _C.Generator: t.GeneratorType,
}  # fmt: skip


def is_tensor(ann: Any) -> bool:
    """Whether an annotation is a class of tensors."""
    return inspect.isclass(ann) and issubclass(ann, _C.Tensor)


def _parts(ann: Any, loc: Any) -> list[t.Type] | None:
    found = [try_ann_to_type(a, loc) for a in typing.get_args(ann)]
    return None if any(f is None for f in found) else [f for f in found if f is not None]


def _union(parts: list[t.Type]) -> t.Type:
    rest = [p for p in parts if not isinstance(p, t.NoneType)]
    if {p.kind() for p in rest} == {"IntType", "FloatType", "ComplexType"}:
        rest = [t.NumberType.get()]
    if len(rest) == 1:
        return OptionalType(rest[0]) if len(parts) > 1 and len(rest) < len(parts) else rest[0]
    return UnionType(parts)


def try_ann_to_type(ann: Any, loc: Any = None, rcb: Any = None) -> t.Type | None:
    """The type that an annotation stands for, None where there is none."""
    if ann is inspect.Signature.empty or is_tensor(ann):
        return t.TensorType.get()
    if isinstance(ann, t.Type):
        return ann
    try:
        if ann in _PLAIN:
            return _PLAIN[ann].get()
    except TypeError:
        return None
    origin = typing.get_origin(ann)
    if origin in (typing.Union, types.UnionType):
        parts = _parts(ann, loc)
        return None if parts is None else _union(parts)
    if origin is tuple:
        if Ellipsis in typing.get_args(ann):
            return None
        parts = _parts(ann, loc)
        return None if parts is None else TupleType([p for p in parts if p is not None])
    if origin in (list, dict) or origin is not None and origin.__name__ in ("Future", "RRef", "Await"):
        parts = _parts(ann, loc)
        if parts is None:
            return None
        kinds: dict[str, Any] = {
            "list": ListType,
            "dict": DictType,
            "Future": FutureType,
            "RRef": RRefType,
            "Await": AwaitType,
        }
        return kinds[origin.__name__](*parts)
    if inspect.isclass(ann):
        if issubclass(ann, enum.Enum):
            return EnumType(f"__torch__.{ann.__module__}.{ann.__qualname__}", get_enum_value_type(ann, loc), list(ann))
        symbols = {"SymInt": t.SymIntType, "SymBool": t.SymBoolType, "SymFloat": t.FloatType, "Stream": t.StreamObjType}
        if ann.__name__ in symbols and ann.__module__.split(".")[0] == _C.__name__.split(".")[0]:
            return symbols[ann.__name__].get()
    return None


def ann_to_type(ann: Any, loc: Any = None, rcb: Any = None) -> t.Type:
    """The type that an annotation stands for. ValueError where there is none."""
    found = try_ann_to_type(ann, loc, rcb)
    if found is None:
        raise ValueError(f"Unknown type annotation: '{ann}'" + (f" at {loc}" if loc is not None else ""))
    return found


def get_enum_value_type(e: type[enum.Enum], loc: Any = None) -> t.Type:
    """The type of the values of an enumeration, which is one for all."""
    members = list(e)
    if not members:
        raise ValueError(f"No enum values defined for: '{e.__class__}'")
    kinds = [ann_to_type(k, loc) for k in dict.fromkeys(type(m.value) for m in members)]
    if len(kinds) > 1:
        raise RuntimeError(
            f"Could not unify type list since element 1 of type {kinds[1]} did not match the types before it ({kinds[0]})"
        )
    return kinds[0]


def get_signature(fn: Callable[..., Any], rcb: Any = None, loc: Any = None, is_method: bool = False) -> Any:
    """([types of the arguments], type of the result) of a function with annotations, None without."""
    try:
        signature = inspect.signature(fn)
        hints = typing.get_type_hints(fn)
    except (TypeError, ValueError, NameError):
        return None
    names = list(signature.parameters)[1 if is_method else 0 :]
    if not hints:
        return None
    kinds = [ann_to_type(hints.get(n, inspect.Signature.empty), loc) for n in names]
    return kinds, ann_to_type(hints.get("return", inspect.Signature.empty), loc)


def infer_type(value: Any) -> InferredType:
    """The type of a value."""
    if isinstance(value, _C.Tensor):
        return InferredType(t.TensorType.get())
    if value is None or type(value) in _PLAIN:
        return InferredType(_PLAIN[type(value)].get())
    if isinstance(value, tuple):
        parts = [infer_type(v) for v in value]
        return next((p for p in parts if not p.success()), None) or InferredType(TupleType([p.type() for p in parts]))
    if isinstance(value, (list, dict)):
        return _infer_container(value)
    if isinstance(value, enum.Enum):
        return InferredType(ann_to_type(type(value)))
    return InferredType(
        "Only tensors and (possibly nested) tuples of tensors, lists, or dicts are supported as inputs or outputs of traced "
        f"functions, but instead got value of type {type(value).__name__}."
    )


def _infer_container(value: Any) -> InferredType:
    word = "Dictionary" if isinstance(value, dict) else "List"
    if not value:
        return InferredType(f"{word} {'inputs' if isinstance(value, dict) else 'trace inputs'} must have "
                            f"{'entries' if isinstance(value, dict) else 'elements'}")  # fmt: skip
    found = []
    for group in (value.keys(), value.values()) if isinstance(value, dict) else (value,):
        parts = [infer_type(v) for v in group]
        bad = next((p for p in parts if not p.success()), None)
        if bad is not None:
            return bad
        other = next((p.type() for p in parts if p.type() != parts[0].type()), None)
        if other is not None:
            return InferredType(
                f"{word} inputs to traced functions must have consistent element type. Found {parts[0].type()} and {other}"
            )
        found.append(parts[0].type())
    return InferredType(DictType(*found) if isinstance(value, dict) else ListType(found[0]))
