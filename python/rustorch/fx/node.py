"""Node: one step of a graph. op says what its target is: placeholder (an argument), get_attr, call_function, call_module,
call_method, output. args and kwargs hold values and other nodes, which know the node among their users."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable
from typing import Any

import rustorch
from rustorch import _C
from rustorch._operators import OpOverload, OpOverloadPacket

from .immutable_collections import immutable_dict, immutable_list

__all__ = ["Argument", "Node", "Target", "has_side_effect", "map_aggregate", "map_arg"]
Target = Any
Argument = Any
base_types = (str, int, float, bool, complex, _C.dtype, _C.Tensor, _C.device, _C.memory_format, _C.layout)
_side_effects: set[Any] = set()
_OPS = ("placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root")


def has_side_effect(fn: Any) -> Any:
    """Keeps calls of the function when dead code goes. Also a decorator."""
    _side_effects.add(fn)
    return fn


def map_aggregate(a: Any, fn: Callable[[Any], Any]) -> Any:
    """The value with fn applied to all that is in its tuples, lists, dicts and slices."""
    if type(a) is tuple or isinstance(a, tuple) and hasattr(a, "_fields"):
        parts = [map_aggregate(x, fn) for x in a]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if isinstance(a, list):
        return immutable_list(map_aggregate(x, fn) for x in a)
    if isinstance(a, dict):
        return immutable_dict((k, map_aggregate(v, fn)) for k, v in a.items())
    if isinstance(a, slice):
        return slice(map_aggregate(a.start, fn), map_aggregate(a.stop, fn), map_aggregate(a.step, fn))
    return fn(a)


def map_arg(a: Any, fn: Callable[[Node], Any]) -> Any:
    """The value with fn applied to all nodes in it."""
    if not callable(fn):
        raise AssertionError("torch.fx.map_arg(a, fn): fn must be a callable")
    return map_aggregate(a, lambda x: fn(x) if isinstance(x, Node) else x)


def qualified_name(func: Any) -> str:
    """The name of a function as a program writes it: torch.relu, operator.add, len."""
    name = getattr(func, "__name__", None) or type(func).__name__
    if getattr(builtins, name, None) is func:
        return name
    if getattr(rustorch, name, None) is func:
        return f"torch.{name}"
    functional = rustorch.nn.functional
    if getattr(functional, name, None) is func:
        return f"torch.nn.functional.{name}"
    module = (getattr(func, "__module__", None) or "").replace("_operator", "operator")
    if module.split(".")[0] == "rustorch":
        module = "torch" + module[len("rustorch") :]
    if isinstance(func, (OpOverload, OpOverloadPacket)):
        return f"torch.ops.{func}"
    return f"{module}.{getattr(func, '__qualname__', name)}" if module else name


def _shown(value: Any) -> str:
    """A value as graphs print it: %name for nodes."""
    if isinstance(value, Node):
        return f"%{value.name}"
    if isinstance(value, tuple):
        inner = ", ".join(map(_shown, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, slice):
        return f"slice({_shown(value.start)}, {_shown(value.stop)}, {_shown(value.step)})"
    return str(value)


class Node:
    """One step of a graph; made by its methods (graph.call_function(...))."""

    def __init__(self, graph: Any, name: str, op: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any],
                 return_type: Any = None) -> None:  # fmt: skip
        if op not in _OPS:
            raise AssertionError(f"Invalid op: {op}")
        if op == "call_function" and not callable(target):
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type {type(target)} but a Callable is expected"
            )
        if op not in ("call_function", "root") and not isinstance(target, str):
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type {type(target)} but a str is expected"
            )
        self.graph, self.name, self.op, self.target, self.type = graph, name, op, target, return_type
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}
        self._input_nodes: dict[Node, None] = {}
        self.users: dict[Node, None] = {}
        self.meta: dict[str, Any] = {}
        self._prev = self._next = self
        self._erased = False
        self._update(map_arg(args, lambda n: n), map_arg(kwargs, lambda n: n))

    @property
    def next(self) -> Node:
        """The node after it."""
        return self._next

    @property
    def prev(self) -> Node:
        """The node before it."""
        return self._prev

    def _remove_from_list(self) -> None:
        self._prev._next, self._next._prev = self._next, self._prev

    def prepend(self, x: Node) -> None:
        """Puts x before this node."""
        if x.graph is not self.graph:
            raise AssertionError("Attempting to move a Node into a different Graph")
        if x is self:
            return
        x._remove_from_list()
        before = self._prev
        before._next, x._prev, x._next, self._prev = x, before, self, x

    def append(self, x: Node) -> None:
        """Puts x after this node."""
        self._next.prepend(x)

    def _update(self, args: Any, kwargs: Any) -> None:
        for old in self._input_nodes:
            old.users.pop(self, None)
        self._input_nodes = {}
        self._args, self._kwargs = tuple(args), immutable_dict(kwargs)
        map_arg((self._args, self._kwargs), lambda n: self._input_nodes.setdefault(n))
        for new in self._input_nodes:
            new.users.setdefault(self)

    @property
    def args(self) -> tuple[Any, ...]:
        """The positional arguments; assign a new tuple to change them."""
        return self._args

    @args.setter
    def args(self, a: tuple[Any, ...]) -> None:
        self._update(map_arg(tuple(a), lambda n: n), self._kwargs)

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments by name; assign a new dict to change them."""
        return self._kwargs

    @kwargs.setter
    def kwargs(self, k: dict[str, Any]) -> None:
        self._update(self._args, map_arg(dict(k), lambda n: n))

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes among the arguments."""
        return list(self._input_nodes)

    def update_arg(self, idx: int, arg: Any) -> None:
        """Changes one positional argument."""
        args = list(self.args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg: Any) -> None:
        """Adds a positional argument."""
        self.args = (*self.args[:idx], arg, *self.args[idx:])

    def update_kwarg(self, key: str, arg: Any) -> None:
        """Changes one argument given by name."""
        self.kwargs = {**self.kwargs, key: arg}

    def replace_all_uses_with(
        self, replace_with: Node, delete_user_cb: Any = None, *, propagate_meta: bool = False
    ) -> list[Node]:
        """Lets the users of this node use another; gives those that changed."""
        if propagate_meta:
            replace_with.meta.update(self.meta)
        changed = [u for u in list(self.users) if delete_user_cb is None or delete_user_cb(u)]
        for user in changed:
            user.replace_input_with(self, replace_with)
        return changed

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Takes another node wherever the old one is an argument."""
        swap = lambda n: new_input if n is old_input else n  # noqa: E731
        self._update(map_arg(self._args, swap), map_arg(self._kwargs, swap))

    def is_impure(self, impure_random: bool = True) -> bool:
        """Whether it does more than give a result: it must stay though nobody uses it."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_function":
            name = str(getattr(self.target, "__name__", ""))
            writes = (
                name.endswith("_")
                and not name.startswith("__")
                or "out" in self.kwargs
                or name in ("setitem", "_assert")
            )
            return self.target in _side_effects or writes
        if self.op == "call_method":
            return self.target.endswith("_") and not self.target.endswith("__")
        if self.op == "call_module":
            module = self.graph.owning_module
            found = module.get_submodule(self.target) if module is not None else None
            return bool(getattr(found, "_is_impure", False))
        return False

    def format_node(
        self, placeholder_names: list[str] | None = None, maybe_return_typename: list[str] | None = None, **_: Any
    ) -> str | None:
        """The node as a line of its graph."""
        kind = f"{qualified_name(self.type)} " if self.type is not None and inspect.isclass(self.type) else ""
        head = f"%{self.name} : {kind}[num_users={len(self.users)}]"
        if self.op == "placeholder":
            default = f"(default={self.args[0]})" if self.args else ""
            if placeholder_names is not None:
                placeholder_names.append(self.target + (f": {kind.strip()}" if kind else ""))
                return None
            return f"{head} = {self.op}[target={self.target}]{default}"
        if self.op == "get_attr":
            return f"{head} = {self.op}[target={self.target}]"
        if self.op == "output":
            return f"return {_output(self.args[0])}"
        return f"{head} = {self.op}[target={self._pretty_print_target(self.target)}](args = {_shown(self.args)}, kwargs = {_shown(self.kwargs)})"

    def _pretty_print_target(self, target: Any) -> str:
        if isinstance(target, str):
            return target
        return (
            f"builtins.{target.__name__}" if getattr(target, "__module__", "") == "builtins" else qualified_name(target)
        )

    def __repr__(self) -> str:
        return self.name


def _output(value: Any) -> str:
    """What a graph returns, with plain names."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_output, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(_output, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_output(v)}" for k, v in value.items()) + "}"
    return value.name if isinstance(value, Node) else repr(value)
