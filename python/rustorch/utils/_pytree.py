"""Trees of tuples, named tuples, lists, dicts and leaves: flatten, rebuild, map."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

__all__ = ["SUPPORTED_NODES", "GetAttrKey", "KeyPath", "LeafSpec", "MappingKey", "NodeDef", "PyTree", "SequenceKey", "TreeSpec", "keystr", "register_pytree_node", "tree_all", "tree_all_only", "tree_any", "tree_any_only",
           "tree_flatten", "tree_flatten_with_path", "tree_iter", "tree_leaves", "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_with_path", "tree_map_only", "tree_map_only_",
           "tree_structure", "tree_unflatten", "treespec_dumps", "treespec_leaf", "treespec_loads", "treespec_pprint"]  # fmt: skip

PyTree = Any
FlattenFunc = Callable[[Any], tuple[Iterable[Any], Any]]
UnflattenFunc = Callable[[Iterable[Any], Any], Any]


class NodeDef(NamedTuple):
    """A kind of node: how its objects come apart and together, and, where it says so, with keys of the children."""

    type: Any
    flatten_fn: FlattenFunc
    unflatten_fn: UnflattenFunc
    flatten_with_keys_fn: FlattenFunc | None = None


def _list_flatten(tree: list[Any]) -> tuple[list[Any], Any]:
    return list(tree), None


def _list_unflatten(values: Iterable[Any], context: Any) -> list[Any]:
    return list(values)


def _tuple_unflatten(values: Iterable[Any], context: Any) -> tuple[Any, ...]:
    return tuple(values)


def _dict_flatten(tree: dict[Any, Any]) -> tuple[list[Any], Any]:
    return list(tree.values()), list(tree)


def _dict_flatten_with_keys(tree: dict[Any, Any]) -> tuple[list[tuple[Any, Any]], Any]:
    return [(MappingKey(k), v) for k, v in tree.items()], list(tree)


def _dict_unflatten(values: Iterable[Any], context: Any) -> dict[Any, Any]:
    return dict(zip(context, values))


_tuple_flatten: Any = _list_flatten


class _Result:
    """Stands for the named results of operators, whose classes take one sequence."""


# The kinds of nodes, by class.
SUPPORTED_NODES: dict[Any, NodeDef] = {
    n.type: n
    for n in (
        NodeDef(list, _list_flatten, _list_unflatten),
        NodeDef(tuple, _tuple_flatten, _tuple_unflatten),
        NodeDef(dict, _dict_flatten, _dict_unflatten),
        NodeDef(OrderedDict, _dict_flatten, lambda values, keys: OrderedDict(zip(keys, values))),
        NodeDef(
            defaultdict,
            lambda tree: (list(tree.values()), (tree.default_factory, list(tree))),
            lambda values, context: defaultdict(context[0], zip(context[1], values)),
        ),
        NodeDef(deque, lambda tree: (list(tree), tree.maxlen), lambda values, size: deque(values, maxlen=size)),
        NodeDef(namedtuple, lambda tree: (list(tree), type(tree)), lambda values, kind: kind(*values)),
        NodeDef(_Result, lambda tree: (list(tree), type(tree)), lambda values, kind: kind(list(values))),
    )
}


class SequenceKey(NamedTuple):
    """The place of a child in a list or tuple."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """The child there."""
        return sequence[self.idx]


class MappingKey(NamedTuple):
    """The key of a child of a dict."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """The child there."""
        return mapping[self.key]


class GetAttrKey(NamedTuple):
    """The attribute of an object that a child is."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """The child there."""
        return getattr(obj, self.name)


KeyPath = tuple[Any, ...]


class TreeSpec:
    """The shape of a tree: kind of node (None for a leaf), what the kind needs to be rebuilt, and the children."""

    __slots__ = ("children_specs", "context", "num_leaves", "type")

    def __init__(self, kind: Any, context: Any, children_specs: list[TreeSpec]) -> None:
        self.type, self.context, self.children_specs = kind, context, children_specs
        self.num_leaves = sum(c.num_leaves for c in children_specs) if kind is not None else 1

    def is_leaf(self) -> bool:
        """Whether this is one leaf."""
        return self.type is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (self.type, self.context, self.children_specs) == (other.type, other.context, other.children_specs)

    def __hash__(self) -> int:
        return hash((self.type, self.num_leaves))

    def __repr__(self) -> str:
        if self.is_leaf():
            return "*"
        # One level of nesting a step to the right, as PyTorch prints it.
        children = ",\n".join(map(repr, self.children_specs)).replace("\n", "\n  ")
        return f"TreeSpec({self.type.__name__}, {self.context}, [{children}])"


class LeafSpec(TreeSpec):
    """The structure of one leaf."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None, None, [])


_LEAF = LeafSpec()


def register_pytree_node(
    cls: type, flatten_fn: FlattenFunc, unflatten_fn: UnflattenFunc, *, serialized_type_name: str | None = None,
    to_dumpable_context: Any = None, from_dumpable_context: Any = None, flatten_with_keys_fn: Any = None,
) -> None:  # fmt: skip
    """Makes objects of a class nodes: flatten_fn gives (children, context), unflatten_fn(children, context) the object.
    flatten_with_keys_fn(object) gives ((key, child) for every child, context). What concerns files is not used.
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)


def _register_pytree_node(cls: type, flatten_fn: FlattenFunc, unflatten_fn: UnflattenFunc, **kwargs: Any) -> None:
    """The former name of register_pytree_node."""
    register_pytree_node(cls, flatten_fn, unflatten_fn, **kwargs)


def _deregister_pytree_node(cls: type) -> None:
    """Makes objects of a registered class leaves again."""
    del SUPPORTED_NODES[cls]


def _is_leaf(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether an object is a leaf."""
    return (is_leaf is not None and is_leaf(tree)) or _children(tree) is None


def _get_node_type(tree: Any) -> Any:
    """The class under which an object's kind of node is registered: `namedtuple` for all named tuples."""
    kind = type(tree)
    if kind not in SUPPORTED_NODES and isinstance(tree, tuple):
        if hasattr(tree, "_fields"):
            return namedtuple
        if kind.__module__ in ("rustorch.return_types", "rustorch._C"):  # results of operators
            return _Result
    return kind


def _children(tree: Any) -> tuple[Any, list[Any]] | None:
    """(context, children) of a node, None for a leaf."""
    node = SUPPORTED_NODES.get(_get_node_type(tree))
    if node is None:
        return None
    children, context = node.flatten_fn(tree)
    return context, list(children)


def _rebuild(spec: TreeSpec, children: list[Any]) -> Any:
    return SUPPORTED_NODES[spec.type].unflatten_fn(children, spec.context)


def _flatten(tree: Any, leaves: list[Any], is_leaf: Callable[[Any], bool] | None) -> TreeSpec:
    node = None if is_leaf is not None and is_leaf(tree) else _children(tree)
    if node is None:
        leaves.append(tree)
        return _LEAF
    return TreeSpec(_get_node_type(tree), node[0], [_flatten(c, leaves, is_leaf) for c in node[1]])


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves in order, and the structure."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves, is_leaf)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree with these leaves."""
    values = list(leaves)
    if len(values) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(values)} but the spec refers to a pytree that "
            f"holds {treespec.num_leaves} items ({treespec})."
        )
    rest = iter(values)

    def build(spec: TreeSpec) -> Any:
        return next(rest) if spec.is_leaf() else _rebuild(spec, [build(c) for c in spec.children_specs])

    return build(treespec)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> Iterator[Any]:
    """The leaves in order."""
    return iter(tree_leaves(tree, is_leaf))


def treespec_leaf() -> TreeSpec:
    """The structure of one leaf."""
    return _LEAF


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    """The structure of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """The tree of func(leaf, ...), over trees of one structure."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_leaves(r, is_leaf) for r in rests]
    return tree_unflatten([func(*values) for values in zip(leaves, *others)], spec)


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Calls func on every leaf; gives the tree itself."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _only(kinds: Any) -> Callable[[Any], bool]:
    """Whether an object is one of the kinds: a type, a tuple of types, or a function that says so."""
    by_type = isinstance(kinds, (type, tuple)) or type(kinds).__name__ == "UnionType"
    return (lambda x: isinstance(x, kinds)) if by_type else kinds


def tree_map_only(kinds: Any, *args: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """tree_map_only(kinds, func, tree): tree_map that leaves alone what is not of `kinds`. tree_map_only(kinds) gives a
    decorator, which makes func leave the others alone.
    """
    wanted = _only(kinds)
    if not args:
        return lambda func: lambda x: func(x) if wanted(x) else x
    func, tree = args
    return tree_map(lambda x: func(x) if wanted(x) else x, tree, is_leaf=is_leaf)


def tree_map_only_(
    kinds: Any, func: Callable[[Any], Any], tree: Any, is_leaf: Callable[[Any], bool] | None = None
) -> Any:
    """Calls func on the leaves of `kinds`; gives the tree itself."""
    wanted = _only(kinds)
    return tree_map_(lambda x: func(x) if wanted(x) else x, tree, is_leaf=is_leaf)


def tree_all_only(
    kinds: Any, pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None
) -> bool:
    """Whether pred holds for every leaf of `kinds`."""
    wanted = _only(kinds)
    return all(pred(x) for x in tree_leaves(tree, is_leaf) if wanted(x))


def tree_any_only(
    kinds: Any, pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None
) -> bool:
    """Whether pred holds for some leaf of `kinds`."""
    wanted = _only(kinds)
    return any(pred(x) for x in tree_leaves(tree, is_leaf) if wanted(x))


def _child_keys(tree: Any, count: int) -> list[Any]:
    """The keys of a node's children."""
    kind = _get_node_type(tree)
    with_keys = SUPPORTED_NODES[kind].flatten_with_keys_fn
    if with_keys is not None:
        return [key for key, _ in with_keys(tree)[0]]
    if kind in (dict, OrderedDict, defaultdict):
        return [MappingKey(key) for key in tree]
    if kind is namedtuple:
        return [GetAttrKey(name) for name in tree._fields]
    return [SequenceKey(i) for i in range(count)]


def tree_flatten_with_path(
    tree: Any, is_leaf: Callable[[Any], bool] | None = None
) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """The leaves in order, each with the keys that lead to it, and the structure."""
    found: list[tuple[KeyPath, Any]] = []

    def walk(node: Any, path: KeyPath) -> None:
        parts = None if is_leaf is not None and is_leaf(node) else _children(node)
        if parts is None:
            found.append((path, node))
            return
        for key, child in zip(_child_keys(node, len(parts[1])), parts[1]):
            walk(child, (*path, key))

    walk(tree, ())
    return found, tree_structure(tree, is_leaf)


def tree_leaves_with_path(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[tuple[KeyPath, Any]]:
    """The leaves in order, each with the keys that lead to it."""
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_map_with_path(
    func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None
) -> Any:
    """The tree of func(keys, leaf, ...), over trees of one structure."""
    leaves, spec = tree_flatten_with_path(tree, is_leaf)
    others = [tree_leaves(r, is_leaf) for r in rests]
    return tree_unflatten([func(path, x, *more) for (path, x), *more in zip(leaves, *others)], spec)


def keystr(kp: KeyPath) -> str:
    """The keys as they would be written in a program."""
    return "".join(map(str, kp))


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether pred holds for every leaf."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether pred holds for some leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def treespec_pprint(treespec: TreeSpec) -> str:
    """The structure as text, leaves as `*`."""

    class _Star:
        def __repr__(self) -> str:
            return "*"

    return repr(tree_unflatten([_Star() for _ in range(treespec.num_leaves)], treespec))


def broadcast_to_and_flatten(tree: Any, treespec: TreeSpec) -> list[Any] | None:
    """The leaves of `tree`, repeated where `treespec` has a whole subtree for one; None when they do not fit."""
    node = _children(tree)
    if treespec.is_leaf():
        return [tree] if node is None else None
    if node is None:
        return [tree] * treespec.num_leaves
    context, children = node
    same = _get_node_type(tree) is treespec.type and context == treespec.context
    if not same or len(children) != len(treespec.children_specs):
        return None
    result: list[Any] = []
    for child, spec in zip(children, treespec.children_specs):
        flat = broadcast_to_and_flatten(child, spec)
        if flat is None:
            return None
        result += flat
    return result


_broadcast_to_and_flatten = broadcast_to_and_flatten


# Kinds of nodes that treespec_dumps() writes, by PyTorch's names.
_NAMES = {list: "builtins.list", tuple: "builtins.tuple", dict: "builtins.dict", OrderedDict: "collections.OrderedDict"}


def treespec_dumps(treespec: TreeSpec) -> str:
    """A structure of lists, tuples and dicts as text (JSON, in PyTorch's form); keys are what JSON has."""
    import json

    def record(spec: TreeSpec) -> dict[str, Any]:
        if spec.is_leaf():
            return {"type": None, "context": None, "children_spec": []}
        if spec.type not in _NAMES:
            raise NotImplementedError(f"treespec_dumps(): no form for {spec.type.__name__}")
        return {
            "type": _NAMES[spec.type],
            "context": json.dumps(spec.context),
            "children_spec": [record(c) for c in spec.children_specs],
        }

    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"treespec_dumps(treespec): Expected `treespec` to be instance of TreeSpec but got item of type {type(treespec)}.")  # fmt: skip
    return json.dumps([1, record(treespec)], separators=(",", ":"))


def treespec_loads(serialized: str) -> TreeSpec:
    """The structure that treespec_dumps() wrote."""
    import json

    kinds = {name: kind for kind, name in _NAMES.items()}

    def spec(record: Any) -> TreeSpec:
        if not isinstance(record, dict) or not {"type", "context", "children_spec"} <= record.keys():
            raise ValueError("treespec_loads(): this is no structure of treespec_dumps()")
        if record["type"] is None:
            return _LEAF
        if record["type"] not in kinds:
            raise ValueError(f"treespec_loads(): unknown kind of node {record['type']!r}")
        return TreeSpec(
            kinds[record["type"]], json.loads(record["context"]), [spec(c) for c in record["children_spec"]]
        )

    version, root = json.loads(serialized)
    if version != 1:
        raise ValueError(f"Unknown protocol {version}. Available protocols: [1]")
    return spec(root)
