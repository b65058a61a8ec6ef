"""The dict-like views `module._parameters`, `module._buffers` and `module._modules`.

Note [Where members live]
Parameters, buffers and submodules are ordinary entries of the instance dictionary, so that
`self.weight` in a `forward` is one plain attribute lookup and never reaches `__getattr__`.  Which
of the entries are members, and their order, is kept in three name tables beside them
(`_parameter_names`, `_buffer_names`, `_module_names`).  The views made here on demand read and
write both together; they hold the instance dictionary, and the instance does not hold them, so
no reference cycle keeps a dropped model alive.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any


class Members(MutableMapping):  # type: ignore[type-arg]
    """One kind of members of a module as a mapping from name to value, in order of registration."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: dict[str, None], values: dict[str, Any]) -> None:
        self._names = names
        self._values = values

    def __getitem__(self, name: str) -> Any:
        if name in self._names:
            return self._values[name]
        raise KeyError(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self._names[name] = None
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        self._values.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))

    def items(self) -> Any:
        """(name, member) pairs; as those of a dict they can be reversed."""
        return self.copy().items()

    def values(self) -> Any:
        """The members; likewise."""
        return self.copy().values()

    def copy(self) -> dict[str, Any]:
        """The members as an independent dict."""
        return {name: self._values[name] for name in self._names}


def members_property(table: str, doc: str) -> Any:
    """A property giving the view on one kind of members; assigning replaces them all."""

    def get(self: Any) -> Members:
        values = self.__dict__
        names = values.get(table)
        if names is None:
            raise AttributeError(f"'{type(self).__name__}' object has no members before Module.__init__() was called")
        return Members(names, values)

    def put(self: Any, new: Any) -> None:
        new = dict(new)
        values = self.__dict__
        for name in values.get(table, ()):
            values.pop(name, None)
        values[table] = dict.fromkeys(new)
        values.update(new)

    return property(get, put, doc=doc)
