"""Proxy: stands for a value while a program is traced; what is done with it becomes a node."""

from __future__ import annotations

import dis
import inspect
import operator
import sys
from collections.abc import Iterator
from typing import Any

from rustorch._parts import _assert
from rustorch.overrides import is_tensor_method_or_property

from .node import Node, base_types, map_aggregate

__all__ = ["Attribute", "GraphAppendingTracer", "ParameterProxy", "Proxy", "TraceError", "TracerBase"]
_BINARY = "add and_ floordiv lshift matmul mod mul or_ pow rshift sub truediv xor".split()
_ONE = "eq ne lt gt le ge getitem".split()
_UNARY = "pos neg invert abs".split()


class TraceError(ValueError):
    """The program does something whose outcome is not known while tracing."""


class TracerBase:
    """What proxies and tracers need: a graph, and the way from values to arguments of nodes."""

    graph: Any
    record_stack_traces = False
    check_mutable_operations = False
    trace_asserts = False
    proxy_buffer_attributes = False

    def create_node(
        self, kind: str, target: Any, args: Any, kwargs: Any, name: str | None = None, type_expr: Any = None
    ) -> Node:
        """A node of the graph."""
        node: Node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        return node

    def proxy(self, node: Node) -> Any:
        """A proxy for the value of a node."""
        return Proxy(node, self)

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, name: str | None = None, type_expr: Any = None,
                     proxy_factory_fn: Any = None) -> Any:  # fmt: skip
        """A new node, and the proxy for its value."""
        args_, kwargs_ = self.create_arg(args), self.create_arg(kwargs)
        node = self.create_node(kind, target, args_, kwargs_, name, type_expr)
        return self.proxy(node) if proxy_factory_fn is None else proxy_factory_fn(node)

    def create_arg(self, a: Any) -> Any:
        """The argument that stands for a value: nodes for proxies, what graphs can hold for the rest."""
        if isinstance(a, Proxy):
            return a.node
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            return self.create_node("call_function", type(a), tuple(self.create_arg(x) for x in a), {})
        if isinstance(a, (tuple, list)):
            return (
                type(a)(self.create_arg(x) for x in a) if type(a) in (tuple, list) else tuple(map(self.create_arg, a))
            )
        if isinstance(a, dict):
            return {k: self.create_arg(v) for k, v in a.items()}
        if isinstance(a, slice):
            return slice(self.create_arg(a.start), self.create_arg(a.stop), self.create_arg(a.step))
        if isinstance(a, range):
            return range(a.start, a.stop, a.step)
        if a is None or a is ... or isinstance(a, (*base_types, Node)) or callable(a) and hasattr(a, "__name__"):
            return a
        raise NotImplementedError(f"argument of type: {type(a)}")

    def to_bool(self, obj: Proxy) -> bool:
        """What `if proxy` does: it refuses."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj: Proxy) -> Iterator[Any]:
        """What `for x in proxy` does: it refuses, but for an assignment to a known number of names."""
        frame = inspect.currentframe()
        while frame is not None and frame.f_code.co_filename == __file__:
            frame = frame.f_back
        if frame is not None:
            instruction = next((i for i in dis.get_instructions(frame.f_code) if i.offset == frame.f_lasti), None)
            if instruction is not None and instruction.opname == "UNPACK_SEQUENCE":
                return iter([obj[i] for i in range(instruction.argval)])
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a *args or **kwargs "
            "function argument. See the torch.fx docs on pytorch.org for a more detailed explanation of what types of control flow "
            "can be traced, and check out the Proxy docstring for help troubleshooting Proxy iteration errors"
        )

    def keys(self, obj: Proxy) -> Any:
        """What `proxy.keys()` is: a call of the method."""
        return Attribute(obj, "keys")()


class GraphAppendingTracer(TracerBase):
    """Adds nodes to a graph; a Proxy without a tracer has one."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph


class Proxy:
    """Stands for the value of a node."""

    def __init__(self, node: Node, tracer: TracerBase | None = None) -> None:
        self.tracer = GraphAppendingTracer(node.graph) if tracer is None else tracer
        self.node = node

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, k: str) -> Attribute:
        if k.startswith("__") and k.endswith("__") or k in ("node", "tracer"):
            raise AttributeError(k)
        return Attribute(self, k)

    def __deepcopy__(self, memo: dict[int, Any]) -> Proxy:
        import copy

        made = object.__new__(type(self))
        made.__dict__.update(
            {k: v if k in ("node", "tracer") else copy.deepcopy(v, memo) for k, v in self.__dict__.items()}
        )
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self) -> Iterator[Any]:
        return self.tracer.iter(self)

    def __bool__(self) -> bool:
        frame = sys._getframe(1)
        if self.tracer.trace_asserts and "assert" in (inspect.getframeinfo(frame).code_context or [""])[0]:
            self.tracer.create_proxy("call_function", _assert, (self, ""), {})
            return True
        return self.tracer.to_bool(self)

    def __abs__(self) -> Any:
        return self.tracer.create_proxy("call_function", operator.abs, (self,), {})

    def keys(self) -> Any:
        """A call of the method; `**proxy` asks for it."""
        return self.tracer.keys(self)

    def __len__(self) -> int:
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be recorded, please call "
            "torch.fx.wrap('len') at module scope"
        )

    def __contains__(self, item: Any) -> bool:
        return self.tracer.to_bool(self)

    def __hash__(self) -> int:
        return id(self)

    @classmethod
    def __torch_function__(cls, orig_method: Any, types: Any, args: Any = None, kwargs: Any = None) -> Any:
        found: dict[Any, None] = {}
        map_aggregate(
            (args or (), kwargs or {}), lambda a: found.setdefault(a.tracer) if isinstance(a, Proxy) else None
        )
        if len(found) > 1:
            raise RuntimeError(
                f"Found multiple different tracers {list(found)} while trying to trace operations {orig_method}"
            )
        tracer: TracerBase = next(iter(found))
        if is_tensor_method_or_property(orig_method):
            name = getattr(orig_method, "__name__", "")
            if name == "__get__":  # a property of a tensor
                return Attribute(args[0], orig_method.__self__.__name__)
            return tracer.create_proxy("call_method", name, args, kwargs or {})
        return tracer.create_proxy("call_function", orig_method, args, kwargs or {})


class Attribute(Proxy):
    """An attribute of a proxy. Called, it is a method; else it becomes a call of getattr when it is used."""

    def __init__(self, root: Proxy, attr: str) -> None:
        self.root, self.attr, self.tracer = root, attr, root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        """The call of getattr."""
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


class ParameterProxy(Proxy):
    """A proxy of a parameter, whose shape is known."""

    def __init__(self, tracer: TracerBase, node: Node, name: str, param: Any) -> None:
        super().__init__(node, tracer)
        self.param, self.name = param, name

    def __repr__(self) -> str:
        return f"ParameterProxy({self.name})"

    @property
    def shape(self) -> Any:
        """Its shape."""
        return self.param.shape

    def size(self, *args: Any) -> Any:
        """Its size."""
        return self.param.size(*args)

    def dim(self) -> int:
        """Its number of dimensions."""
        return int(self.param.dim())

    ndim = property(dim)

    def numel(self) -> int:
        """Its number of elements."""
        return int(self.param.numel())

    def nelement(self) -> int:
        """Its number of elements."""
        return int(self.param.numel())


def _operators() -> None:
    def make(name: str, swapped: bool) -> Any:
        function = getattr(operator, name)

        def method(self: Proxy, *rest: Any) -> Any:
            args = (rest[0], self) if swapped else (self, *rest)
            return self.tracer.create_proxy("call_function", function, args, {})

        return method

    for name in [*_BINARY, *_ONE, *_UNARY[:-1]]:
        bare = name.rstrip("_")
        setattr(Proxy, f"__{bare}__", make(name, False))
        if name in _BINARY:
            setattr(Proxy, f"__r{bare}__", make(name, True))


_operators()
