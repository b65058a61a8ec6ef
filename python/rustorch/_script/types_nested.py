"""Types with parts: lists, dicts, tuples, options, unions, futures, enumerations; and the result of an inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .types import (
    BoolType,
    ComplexType,
    FloatType,
    IntType,
    NoneType,
    NumberType,
    StringType,
    TensorType,
    Type,
)

# In this order a union prints its parts.
_ORDER = ("AnyType EnumType TensorType StorageType TupleType ListType DictType NumberType FloatType ComplexType FutureType "
          "AwaitType RRefType IntType NoneType StringType GeneratorType BoolType OptionalType VarType DeviceObjType "
          "StreamObjType").split()  # fmt: skip


def _checked(kind: Any) -> Type:
    if not isinstance(kind, Type):
        raise TypeError(f"expected a Type such as IntType.get(); got {type(kind).__name__}")
    return kind


class _OfOne(Type):
    """A type around another."""

    _covariant = False

    def __init__(self, element: Type) -> None:
        self._element = _checked(element)

    def containedTypes(self) -> list[Type]:  # noqa: N802
        """The element's type."""
        return [self._element]

    def getElementType(self) -> Type:  # noqa: N802
        """The type of what is inside."""
        return self._element

    @property
    def annotation_str(self) -> str:
        """The type as an annotation of Python."""
        return f"{type(self).__name__[:-4]}[{self._element.annotation_str}]"

    def str(self) -> str:
        """The type as schemas write it."""
        return f"{type(self).__name__[:-4]}[{self._element.str()}]"

    def isSubtypeOf(self, other: Type) -> bool:  # noqa: N802
        """Whether every value of this type is one of the other."""
        if self._covariant and isinstance(other, _OfOne) and type(other) is type(self):
            return self._element.isSubtypeOf(other._element)
        return super().isSubtypeOf(other)


class ListType(_OfOne):
    """Lists of one type."""

    def str(self) -> str:
        """The type as schemas write it."""
        return f"{self._element.str()}[]"

    @staticmethod
    def ofInts() -> ListType:  # noqa: N802
        """List[int]."""
        return ListType(IntType.get())

    @staticmethod
    def ofTensors() -> ListType:  # noqa: N802
        """List[Tensor]."""
        return ListType(TensorType.get())

    @staticmethod
    def ofFloats() -> ListType:  # noqa: N802
        """List[float]."""
        return ListType(FloatType.get())

    @staticmethod
    def ofComplexDoubles() -> ListType:  # noqa: N802
        """List[complex]."""
        return ListType(ComplexType.get())

    @staticmethod
    def ofBools() -> ListType:  # noqa: N802
        """List[bool]."""
        return ListType(BoolType.get())

    @staticmethod
    def ofStrings() -> ListType:  # noqa: N802
        """List[str]."""
        return ListType(StringType.get())


class OptionalType(_OfOne):
    """A value or None. An option of an option is the option."""

    def __new__(cls, element: Type) -> Any:
        return object.__new__(cls)

    def __init__(self, element: Type) -> None:
        super().__init__(element._element if isinstance(element, OptionalType) else element)

    @staticmethod
    def ofTensor() -> OptionalType:  # noqa: N802
        """Optional[Tensor]."""
        return OptionalType(TensorType.get())

    def str(self) -> str:
        """The type as schemas write it."""
        return f"{self._element.str()}?"

    def __eq__(self, other: object) -> bool:
        return other == self if isinstance(other, UnionType) else super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def isSubtypeOf(self, other: Type) -> bool:  # noqa: N802
        """Whether the value and None are both of the other type."""
        return self == other or self._element.isSubtypeOf(other) and NoneType.get().isSubtypeOf(other)

    def _takes(self, other: Type) -> bool:
        return isinstance(other, NoneType) or other.isSubtypeOf(self._element)


class FutureType(_OfOne):
    """Futures of one type."""

    _covariant = True


class AwaitType(_OfOne):
    """Values computed when they are asked for."""

    _covariant = True

    def str(self) -> str:
        """The type as schemas write it."""
        return f"Await({self._element.str()})"


class RRefType(_OfOne):
    """References to values of other processes."""


class DictType(Type):
    """Dicts from keys of one type to values of one type."""

    def __init__(self, key: Type, value: Type) -> None:
        self._key, self._value = _checked(key), _checked(value)

    def containedTypes(self) -> list[Type]:  # noqa: N802
        """Key and value."""
        return [self._key, self._value]

    def getKeyType(self) -> Type:  # noqa: N802
        """The type of the keys."""
        return self._key

    def getValueType(self) -> Type:  # noqa: N802
        """The type of the values."""
        return self._value

    @property
    def annotation_str(self) -> str:
        """The type as an annotation of Python."""
        return f"Dict[{self._key.annotation_str}, {self._value.annotation_str}]"

    def str(self) -> str:
        """The type as schemas write it."""
        return f"Dict({self._key.str()}, {self._value.str()})"


class TupleType(Type):
    """Tuples with a type for each place."""

    def __init__(self, elements: Sequence[Type]) -> None:
        self._elements = [_checked(e) for e in elements]

    def containedTypes(self) -> list[Type]:  # noqa: N802
        """The types by place."""
        return list(self._elements)

    elements = containedTypes

    @property
    def annotation_str(self) -> str:
        """The type as an annotation of Python."""
        return f"Tuple[{', '.join(e.annotation_str for e in self._elements) or '()'}]"

    def str(self) -> str:
        """The type as schemas write it."""
        return f"({', '.join(e.str() for e in self._elements)})"

    def isSubtypeOf(self, other: Type) -> bool:  # noqa: N802
        """Whether it is, place by place."""
        if isinstance(other, TupleType):
            pairs = zip(self._elements, other._elements)
            return len(self._elements) == len(other._elements) and all(a.isSubtypeOf(b) for a, b in pairs)
        return super().isSubtypeOf(other)


class UnionType(Type):
    """A value of one of several types, without repeats and without those that another includes."""

    def __init__(self, types: Sequence[Type]) -> None:
        flat: list[Type] = []
        for t in map(_checked, types):
            parts = [*t.containedTypes(), NoneType.get()] if isinstance(t, OptionalType) else [t]
            flat += t.containedTypes() if isinstance(t, UnionType) else parts
        kept: list[Type] = []
        for t in flat:
            if not any(t.isSubtypeOf(k) for k in kept):
                kept = [k for k in kept if not k.isSubtypeOf(t)] + [t]
        if len(kept) < 2:
            raise RuntimeError(
                f"After type unification was performed, the Union with the original types {{{', '.join(map(repr, types))} }} has "
                f"the single type {kept[0] if kept else 'Any'}. Use the common supertype instead of creating a Uniontype"
            )
        rank = {name: i for i, name in enumerate(_ORDER)}
        self._parts = sorted(kept, key=lambda t: (rank.get(t.kind(), len(rank)), t.str()))

    def containedTypes(self) -> list[Type]:  # noqa: N802
        """The alternatives."""
        return list(self._parts)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, OptionalType):  # of two alternatives, one of which is None
            rest = [t for t in self._parts if not isinstance(t, NoneType)]
            return len(self._parts) == 2 and rest == other.containedTypes()
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def _shown(self) -> list[Type]:
        numbers = [t for t in self._parts if isinstance(t, (IntType, FloatType, ComplexType))]
        if len(numbers) < 3:
            return self._parts
        return [t for t in self._parts if not any(t is n for n in numbers)] + [NumberType.get()]

    @property
    def annotation_str(self) -> str:
        """The type as an annotation of Python."""
        return f"Union[{', '.join(t.annotation_str for t in self._shown())}]"

    def str(self) -> str:
        """The type as schemas write it."""
        return f"Union({', '.join(t.str() for t in self._shown())})"

    def isSubtypeOf(self, other: Type) -> bool:  # noqa: N802
        """Whether each alternative is."""
        return self == other or all(t.isSubtypeOf(other) for t in self._parts)

    def _takes(self, other: Type) -> bool:
        return any(other.isSubtypeOf(t) for t in self._parts)


class EnumType(Type):
    """An enumeration: qualified name, type of its values, members."""

    def __init__(self, name: str, value_type: Type, members: Sequence[Any]) -> None:
        self._name, self._value, self._members = name, _checked(value_type), list(members)

    def containedTypes(self) -> list[Type]:  # noqa: N802
        """The type of the values."""
        return [self._value]

    @property
    def annotation_str(self) -> str:
        """The qualified name."""
        return self._name

    def str(self) -> str:
        """The type as schemas write it."""
        return f"Enum<{self._name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnumType) and self._name == other._name and self._value == other._value

    __hash__ = None  # type: ignore[assignment]


class InferredType:
    """The type that a value was found to have, or why it has none."""

    def __init__(self, found: Type | Any) -> None:
        self._type, self._reason = (found, "") if isinstance(found, Type) else (None, str(found))

    def success(self) -> bool:
        """Whether there is a type."""
        return self._type is not None

    def type(self) -> Type:
        """The type; RuntimeError where there is none."""
        if self._type is None:
            raise RuntimeError(
                f"Tried to get the type from an InferredType but the type is null. Reason: {self._reason}"
            )
        return self._type

    def reason(self) -> str:
        """Why there is no type."""
        return self._reason
