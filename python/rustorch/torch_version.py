"""TorchVersion: a version that compares with strings and tuples by its numbers, as "0.10" > "0.9"."""

from __future__ import annotations

import re
from typing import Any

from . import __version__ as _text

__all__ = ["TorchVersion"]


def _key(version: Any) -> tuple[Any, ...]:
    """What versions are compared by: the numbers without zeros at the end, then whether it is a final release."""
    if isinstance(version, tuple):
        version = ".".join(map(str, version))
    found = re.match(r"\s*v?(\d+(?:\.\d+)*)[.-]?(a|b|rc|dev)?\.?(\d*)", str(version))
    if found is None:
        raise ValueError(f"invalid version: {version!r}")
    numbers = [int(n) for n in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    stage = {"dev": 0, "a": 1, "b": 2, "rc": 3, None: 4}[found[2]]
    return (tuple(numbers), stage, int(found[3] or 0) if found[2] else 0)


class TorchVersion(str):
    """A version string; ==, < and so on take strings and tuples of numbers."""

    def __eq__(self, other: object) -> bool:
        return _key(self) == _key(other)

    def __ne__(self, other: object) -> bool:
        return _key(self) != _key(other)

    def __lt__(self, other: Any) -> bool:
        return _key(self) < _key(other)

    def __le__(self, other: Any) -> bool:
        return _key(self) <= _key(other)

    def __gt__(self, other: Any) -> bool:
        return _key(self) > _key(other)

    def __ge__(self, other: Any) -> bool:
        return _key(self) >= _key(other)

    __hash__ = str.__hash__


__version__ = TorchVersion(_text)
