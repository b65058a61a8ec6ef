"""Schemas of operators: FunctionSchema, Argument, and their text form as PyTorch prints it.

    aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor

Reading the text is parse.py's. Schemas are immutable; those of declared operators come from ops/*.ops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .types import IntType, LayoutType, MemoryFormatType, ScalarTypeType, StringType, SymIntType, Type
from .types_nested import ListType, OptionalType

_MISSING: Any = object()


class AliasInfo:
    """What a value shares memory with: names before and after the call, and whether it is written to."""

    def __init__(
        self, is_write: bool, before: Sequence[str] = (), after: Sequence[str] = (), inner: Any = None
    ) -> None:
        self.is_write, self.before_set, self.after_set = is_write, set(before), set(after)
        self._inner = inner  # of the elements of a list

    def __str__(self) -> str:
        text = "|".join(sorted(self.before_set)) + ("!" if self.is_write else "")
        if self.after_set != self.before_set:
            text += " -> " + "|".join(sorted(self.after_set))
        return f"({text})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AliasInfo) and str(self) == str(other) and self._inner == other._inner

    def __hash__(self) -> int:
        return hash(str(self))


def _as_scripts(kind: Type) -> Type:
    """The type as scripts know it: dtypes and layouts are ints."""
    if isinstance(kind, (SymIntType, ScalarTypeType, LayoutType, MemoryFormatType)):
        return IntType.get()
    if isinstance(kind, (ListType, OptionalType)):
        inner = _as_scripts(kind.getElementType())
        return kind if inner is kind.getElementType() else type(kind)(inner)
    return kind


def _number(value: Any) -> str:
    """A number as PyTorch prints it: 17 digits, and a point where a float is whole."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        if math.isfinite(value) and value == int(value):
            return f"{value:.0f}."
        return f"{value:.17g}"
    return str(value)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _number(value)


class Argument:
    """One argument or result: name, type (`real_type` with words such as ScalarType that `type` has as int), default_value,
    kwarg_only, alias_info; N is the length of lists that one number stands for."""

    def __init__(self, name: str, type: Type, N: int | None = None, default_value: Any = _MISSING,  # noqa: A002, N803
                 kwarg_only: bool = False, alias_info: AliasInfo | None = None) -> None:  # fmt: skip
        self.name, self.real_type, self.N = name, type, N
        self.type = _as_scripts(type)
        self._default = default_value
        self.kwarg_only, self.alias_info = kwarg_only, alias_info

    @property
    def default_value(self) -> Any:
        """The default; None also where there is none."""
        return None if self._default is _MISSING else self._default

    def has_default_value(self) -> bool:
        """Whether the argument may be left out."""
        return self._default is not _MISSING

    @property
    def is_write(self) -> bool:
        """Whether the call writes to it."""
        return self.alias_info is not None and self.alias_info.is_write

    @property
    def is_out(self) -> bool:
        """Whether it is an out= argument."""
        return self.kwarg_only and self.is_write

    def _type_text(self) -> str:
        kind = self.real_type
        optional = isinstance(kind, OptionalType)
        bare = kind.getElementType() if optional else kind
        if isinstance(bare, ListType):
            inner = self.alias_info._inner if self.alias_info is not None else None
            mark = str(inner) if inner is not None else ""
            text = f"{bare.getElementType().str()}{mark}[{'' if self.N is None else self.N}]"
        else:
            text = bare.str()
        if self.alias_info is not None and self.alias_info.before_set:
            text += str(self.alias_info)
        return text + ("?" if optional else "")

    def _default_text(self) -> str:
        kind, value = self.real_type, self._default
        bare = kind.getElementType() if isinstance(kind, OptionalType) else kind
        if isinstance(bare, StringType) and isinstance(value, str):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        if isinstance(kind, ListType) and isinstance(kind.getElementType(), IntType) and value and len(value) == self.N:
            if len(value) > 1 and len(set(value)) == 1:
                return str(value[0])
        return _value(value)

    def _text(self) -> str:
        text = self._type_text() + (f" {self.name}" if self.name else "")
        return text + (f"={self._default_text()}" if self.has_default_value() else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Argument) and self.kwarg_only == other.kwarg_only and self._text() == other._text()

    def __hash__(self) -> int:
        return hash(self._text())


class FunctionSchema:
    """The name, arguments and results of an operator; str() is its text, which parse_schema() reads."""

    def __init__(self, name: str, overload_name: str, arguments: Sequence[Argument], returns: Sequence[Argument],
                 is_vararg: bool = False, is_varret: bool = False) -> None:  # fmt: skip
        self.name, self.overload_name = name, overload_name
        self._arguments, self._returns = tuple(arguments), tuple(returns)
        self.is_vararg, self.is_varret = is_vararg, is_varret

    @property
    def arguments(self) -> list[Argument]:
        """The arguments in order."""
        return list(self._arguments)

    @property
    def returns(self) -> list[Argument]:
        """The results in order."""
        return list(self._returns)

    @property
    def is_mutable(self) -> bool:
        """Whether a call writes to an argument."""
        return any(a.is_write for a in self._arguments)

    def _is_view_op(self) -> bool:
        """Whether a result shares memory with an argument that is not written to."""
        shared = [a.alias_info for a in self._returns if a.alias_info is not None]
        return bool(shared) and not self.is_mutable

    def __str__(self) -> str:
        parts, star = [], False
        for a in self._arguments:
            if a.kwarg_only and not star:
                parts.append("*")
                star = True
            parts.append(a._text())
        if self.is_vararg:
            parts.append("...")
        dot = f".{self.overload_name}" if self.overload_name else ""
        return f"{self.name}{dot}({', '.join(parts)}) -> {self._returns_text()}"

    def _returns_text(self) -> str:
        texts = [r._text() for r in self._returns] + (["..."] if self.is_varret else [])
        tuple_ = len(texts) == 1 and texts[0].startswith("(") and texts[0].endswith(")")
        return texts[0] if len(texts) == 1 and not tuple_ else f"({', '.join(texts)})"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionSchema) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def _fits(self, mine: Sequence[Argument], old: Sequence[Argument]) -> bool:
        """Whether arguments serve callers of the old ones: the same names and places, wider types, more defaults."""
        if len(mine) < len(old):
            return False
        for new, before in zip(mine, old):
            if new.name != before.name or new.N != before.N or not before.type.isSubtypeOf(new.type):
                return False
            if before.has_default_value() and new.default_value != before.default_value:
                return False
        return all(new.has_default_value() for new in mine[len(old) :])

    def is_backward_compatible_with(self, old: FunctionSchema) -> bool:
        """Whether every call of the old schema is one of this."""
        if (self.name, self.overload_name, self.is_vararg) != (old.name, old.overload_name, old.is_vararg):
            return False
        if len(self._returns) != len(old._returns) or self.is_varret != old.is_varret:
            return False
        if not all(a.type.isSubtypeOf(b.type) for a, b in zip(self._returns, old._returns)):
            return False
        mine = [[a for a in s._arguments if not a.kwarg_only and not a.is_out] for s in (self, old)]
        if not self._fits(*mine):
            return False
        named = {a.name: a for a in self._arguments if a.kwarg_only}
        wanted = [a for a in old._arguments if a.kwarg_only]
        if any(a.name not in named or not self._fits([named[a.name]], [a]) for a in wanted):
            return False
        return all(a.has_default_value() for n, a in named.items() if all(n != w.name for w in wanted))
