"""The Python code of a graph: names, and one line for each node."""

from __future__ import annotations

import builtins
import inspect
import keyword
import math
import re
from typing import Any, NamedTuple

import rustorch
from rustorch import _C

from .node import Node, map_arg, qualified_name

_SUFFIX = re.compile(r"(.*)_(\d+)$")
_ILLEGAL = re.compile(r"[^0-9a-zA-Z_]+")
_MAGIC = {n: f"{{}} {s} {{}}" for n, s in (
    ("eq", "=="), ("ne", "!="), ("lt", "<"), ("gt", ">"), ("le", "<="), ("ge", ">="), ("pos", "+"), ("neg", "-"), ("invert", "~"),
    ("add", "+"), ("sub", "-"), ("mul", "*"), ("floordiv", "//"), ("truediv", "/"), ("mod", "%"), ("pow", "**"), ("lshift", "<<"),
    ("rshift", ">>"), ("and_", "&"), ("or_", "|"), ("xor", "^"), ("matmul", "@"))}  # fmt: skip
_MAGIC |= {"pos": "+{}", "neg": "-{}", "invert": "~{}", "getitem": "{}[{}]"}
_INPLACE = {n: f"{s}=" for n, s in (
    ("iadd", "+"), ("iand", "&"), ("ifloordiv", "//"), ("ilshift", "<<"), ("imod", "%"), ("imul", "*"), ("imatmul", "@"), ("ior", "|"),
    ("ipow", "**"), ("irshift", ">>"), ("isub", "-"), ("itruediv", "/"), ("ixor", "^"))}  # fmt: skip


class PythonCode(NamedTuple):
    """The text of `forward`, and the objects that its names stand for."""

    src: str
    globals: dict[str, Any]


class Namespace:
    """Names that are all different and legal in Python."""

    def __init__(self) -> None:
        self._of: dict[Any, str] = {}
        self._used: set[str] = set()
        self._counts: dict[str, int] = {}

    def create_name(self, candidate: str, obj: Any) -> str:
        """A name like the candidate; always the same for one object."""
        if obj is not None and id(obj) in self._of:
            return self._of[id(obj)]
        candidate = _ILLEGAL.sub("_", candidate) or "_unnamed"
        if candidate[0].isdigit():
            candidate = f"_{candidate}"
        match = _SUFFIX.match(candidate)
        base, number = (candidate, 0) if match is None else (match[1], int(match[2]))
        number = max(number, self._counts.get(base, 0)) if candidate in self._used else number
        while candidate in self._used or self._illegal(candidate, obj):
            number += 1
            candidate = f"{base}_{number}"
        self._used.add(candidate)
        self._counts[base] = number
        if obj is not None:
            self._of[id(obj)] = candidate
        return candidate

    def _illegal(self, name: str, obj: Any) -> bool:
        if name in keyword.kwlist:
            return True
        if name in builtins.__dict__:
            return obj is not builtins.__dict__[name]
        return name in ("inf", "nan", "NoneType", "torch", "device", "self")

    def forget(self, obj: Any) -> None:
        """Lets go of the object, whose name stays taken."""
        self._of.pop(id(obj), None)


class _Writer:
    """Writes the lines of one graph."""

    def __init__(self, root: str) -> None:
        self.root, self.globals, self.names = root, {}, Namespace()

    def known(self, hint: str, value: Any) -> str:
        """A global name for an object."""
        if hint.split(".")[0] == "torch" and _at(hint) is value:
            self.globals.setdefault("torch", rustorch)
            return hint
        if getattr(builtins, hint, None) is value:
            return hint
        name = hint.replace(".", "_")
        name = _ILLEGAL.sub("_", name)
        while name in self.globals and self.globals[name] is not value:
            name += "_1"
        self.globals[name] = value
        return name

    def text(self, value: Any) -> str:
        """A value as an expression."""
        if isinstance(value, Node):
            return value.name
        if isinstance(value, tuple):
            if hasattr(value, "_fields"):
                return f"{self.known(type(value).__name__, type(value))}({', '.join(map(self.text, value))})"
            return f"({', '.join(map(self.text, value))}{',' if len(value) == 1 else ''})"
        if isinstance(value, list):
            return f"[{', '.join(map(self.text, value))}]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k!r}: {self.text(v)}" for k, v in value.items()) + "}"
        if isinstance(value, slice):
            return f"slice({self.text(value.start)}, {self.text(value.stop)}, {self.text(value.step)})"
        if isinstance(value, float) and not math.isfinite(value):
            word = "nan" if math.isnan(value) else "inf"
            self.globals[word] = float(word)
            return f"-{word}" if value < 0 else word
        if isinstance(value, (_C.dtype, _C.memory_format, _C.layout)):
            self.globals.setdefault("torch", rustorch)
            return str(value).replace("rustorch.", "torch.")
        if isinstance(value, _C.device):
            self.globals["device"] = _C.device
            return repr(value)
        if inspect.isclass(value) or callable(value):
            return self.known(qualified_name(value), value)
        return repr(value)

    def call_args(self, args: Any, kwargs: Any) -> str:
        return ", ".join([*map(self.text, args), *(f"{k} = {self.text(v)}" for k, v in kwargs.items())])

    def line(self, node: Node) -> str:
        args = node.args
        if node.op == "call_method":
            rest = self.call_args(args[1:], node.kwargs)
            return f"{node.name} = {_in_brackets(self.text(args[0]))}.{node.target}({rest})"
        if node.op == "call_module":
            return f"{node.name} = {_path(self.root, node.target)}({self.call_args(args, node.kwargs)})"
        if node.op == "get_attr":
            return f"{node.name} = {_path(self.root, node.target)}"
        if node.op == "output":
            return f"return {self.text(args[0])}"
        return self.function_line(node)

    def function_line(self, node: Node) -> str:
        target, args = node.target, node.args
        name = getattr(target, "__name__", "")
        if getattr(target, "__module__", None) == "_operator" and not node.kwargs:
            if name in _MAGIC and all(not isinstance(a, tuple) or name == "getitem" for a in args):
                return f"{node.name} = {_MAGIC[name].format(*map(self.text, args))}"
            if name in _INPLACE:
                left, right = map(self.text, args)
                return f"{left} {_INPLACE[name]} {right};  {node.name} = {left}"
        if target is getattr and len(args) == 2 and isinstance(args[1], str) and args[1].isidentifier():
            return f"{node.name} = {self.text(args[0])}.{args[1]}"
        return f"{node.name} = {self.known(qualified_name(target), target)}({self.call_args(args, node.kwargs)})"


def _at(path: str) -> Any:
    found: Any = rustorch
    for part in path.split(".")[1:]:
        found = getattr(found, part, None)
    return found


def _in_brackets(text: str) -> str:
    return text if re.fullmatch(r"[\w.\[\]]+", text) else f"({text})"


def _path(root: str, target: str) -> str:
    text = root
    for part in target.split("."):
        text = f"{text}.{part}" if part.isidentifier() else f'getattr({text}, "{part}")'
    return text


def _last_uses(nodes: list[Node]) -> dict[Node, list[Node]]:
    """For each node those that nobody needs after it."""
    seen: set[Node] = set()
    found: dict[Node, list[Node]] = {}

    def use(n: Node, user: Node) -> Node:
        if n not in seen:
            seen.add(n)
            found.setdefault(user, []).append(n)
        return n

    for node in reversed(nodes):
        map_arg((node.args, node.kwargs), lambda n, user=node: use(n, user))
    return found


def python_code(graph: Any, root: str = "self") -> PythonCode:
    """The code of a graph as a function `forward(self, ...)`. Values are let go where they were used last."""
    writer, nodes, parameters, lines = _Writer(root), list(graph.nodes), [], []
    last = _last_uses(nodes)
    for node in nodes:
        if node.op == "placeholder":
            default = f" = {writer.text(node.args[0])}" if node.args else ""
            kind = ""
            if node.type is not None:
                kind = f" : {writer.known(qualified_name(node.type), node.type)}" if inspect.isclass(node.type) else ""
            parameters.append(node.target + kind + default)
            raw = node.target.lstrip("*")
            if raw != node.name:
                lines.append(f"{node.name} = {raw}")
            continue
        text = writer.line(node)
        if node.op != "output":
            gone = last.get(node, [])
            names = [*(n.name for n in gone), *([node.name] if not node.users else [])]
            text += f";  {' = '.join([*names, 'None'])}" if names else ""
        lines.append(text)
    if not nodes or nodes[-1].op != "output":
        lines.append("return None")
    body = "\n".join(f"    {line}" for line in lines)
    return PythonCode(f"\n\n\ndef forward({', '.join([root, *parameters])}):\n{body}\n    ", writer.globals)
