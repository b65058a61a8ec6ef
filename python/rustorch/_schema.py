"""Schemas of operators that programs add: "(Tensor x, float k=2.0) -> Tensor", read from text or from annotations."""

from __future__ import annotations

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Callable
from typing import Any, NamedTuple

from . import _C
from ._C import Tensor

_EMPTY = inspect.Parameter.empty
_NAMES = {Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str", _C.dtype: "ScalarType",
          _C.device: "Device", types.NoneType: "()"}  # fmt: skip
_NUMBERS = (int, float, bool)
_PYTHON = {"Tensor": Tensor, "int": int, "SymInt": int, "float": (int, float), "bool": bool, "str": str, "ScalarType": _C.dtype,
           "Device": (_C.device, str), "Scalar": (int, float, bool, complex)}  # fmt: skip
_ARGUMENT = re.compile(
    r"(?P<type>[A-Za-z]+(?:\((?P<alias>[^)]*)\))?(?:\[\d*\])?\??)\s+(?P<name>\w+)(?:\s*=\s*(?P<default>.+))?$"
)


class Argument(NamedTuple):
    """One argument: its type in the schema's words, default (_EMPTY without), and marks."""

    name: str
    type: str
    default: Any
    keyword_only: bool
    mutated: bool

    def fits(self, value: Any) -> bool:
        """Whether a value is of the type."""
        base = self.type
        if base.endswith("?"):
            if value is None:
                return True
            base = base[:-1]
        if base.endswith("]"):
            kind = _PYTHON.get(base[: base.index("[")], object)
            return isinstance(value, (list, tuple)) and all(isinstance(v, kind) for v in value)
        return isinstance(value, _PYTHON.get(base, object))


class Schema:
    """The arguments and results of an operator."""

    def __init__(self, qualname: str, arguments: list[Argument], returns: str, text: str) -> None:
        self.qualname, self.arguments, self.returns, self.text = qualname, arguments, returns, text
        self.name = qualname.split("::")[-1]

    def __str__(self) -> str:
        return self.qualname + self.text

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The values of the arguments and of those that are given by name, defaults filled in. RuntimeError when they do not
        fit."""
        positional = [a for a in self.arguments if not a.keyword_only]
        if len(args) > len(positional):
            self._refuse(f"expected at most {len(positional)} argument(s) but received {len(args)} argument(s).")
        given = dict(zip((a.name for a in positional), args))
        for name, value in kwargs.items():
            if name in given or all(a.name != name for a in self.arguments):
                self._refuse(f"got an unexpected or repeated argument '{name}'.")
            given[name] = value
        values: list[Any] = []
        named: dict[str, Any] = {}
        for a in self.arguments:
            value = given.get(a.name, a.default)
            if value is _EMPTY:
                self._refuse(f"is missing value for argument '{a.name}'.")
            if not a.fits(value):
                self._refuse(
                    f"Expected a value of type '{a.type}' for argument '{a.name}' but instead found type "
                    f"'{type(value).__name__}'."
                )
            if a.keyword_only:
                named[a.name] = value
            else:
                values.append(value)
        return values, named

    def _refuse(self, why: str) -> None:
        raise RuntimeError(f"{self.qualname}() {why}\nDeclaration: {self}")


def _literal(text: str) -> Any:
    """The value of a default."""
    known = {"None": None, "True": True, "False": False, "inf": float("inf")}
    if text in known:
        return known[text]
    if text[0] in "\"'":
        return text[1:-1]
    if text[0] == "[":
        return [_literal(t.strip()) for t in text[1:-1].split(",") if t.strip()]
    return float(text) if re.search(r"[.e]", text) else int(text)


def _split(text: str) -> list[str]:
    """The parts of an argument list between commas outside brackets."""
    return [p.strip() for p in re.split(r",(?![^\[(]*[\])])", text) if p.strip()]


def parse(qualname: str, text: str) -> Schema:
    """The schema that a text describes, e.g. "(Tensor x, *, int n=1) -> Tensor"."""
    found = re.fullmatch(r"\s*\((.*)\)\s*->\s*(.+?)\s*", text, re.DOTALL)
    if found is None:
        raise RuntimeError(f"{qualname}: '{text}' is no schema; expected '(Tensor x, int n=1) -> Tensor'")
    arguments, keyword_only = [], False
    for part in _split(found[1]):
        if part == "*":
            keyword_only = True
            continue
        m = _ARGUMENT.match(part)
        if m is None:
            raise RuntimeError(f"{qualname}: '{part}' is no argument; expected 'Type name' or 'Type name=default'")
        default = _EMPTY if m["default"] is None else _literal(m["default"].strip())
        kind = re.sub(r"\(.*?\)", "", m["type"])
        arguments.append(Argument(m["name"], kind, default, keyword_only, "!" in (m["alias"] or "")))
    return Schema(qualname, arguments, found[2], text.strip())


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
