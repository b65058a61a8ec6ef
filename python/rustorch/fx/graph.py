"""Graph: the nodes of a program in order, and the ways to change them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

from ._codegen import Namespace, PythonCode, python_code
from .node import Node, map_arg

__all__ = ["Graph", "PythonCode"]


class _Nodes:
    """The nodes of a graph in order; reversed() goes backwards."""

    def __init__(self, graph: Graph, backwards: bool = False) -> None:
        self._graph, self._backwards = graph, backwards

    def __len__(self) -> int:
        return self._graph._count

    def __iter__(self) -> Iterator[Node]:
        root = self._graph._root
        node = root._prev if self._backwards else root._next
        while node is not root:
            if not node._erased:
                yield node
            node = node._prev if self._backwards else node._next

    def __reversed__(self) -> _Nodes:
        return _Nodes(self._graph, not self._backwards)


class _Inserting:
    """Where new nodes go; back to the former place at the end of `with`."""

    def __init__(self, graph: Graph, insert: Callable[[Node], None]) -> None:
        self._graph, self._before = graph, graph._insert
        graph._insert = insert

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        self._graph._insert = self._before


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower().lstrip("_") if name[:1] != "_" else name.lower()


class Graph:
    """A program as a list of nodes."""

    def __init__(self, owning_module: Any = None, tracer_cls: Any = None, tracer_extras: Any = None) -> None:
        self._root = Node(self, "", "root", "", (), {})
        self._count = 0
        self._insert = self._root.prepend
        self._names = Namespace()
        self.owning_module, self._tracer_cls, self._tracer_extras = owning_module, tracer_cls, tracer_extras

    @property
    def nodes(self) -> _Nodes:
        """The nodes in order."""
        return _Nodes(self)

    def find_nodes(self, *, op: str, target: Any = None, sort: bool = True) -> list[Node]:
        """The nodes of an op (and target)."""
        return [
            n for n in self.nodes if n.op == op and (op != "call_function" and target is None or n.target == target)
        ]

    def output_node(self) -> Node:
        """The output."""
        node = self._root._prev
        if node.op != "output":
            raise RuntimeError("the graph has no output")
        return node

    def create_node(
        self, op: str, target: Any, args: Any = None, kwargs: Any = None, name: str | None = None, type_expr: Any = None
    ) -> Node:
        """A new node at the place for new nodes."""
        candidate = name if name is not None else self._candidate(target)
        node = Node(self, self._names.create_name(candidate, None), op, target, args or (), kwargs or {}, type_expr)
        self._insert(node)
        self._count += 1
        return node

    def _candidate(self, target: Any) -> str:
        if callable(target):
            return _snake(getattr(target, "__name__", type(target).__name__))
        name = str(target)
        if len(name) > 4 and name.startswith("__") and name.endswith("__"):
            name = name[2:-2]
        return _snake(name)

    def placeholder(self, name: str, type_expr: Any = None, default_value: Any = ...) -> Node:
        """An argument of the program."""
        args = () if default_value is ... else (default_value,)
        return self.create_node("placeholder", name, args, type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr: Any = None) -> Node:
        """A parameter, buffer or other attribute of the module, by its path."""
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_module(self, module_name: str, args: Any = None, kwargs: Any = None, type_expr: Any = None) -> Node:
        """A call of a module inside, by its path."""
        if self.owning_module is not None:
            try:
                self.owning_module.get_submodule(module_name)
            except AttributeError:
                import warnings

                warnings.warn(
                    f"Attempted to insert a call_module Node with no underlying reference in the owning GraphModule: {module_name}",
                    stacklevel=2,
                )
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(self, method_name: str, args: Any = None, kwargs: Any = None, type_expr: Any = None) -> Node:
        """A call of a method of the first argument."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(
        self, the_function: Any, args: Any = None, kwargs: Any = None, type_expr: Any = None, name: str | None = None
    ) -> Node:
        """A call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name, type_expr)

    def output(self, result: Any, type_expr: Any = None) -> Node:
        """What the program gives."""
        return self.create_node("output", "output", (result,), type_expr=type_expr)

    def node_copy(self, node: Node, arg_transform: Callable[[Node], Any] = lambda x: x) -> Node:
        """A copy of a node (of another graph) in this one; arg_transform gives the nodes here for those there."""
        args, kwargs = map_arg(node.args, arg_transform), map_arg(node.kwargs, arg_transform)
        made = self.create_node(node.op, node.target, args, kwargs, node.name, node.type)
        made.meta = copy.copy(node.meta)
        return made

    def graph_copy(self, g: Graph, val_map: dict[Node, Any], return_output_node: bool = False) -> Any:
        """Copies all nodes of a graph except its output; gives what the output would be. val_map takes node to copy."""
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                result = map_arg(node.args[0], lambda n: val_map[n])
                return (result, node) if return_output_node else result
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def erase_node(self, to_erase: Node) -> None:
        """Takes a node without users out."""
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the graph: {to_erase.users}!"
            )
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            return
        to_erase._update((), {})
        to_erase._remove_from_list()
        to_erase._erased = True
        self._count -= 1

    def inserting_before(self, n: Node | None = None) -> _Inserting:
        """`with graph.inserting_before(n):` new nodes go before n (None: at the beginning)."""
        if n is None:
            return self.inserting_after(self._root)
        return _Inserting(self, self._mine(n).prepend)

    def inserting_after(self, n: Node | None = None) -> _Inserting:
        """`with graph.inserting_after(n):` new nodes go after n, in their order (None: at the end)."""
        at = self._root._prev if n is None else self._mine(n)

        def insert(node: Node) -> None:
            nonlocal at
            at.append(node)
            at = node

        return _Inserting(self, insert if n is not None else self._root.prepend)

    def _mine(self, n: Node) -> Node:
        if n.graph is not self:
            raise AssertionError("Node to insert before is not in graph.")
        return n

    def process_inputs(self, *args: Any) -> Any:
        """The arguments as they are."""
        return args

    def process_outputs(self, out: Any) -> Any:
        """The result as it is."""
        return out

    def eliminate_dead_code(self, is_impure_node: Callable[[Node], bool] | None = None) -> bool:
        """Takes out what nobody uses and what has no effect; whether anything went."""
        self.lint()
        keep = is_impure_node or Node.is_impure
        gone = False
        for node in reversed(self.nodes):
            if not keep(node) and not node.users:
                self.erase_node(node)
                gone = True
        return gone

    def lint(self) -> None:
        """RuntimeError unless every argument comes before its user, names differ and targets are there."""
        seen: set[Node] = set()
        names: set[str] = set()
        for node in self.nodes:
            for argument in node.all_input_nodes:
                if argument.graph is not self:
                    raise RuntimeError(f"Argument '{argument}' of Node '{node}' does not belong to this Graph, but was used as an argument! "
                                       "If you are copying nodes from another graph, make sure to use ``arg_transform`` on node_copy() to remap values")  # fmt: skip
                if argument not in seen:
                    raise RuntimeError(
                        f"Argument '{argument}' of Node '{node}' was used before it has been defined! Please check that Nodes in the graph are topologically ordered\n{self}"
                    )
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            names.add(node.name)
            seen.add(node)
            if self.owning_module is not None and node.op in ("get_attr", "call_module"):
                self._lint_target(node)

    def _lint_target(self, node: Node) -> None:
        found = self.owning_module
        for part in node.target.split("."):
            if not hasattr(found, part):
                raise RuntimeError(
                    f"Node {node} target {node.target} references nonexistent attribute {part} of {type(found).__name__}"
                )
            found = getattr(found, part)

    def python_code(self, root_module: str = "self", **_: Any) -> PythonCode:
        """The code of the program; root_module is the name of the module in it."""
        return python_code(self, root_module)

    def print_tabular(self) -> None:
        """Prints a table of the nodes."""
        rows = [("opcode", "name", "target", "args", "kwargs")]
        rows += [(n.op, n.name, str(n.target), str(n.args), str(n.kwargs)) for n in self.nodes]
        widths = [max(len(r[i]) for r in rows) for i in range(5)]
        rows.insert(1, tuple("-" * w for w in widths))  # type: ignore[arg-type]
        print("\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in rows))

    def __str__(self) -> str:
        names: list[str] = []
        lines = [f"    {n.format_node()}" for n in self.nodes]
        return f"graph({', '.join(names)}):\n" + "\n".join(lines)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Graph:
        made = Graph(tracer_cls=self._tracer_cls)
        memo = {} if memo is None else memo
        memo[id(self)] = made
        val_map: dict[Node, Any] = {}
        found = made.graph_copy(self, val_map, return_output_node=True)
        if isinstance(found, tuple):
            made.output(found[0], found[1].type).meta = copy.copy(found[1].meta)
        return made

    def __reduce__(self) -> Any:
        rows, index = [], {n: i for i, n in enumerate(self.nodes)}
        for n in self.nodes:
            args, kwargs = map_arg((n.args, n.kwargs), lambda a: _Place(index[a]))
            rows.append((n.op, n.target, args, kwargs, n.name, n.type))
        return _restored, (rows,)


class _Place:
    """Stands for the node of a number in a saved graph."""

    def __init__(self, index: int) -> None:
        self.index = index


def _restored(rows: list[Any]) -> Graph:
    from .node import map_aggregate

    graph, nodes = Graph(), []
    for op, target, args, kwargs, name, kind in rows:
        put = lambda a: nodes[a.index] if isinstance(a, _Place) else a  # noqa: E731
        nodes.append(graph.create_node(op, target, map_aggregate(args, put), map_aggregate(kwargs, put), name, kind))
    return graph
