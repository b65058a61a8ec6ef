"""replace_pattern: puts one piece of program where another stands in a graph."""

from __future__ import annotations

from typing import Any, NamedTuple

from ._symbolic_trace import symbolic_trace
from .graph import Graph
from .graph_module import GraphModule, _copy_attr
from .node import Node, map_arg

__all__ = ["Match", "replace_pattern"]


class Match(NamedTuple):
    """A place that was found: the node of the pattern's result, and node of the pattern -> node of the graph."""

    anchor: Node
    nodes_map: dict[Node, Node]


def _graph(pattern: Any) -> tuple[Graph, Any]:
    if isinstance(pattern, Graph):
        return pattern, pattern.owning_module
    traced = pattern if isinstance(pattern, GraphModule) else symbolic_trace(pattern)
    return traced.graph, traced


class _Matcher:
    """Compares a pattern with the graph, from the results back to the arguments."""

    def __init__(self, pattern: Graph, modules: Any, pattern_modules: Any) -> None:
        self.pattern, self.modules, self.pattern_modules = pattern, modules, pattern_modules

    def same_target(self, want: Node, have: Node) -> bool:
        if want.op != have.op:
            return False
        if want.op == "call_module" and self.pattern_modules is not None:
            a, b = self.pattern_modules.get_submodule(want.target), self.modules.get_submodule(have.target)
            return type(a) is type(b)
        return bool(want.target == have.target)

    def node(self, want: Node, have: Any, found: dict[Node, Any]) -> bool:
        if want in found:
            return found[want] is have
        if want.op == "placeholder":
            found[want] = have
            return True
        if not isinstance(have, Node) or have in found.values() or not self.same_target(want, have):
            return False
        found[want] = have
        if len(want.args) != len(have.args) or set(want.kwargs) != set(have.kwargs):
            return False
        return self.value(want.args, have.args, found) and all(
            self.value(want.kwargs[k], have.kwargs[k], found) for k in want.kwargs
        )

    def value(self, want: Any, have: Any, found: dict[Node, Any]) -> bool:
        if isinstance(want, Node):
            return self.node(want, have, found)
        if isinstance(want, (tuple, list)) and isinstance(have, (tuple, list)):
            return len(want) == len(have) and all(self.value(a, b, found) for a, b in zip(want, have))
        return type(want) is type(have) and bool(want == have)

    def closed(self, found: dict[Node, Any], results: list[Node]) -> bool:
        """Whether nobody outside uses what is inside, but for the results."""
        inside = {h for w, h in found.items() if w.op != "placeholder"}
        return all(set(h.users) <= inside for w, h in found.items() if w.op != "placeholder" and w not in results)


def replace_pattern(gm: GraphModule, pattern: Any, replacement: Any) -> list[Match]:
    """Replaces each place where the graph computes what `pattern` does by what `replacement` does; both are functions, modules
    or graphs with the same arguments. Gives the places. Places that overlap an earlier one stay."""
    wanted, wanted_modules = _graph(pattern)
    instead, instead_modules = _graph(replacement)
    matcher = _Matcher(wanted, gm, wanted_modules)
    output = wanted.output_node().args[0]
    results = [output] if isinstance(output, Node) else list(output)
    inputs, new_inputs = ([n for n in g.nodes if n.op == "placeholder"] for g in (wanted, instead))
    if len(inputs) != len(new_inputs):
        raise RuntimeError(
            f"replace_pattern(): the pattern has {len(inputs)} arguments, the replacement {len(new_inputs)}"
        )
    matches: list[Match] = []
    taken: set[Node] = set()
    for anchor in list(gm.graph.nodes):
        found: dict[Node, Any] = {}
        if anchor.op in ("placeholder", "output") or not matcher.node(results[0], anchor, found):
            continue
        if not all(any(matcher.node(r, n, found) for n in gm.graph.nodes) for r in results[1:]) or not matcher.closed(
            found, results
        ):
            continue
        inside = {h for w, h in found.items() if w.op != "placeholder"}
        if inside & taken:
            continue
        taken |= inside
        matches.append(Match(anchor, found))
    changed: dict[Node, Node] = {}
    for match in matches:
        _replace(gm, match, results, inputs, new_inputs, instead, changed)
    if instead_modules is not None:
        for node in instead.nodes:
            if node.op in ("call_module", "get_attr") and not _has(gm, node.target):
                _copy_attr(instead_modules, gm, node.target)
    gm.graph.lint()
    gm.recompile()
    return matches


def _has(module: Any, path: str) -> bool:
    for part in path.split("."):
        if not hasattr(module, part):
            return False
        module = getattr(module, part)
    return True


def _replace(gm: GraphModule, match: Match, results: list[Node], inputs: list[Node], new_inputs: list[Node], instead: Graph,
             changed: dict[Node, Node]) -> None:  # fmt: skip
    graph = gm.graph
    values: dict[Node, Any] = {}
    for old, new in zip(inputs, new_inputs):
        value = match.nodes_map.get(old)
        values[new] = changed.get(value, value) if isinstance(value, Node) else value
    inside = [n for n in graph.nodes if any(n is h for w, h in match.nodes_map.items() if w.op != "placeholder")]
    with graph.inserting_before(inside[-1]):
        made = graph.graph_copy(instead, values)
    outputs = [made] if isinstance(made, Node) else list(made)
    for want, new in zip(results, outputs):
        old = match.nodes_map[want]
        if isinstance(new, Node):
            old.replace_all_uses_with(new)
            changed[old] = new
        else:
            for user in list(old.users):
                user.args = map_arg(user.args, lambda n, old=old, new=new: new if n is old else n)
    for node in reversed(inside):
        if not node.users:
            graph.erase_node(node)
