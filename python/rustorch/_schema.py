"""What operators that programs add do with schemas: reading them off annotations, fitting the arguments of a call."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from . import _C
from ._C import Tensor
from ._script.schema import FunctionSchema
from ._script.types import Type
from ._script.types_nested import ListType, OptionalType

_EMPTY = inspect.Parameter.empty
_NAMES = {Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str", _C.dtype: "ScalarType",
          _C.device: "Device", types.NoneType: "()"}  # fmt: skip
_NUMBERS = (int, float, bool)
_PYTHON: dict[str, Any] = {"Tensor": Tensor, "int": int, "SymInt": int, "float": (int, float), "bool": bool, "str": str,
           "ScalarType": _C.dtype, "Device": (_C.device, str), "Scalar": (int, float, bool, complex)}  # fmt: skip


def _fits(kind: Type, value: Any) -> bool:
    """Whether a value is of the type."""
    if isinstance(kind, OptionalType):
        return value is None or _fits(kind.getElementType(), value)
    if isinstance(kind, ListType):
        return isinstance(value, (list, tuple)) and all(_fits(kind.getElementType(), v) for v in value)
    return isinstance(value, _PYTHON.get(kind.str(), object))


def bind(schema: FunctionSchema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The values of the arguments and of those that are given by name, defaults filled in. RuntimeError when they do not
    fit."""

    def refuse(why: str) -> None:
        raise RuntimeError(f"{schema.name}() {why}\nDeclaration: {schema}")

    arguments = schema.arguments
    positional = [a for a in arguments if not a.kwarg_only]
    if len(args) > len(positional):
        refuse(f"expected at most {len(positional)} argument(s) but received {len(args)} argument(s).")
    given = dict(zip((a.name for a in positional), args))
    for name, value in kwargs.items():
        if name in given or all(a.name != name for a in arguments):
            refuse(f"got an unexpected or repeated argument '{name}'.")
        given[name] = value
    values: list[Any] = []
    named: dict[str, Any] = {}
    for a in arguments:
        if a.name not in given and not a.has_default_value():
            refuse(f"is missing value for argument '{a.name}'.")
        value = given.get(a.name, a.default_value)
        if not _fits(a.real_type, value):
            refuse(
                f"Expected a value of type '{a.type}' for argument '{a.name}' but instead found type "
                f"'{type(value).__name__}'."
            )
        if a.kwarg_only:
            named[a.name] = value
        else:
            values.append(value)
    return values, named


def _type_name(kind: Any, where: str) -> str:
    """The schema's word for an annotation."""
    if kind in _NAMES:
        return _NAMES[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        rest = [k for k in inner if k is not types.NoneType]
        if len(rest) < len(inner) and len(rest) == 1:
            return _type_name(rest[0], where) + "?"
        if set(rest) == set(_NUMBERS):
            return "Scalar" + ("?" if len(rest) < len(inner) else "")
    if origin in (list, collections.abc.Sequence) and len(inner) == 1:
        return _type_name(inner[0], where) + "[]"
    raise ValueError(f"infer_schema(func): {where} has unsupported type {kind}")


def _default_text(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f'"{value}"' if isinstance(value, _C.device) else str(value)


def infer(function: Callable[..., Any], mutates_args: Any) -> str:
    """The text of the schema that a function's annotations describe; mutates_args names the arguments it writes to."""
    signature = inspect.signature(function)
    hints = typing.get_type_hints(function)
    parts, star = [], False
    mutated = set(signature.parameters) if mutates_args == "unknown" else set(mutates_args)
    for name, p in signature.parameters.items():
        if p.kind is inspect.Parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        if name not in hints:
            raise ValueError(
                f"infer_schema(func): Parameter {name} must have a type annotation. Got func with signature {signature})"
            )
        kind = _type_name(hints[name], f"Parameter {name}")
        if name in mutated and kind.startswith("Tensor"):
            kind = f"Tensor(a{len(parts)}!)" + kind[len("Tensor") :]
        parts.append(f"{kind} {name}" + ("" if p.default is _EMPTY else f"={_default_text(p.default)}"))
    unknown = (set() if mutates_args == "unknown" else mutated) - set(signature.parameters)
    if unknown:
        raise ValueError(f"infer_schema(func): {sorted(unknown)} in mutates_args are no parameters of the function")
    result = hints.get("return", _EMPTY)
    if result is _EMPTY:
        raise ValueError(f"infer_schema(func): the function must have a return annotation. Got signature {signature}")
    if typing.get_origin(result) is tuple:
        returns = f"({', '.join(_type_name(r, 'Return') for r in typing.get_args(result))})"
    else:
        returns = _type_name(result, "Return")
    return f"({', '.join(parts)}) -> {returns}"
