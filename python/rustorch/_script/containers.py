"""Lists and dicts of one type, as scripts hold them: ScriptList([1, 2]) takes ints only. The type is that of the first content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .types import Type
from .types_nested import DictType, ListType


class JITException(Exception):
    """What scripts raise; also `jit.Error`."""


def _of_type(value: Any, kind: Type) -> bool:
    """Whether a value is of the type; an empty container is of every type of its class."""
    from ..jit.annotations import infer_type

    if value == [] and isinstance(kind, ListType) or value == {} and isinstance(kind, DictType):
        return True
    found = infer_type(value)
    return found.success() and found.type().isSubtypeOf(kind)


class ScriptListIterator:
    """Goes through a ScriptList."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._next = iter(values)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._next)


class ScriptDictIterator(ScriptListIterator):
    """Goes through the items of a ScriptDict."""


class ScriptDictKeyIterator(ScriptListIterator):
    """Goes through the keys of a ScriptDict."""


class ScriptList:
    """A list of one type; an empty one holds tensors."""

    def __init__(self, values: list[Any]) -> None:
        from ..jit.annotations import infer_type

        self._values = list(values)
        self._kind: Type = ListType.ofTensors().getElementType()
        if values:
            found = infer_type(list(values))
            if not found.success():
                raise JITException(f"Unable to infer type of list: {found.reason()}")
            self._kind = found.type().containedTypes()[0]

    def _fit(self, value: Any, name: str) -> Any:
        if not _of_type(value, self._kind):
            raise TypeError(f"list.{name}(): argument is of the wrong type")
        return value

    def __repr__(self) -> str:
        return repr(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __iter__(self) -> ScriptListIterator:
        return ScriptListIterator(self._values)

    def __contains__(self, value: Any) -> bool:
        return self._fit(value, "__contains__") in self._values

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            return self._values[index]
        part = ScriptList([])
        part._values, part._kind = self._values[index], self._kind
        return part

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(index, slice):
            self._values[index] = self._fit(value, "__setitem__")
            return
        if len(value) != len(self._values[index]):
            raise RuntimeError("Left and right hand size of slice assignment have different sizes")
        self._values[index] = [self._fit(v, "__setitem__") for v in value]

    def __delitem__(self, index: int) -> None:
        del self._values[index]

    def append(self, value: Any) -> None:
        """Adds a value at the end."""
        self._values.append(self._fit(value, "append"))

    def insert(self, index: int, value: Any) -> None:
        """Adds a value before a place."""
        self._values.insert(index, self._fit(value, "insert"))

    def extend(self, values: Iterable[Any]) -> None:
        """Adds values at the end."""
        self._values += [self._fit(v, "extend") for v in values]

    def pop(self, index: int = -1) -> Any:
        """Takes out and gives a value."""
        return self._values.pop(index)

    def remove(self, value: Any) -> None:
        """Takes out the first such value."""
        self._values.remove(self._fit(value, "remove"))

    def count(self, value: Any) -> int:
        """How often the value is there."""
        return self._values.count(self._fit(value, "count"))

    def clear(self) -> None:
        """Takes out all."""
        self._values.clear()

    def __getstate__(self) -> list[Any]:
        return list(self._values)

    def __setstate__(self, values: list[Any]) -> None:
        self.__init__(values)  # type: ignore[misc]


class ScriptDict:
    """A dict of one type of keys and one of values; an empty one goes from strings to tensors."""

    def __init__(self, values: dict[Any, Any]) -> None:
        from ..jit.annotations import infer_type
        from .types import BoolType, StringType, TensorType

        self._values = dict(values)
        self._key, self._value = StringType.get(), TensorType.get()
        if values:
            found = infer_type(dict(values))
            if not found.success():
                raise JITException(f"Unable to infer type of dictionary: {found.reason()}")
            self._key, self._value = found.type().containedTypes()
        if self._key.containedTypes() or isinstance(self._key, BoolType):
            raise RuntimeError(
                f"Cannot create dict for key type '{self._key.str()}', only int, float, complex, Tensor, device and string keys "
                "are supported"
            )

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{k}: {v}" for k, v in self._values.items()) + "}"

    def __len__(self) -> int:
        return len(self._values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __iter__(self) -> ScriptDictKeyIterator:
        return ScriptDictKeyIterator(self._values)

    def keys(self) -> ScriptDictKeyIterator:
        """The keys."""
        return ScriptDictKeyIterator(self._values)

    def items(self) -> ScriptDictIterator:
        """Pairs of key and value."""
        return ScriptDictIterator(self._values.items())

    def __contains__(self, key: Any) -> bool:
        return _of_type(key, self._key) and key in self._values

    def _at(self, key: Any) -> Any:
        if key not in self:
            raise KeyError(key)
        return key

    def __getitem__(self, key: Any) -> Any:
        return self._values[self._at(key)]

    def __delitem__(self, key: Any) -> None:
        del self._values[self._at(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        if not _of_type(key, self._key):
            raise TypeError("dict key is of the wrong type")
        if not _of_type(value, self._value):
            raise TypeError("dict value is of the wrong type")
        self._values[key] = value
