"""Reads the text of schemas and of their types: parse_schema("ns::f(Tensor(a!) x, *, int n=1) -> Tensor(a!)")."""

from __future__ import annotations

import re
from typing import Any

from . import types as t
from .schema import _MISSING, AliasInfo, Argument, FunctionSchema
from .types_nested import AwaitType, DictType, FutureType, ListType, OptionalType, RRefType, TupleType, UnionType

_TOKEN = re.compile(
    r"""\s*(->|\.\.\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|-?inf\b|[A-Za-z_][\w]*|::|\S)"""
)
_WORDS: dict[str, Any] = {
    "Tensor": t.TensorType, "int": t.IntType, "float": t.FloatType, "bool": t.BoolType, "complex": t.ComplexType,
    "str": t.StringType, "Scalar": t.NumberType, "None": t.NoneType, "NoneType": t.NoneType, "Any": t.AnyType,
    "Device": t.DeviceObjType, "Stream": t.StreamObjType, "PyObject": t.PyObjectType, "SymInt": t.SymIntType,
    "SymBool": t.SymBoolType, "Generator": t.GeneratorType, "Storage": t.StorageType, "ScalarType": t.ScalarTypeType,
    "Layout": t.LayoutType, "MemoryFormat": t.MemoryFormatType, "Dimname": t.StringType, "QScheme": t.QSchemeType,
}  # fmt: skip
_AROUND: dict[str, Any] = {"Future": FutureType, "RRef": RRefType, "Await": AwaitType}
_CODES = {"Mean": 1, "contiguous_format": 0, "preserve_format": 1, "strided": 0, "long": 4, "float": 6, "double": 7}
_LITERALS = {
    "None": None,
    "True": True,
    "False": False,
    "inf": float("inf"),
    "-inf": float("-inf"),
    "nan": float("nan"),
}


class _Reader:
    """The tokens of a text, with the place of each for messages."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, at = text, [], 0
        while (found := _TOKEN.match(text, at)) is not None:
            self.tokens.append((found[1], found.start(1)))
            at = found.end()
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][0] if self.at + ahead < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def take(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self.at += 1
        return True

    def expect(self, token: str) -> None:
        if not self.take(token):
            self.refuse(f"expected {token} but found '{self.peek() or '<eof>'}' here")

    def word(self) -> str:
        if not re.match(r"[A-Za-z_]", self.peek()):
            self.refuse(f"expected ident but found '{self.peek() or '<eof>'}' here")
        return self.next()

    def refuse(self, why: str) -> None:
        place = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.text)
        width = max(len(self.peek()), 1)
        raise RuntimeError(f"{why}:\n{self.text}\n{' ' * place}{'~' * width} <--- HERE\n")


def _alias(r: _Reader) -> AliasInfo | None:
    """`(a!)`, `(a -> *)`, `(a|b)` after a type, or None."""
    if r.peek() != "(":
        return None
    r.expect("(")
    before, write = _set(r), r.take("!")
    after = _set(r) if r.take("->") else before
    r.expect(")")
    return AliasInfo(write, before, after)


def _set(r: _Reader) -> list[str]:
    names = [r.next()]
    while r.take("|"):
        names.append(r.next())
    return names


def _base(r: _Reader) -> t.Type:
    if r.take("("):
        parts = []
        while not r.take(")"):
            parts.append(_type(r)[0])
            r.take(",")
        return TupleType(parts)
    name = r.peek()
    if name in _WORDS:
        r.next()
        return _WORDS[name].get()
    if name == "Dict":
        r.next()
        r.expect("(")
        key = _type(r)[0]
        r.expect(",")
        value = _type(r)[0]
        r.expect(")")
        return DictType(key, value)
    if name == "Union":
        r.next()
        r.expect("(")
        parts = [_type(r)[0]]
        while r.take(","):
            parts.append(_type(r)[0])
        r.expect(")")
        return UnionType(parts)
    if name in _AROUND:
        r.next()
        r.expect("(")
        inner = _type(r)[0]
        r.expect(")")
        return _AROUND[name](inner)
    if name[:1].islower():
        r.next()
        return t.VarType(name)
    if not re.match(r"[A-Za-z_]", name):
        r.refuse(f"expected ident but found '{name or '<eof>'}' here")
    r.refuse("\nunknown type specifier. Common valid schema types include Tensor, SymInt, int, float, bool, Scalar")
    raise AssertionError


def _type(r: _Reader) -> tuple[t.Type, AliasInfo | None, int | None]:
    """-> (type, alias annotation, length of a sized list)"""
    kind, length = _base(r), None
    alias = _alias(r)
    while True:
        if r.peek() == "[":
            r.next()
            length = int(r.next()) if r.peek() != "]" else None
            r.expect("]")
            kind = ListType(kind)
            outer = _alias(r)
            if alias is not None or outer is not None:
                own = outer or AliasInfo(False)
                alias = AliasInfo(own.is_write, own.before_set, own.after_set, alias)
                if outer is None and alias._inner is not None:
                    alias.is_write = alias._inner.is_write
        elif r.take("?"):
            kind = OptionalType(kind)
            alias = alias or _alias(r)
        else:
            return kind, alias, length


def _literal(r: _Reader) -> Any:
    token = r.next()
    if token in _LITERALS:
        return _LITERALS[token]
    if token in _CODES:
        return _CODES[token]
    if token[:1] in "\"'" and token:
        return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), token[1:-1])
    if token == "[":
        values = []
        while not r.take("]"):
            values.append(_literal(r))
            r.take(",")
        return values
    if re.fullmatch(r"-?\d+", token):
        return int(token)
    if re.match(r"-?[\d.]", token):
        return float(token)
    if re.match(r"[A-Za-z_]", token):
        return token  # a name, such as a reduction or a device
    r.at -= 1
    r.refuse(f"invalid default value '{token}'")


def _default(r: _Reader, kind: t.Type, length: int | None) -> Any:
    value = _literal(r)
    bare = kind.getElementType() if isinstance(kind, OptionalType) else kind
    if isinstance(bare, ListType):
        element = bare.getElementType()
        if length is not None and value is not None and not isinstance(value, list):
            value = [value] * length
        if isinstance(element, t.FloatType) and isinstance(value, list):
            value = [float(v) for v in value]
    elif isinstance(bare, t.FloatType) and isinstance(value, int):
        value = float(value)
    return value


def _argument(r: _Reader, kwarg_only: bool) -> Argument:
    kind, alias, length = _type(r)
    name = r.word()
    default = _default(r, kind, length) if r.take("=") else _MISSING
    return Argument(name, kind, length, default, kwarg_only, alias)


def _result(r: _Reader) -> Argument:
    kind, alias, length = _type(r)
    name = r.next() if re.match(r"[A-Za-z_]", r.peek()) else ""
    return Argument(name, kind, length, _MISSING, False, alias)


def _returns(r: _Reader) -> tuple[list[Argument], bool]:
    if r.take("..."):
        return [], True
    if r.peek() != "(":
        return [_result(r)], False
    r.expect("(")
    results, several = [], False
    while not r.take(")"):
        if r.take("..."):
            several = True
        else:
            results.append(_result(r))
        r.take(",")
    return results, several


def parse_name(r: _Reader) -> tuple[str, str]:
    """-> (qualified name, overload)"""
    name = r.word()
    while r.take("::"):
        name += "::" + r.word()
    return name, r.word() if r.take(".") else ""


def parse_schema(text: str, qualname: str | None = None) -> FunctionSchema:
    """The schema that a text describes; with qualname, the text begins at the bracket."""
    r = _Reader(text)
    if qualname is None:
        name, overload = parse_name(r)
        if not r.peek():
            raise RuntimeError("Tried to parse a function schema but only the operator name was given")
    else:
        name, _, overload = qualname.partition(".")
    r.expect("(")
    arguments: list[Argument] = []
    kwarg_only = vararg = False
    while not r.take(")"):
        if r.take("*"):
            kwarg_only = True
        elif r.take("..."):
            vararg = True
        else:
            arguments.append(_argument(r, kwarg_only))
            if not kwarg_only and len(arguments) > 1:
                _in_order(arguments, text)
        if r.peek() != ")":
            r.expect(",")
    r.expect("->")
    returns, varret = _returns(r)
    if r.peek():
        r.refuse(f"expected the end but found '{r.peek()}' here")
    return FunctionSchema(name, overload, arguments, returns, vararg, varret)


def _in_order(arguments: list[Argument], text: str) -> None:
    last = arguments[-1]
    if arguments[-2].has_default_value() and not last.has_default_value() and not isinstance(last.real_type, ListType):
        raise RuntimeError(
            f"Non-default positional argument follows default argument. Parameter {arguments[-1].name} in {text}"
        )


def parse_type(text: str) -> t.Type:
    """The type that a word of schemas stands for: parse_type("int[]?")."""
    return _type(_Reader(text))[0]
