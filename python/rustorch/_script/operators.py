"""Schemas and tags of the declared operators, from operators.txt, which the build writes from ops/*.ops.

The text is read when a schema is asked for first, and each schema is made when it is asked for.
"""

from __future__ import annotations

import functools
import pathlib

from .. import _C
from .parse import parse_schema
from .schema import FunctionSchema
from .tags import Tag


@functools.lru_cache(maxsize=1)
def _lines() -> dict[str, dict[str, str]]:
    """name -> overload -> line"""
    found: dict[str, dict[str, str]] = {}
    path = pathlib.Path(_C.__file__).parent / "operators.txt"
    for line in path.read_text().splitlines() if path.exists() else ():
        name, _, overload = line[: line.index("(")].partition(".")
        found.setdefault(name, {})[overload] = line
    return found


def overloads(name: str) -> list[str]:
    """The overloads of an operator, "default" for the one without a name."""
    return [o or "default" for o in _lines().get(name, {})]


@functools.lru_cache(maxsize=4096)
def schema(name: str, overload: str) -> FunctionSchema | None:
    """The schema of aten::name.overload, None where there is none."""
    line = _lines().get(name, {}).get("" if overload == "default" else overload)
    return None if line is None else parse_schema("aten::" + line.split(" # ")[0])


def tags(name: str, overload: str) -> list[Tag]:
    """The tags of aten::name.overload."""
    line = _lines().get(name, {}).get("" if overload == "default" else overload)
    words = line.partition(" # ")[2].split() if line else []
    return sorted((Tag[w] for w in [*words, *(["pt2_compliant_tag"] if line else [])]), key=int)


def get_schema(qualname: str, overload: str = "") -> FunctionSchema:
    """The schema of a qualified name ("aten::add") and overload."""
    found = next((s for s in schemas_for(qualname) if s.overload_name == overload), None)
    if found is None:
        raise RuntimeError("Found no matching schema")
    return found


def schemas_for(qualname: str) -> list[FunctionSchema]:
    """The schemas of all overloads of a qualified name."""
    namespace, _, name = qualname.partition("::")
    if namespace == "aten":
        return [s for o in overloads(name) if (s := schema(name, o)) is not None]
    from ..library import _known

    return [op._schema for op in _known.values() if op._schema.name == qualname]


def all_schemas() -> list[FunctionSchema]:
    """The schemas of all operators."""
    return [s for name in _lines() for s in schemas_for(f"aten::{name}")]
