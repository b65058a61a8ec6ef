"""Tracer: runs a module or function on proxies, which gives the graph of what it does."""

from __future__ import annotations

import builtins
import collections
import contextlib
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import rustorch
from rustorch import nn
from rustorch._parts import _assert

from .graph import Graph
from .graph_module import GraphModule
from .node import Node, map_aggregate
from .proxy import ParameterProxy, Proxy, TracerBase

__all__ = ["PH", "Tracer", "symbolic_trace", "wrap"]
_wrapped: list[tuple[dict[str, Any], str]] = []
_tracing = False


class _Placeholder:
    def __repr__(self) -> str:
        return "PH"


PH = _Placeholder()


def is_fx_tracing() -> bool:
    """Whether a program is being traced."""
    return _tracing


def wrap(fn_or_name: Any) -> Any:
    """Lets calls of a global function of the caller's module be one node each: `wrap("len")` beside the function, or a
    decorator."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    name = fn_or_name if isinstance(fn_or_name, str) else fn_or_name.__name__
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    if frame.f_back.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    _wrapped.append((frame.f_back.f_globals, name))
    return fn_or_name


def _has_proxy(args: Any, kwargs: Any) -> Proxy | None:
    found: list[Proxy] = []
    map_aggregate((args, kwargs), lambda a: found.append(a) if isinstance(a, Proxy) else None)
    return found[0] if found else None


def _recording(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but a node where an argument is a proxy."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        proxy = _has_proxy(args, kwargs)
        if proxy is None:
            return function(*args, **kwargs)
        return proxy.tracer.create_proxy("call_function", function, args, kwargs)

    wrapped._fx_function = function  # type: ignore[attr-defined]
    return wrapped


def _original(function: Any) -> Any:
    """What _recording() made a function of; other values as they are."""
    return getattr(function, "_fx_function", function) if isinstance(function, types.FunctionType) else function


def _classes(kind: type) -> Iterator[type]:
    yield kind
    for below in kind.__subclasses__():
        yield from _classes(below)


@contextlib.contextmanager
def _patched(changes: list[tuple[Any, str, Any]]) -> Iterator[None]:
    """Sets attributes (or entries of a dict) and puts back what was there."""
    absent, before = object(), []
    for place, name, value in changes:
        table = place if isinstance(place, dict) else place.__dict__
        before.append((place, name, table.get(name, absent)))
        if isinstance(place, dict):
            place[name] = value
        else:
            setattr(place, name, value)
    try:
        yield
    finally:
        for place, name, value in reversed(before):
            if isinstance(place, dict):
                if value is absent:
                    del place[name]
                else:
                    place[name] = value
            elif value is absent:
                delattr(place, name)
            else:
                setattr(place, name, value)


class Tracer(TracerBase):
    """Gives the graph of a module: `Tracer().trace(module)`. Override is_leaf_module() to choose which modules stay whole."""

    def __init__(self, autowrap_modules: tuple[Any, ...] = (), autowrap_functions: tuple[Any, ...] = (),
                 param_shapes_constant: bool = False) -> None:  # fmt: skip
        self._modules, self._functions = tuple(autowrap_modules), tuple(autowrap_functions)
        self.param_shapes_constant = param_shapes_constant
        self.root: Any = None
        self.submodule_paths: dict[Any, str] | None = None
        self.module_stack: collections.OrderedDict[str, Any] = collections.OrderedDict()
        self.tensor_attrs: dict[Any, str] = {}
        self._parameters: dict[str, Any] = {}

    def is_leaf_module(self, m: Any, module_qualified_name: str) -> bool:
        """Whether a module is one node: those of this package are, but for Sequential."""
        own = m.__module__.startswith(("rustorch.nn", "rustorch.ao.nn"))
        return own and not isinstance(m, nn.Sequential)

    def path_of_module(self, mod: Any) -> str:
        """The path of a module below the root."""
        for name, m in self.root.named_modules():
            if m is mod:
                return str(name)
        raise NameError("module is not installed as a submodule")

    def call_module(self, m: Any, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a call of a module does: a node for leaves, tracing on inside the others."""
        path = self.path_of_module(m)
        self.module_stack[path] = (path, type(m))
        try:
            if self.is_leaf_module(m, path):
                return self.create_proxy("call_module", path, args, kwargs)
            return forward(*args, **kwargs)
        finally:
            self.module_stack.pop(path, None)

    def create_node(
        self, kind: str, target: Any, args: Any, kwargs: Any, name: str | None = None, type_expr: Any = None
    ) -> Node:
        """A node, which knows in whose module it was made."""
        node = super().create_node(kind, _original(target), args, kwargs, name, type_expr)
        if self.module_stack:
            node.meta["nn_module_stack"] = collections.OrderedDict(self.module_stack)
        return node

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """What reading an attribute of a module gives: a proxy for parameters."""
        if not isinstance(attr_val, nn.Parameter):
            return attr_val
        for name, parameter in self.root.named_parameters():
            if parameter is attr_val:
                if name not in parameter_proxy_cache:
                    factory = None
                    if self.param_shapes_constant:
                        factory = lambda node: ParameterProxy(self, node, name, attr_val)  # noqa: E731
                    parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {}, proxy_factory_fn=factory)
                return parameter_proxy_cache[name]
        return attr_val

    def create_arg(self, a: Any) -> Any:
        """The argument for a value; tensors become attributes of the root."""
        if isinstance(a, nn.Parameter):
            for name, parameter in self.root.named_parameters():
                if a is parameter:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        if isinstance(a, rustorch.Tensor):
            name = next((n for n, b in self.root.named_buffers() if b is a), None) or self.tensor_attrs.get(id(a))
            if name is None:
                i = 0
                while hasattr(self.root, f"_tensor_constant{i}"):
                    i += 1
                name = self.tensor_attrs[id(a)] = f"_tensor_constant{i}"
                setattr(self.root, name, a)
            return self.create_node("get_attr", name, (), {})
        if isinstance(a, nn.Module):
            return self.create_node("get_attr", self.path_of_module(a), (), {})
        return super().create_arg(_original(a))

    def _arguments(
        self, function: Any, is_module: bool, concrete: dict[str, Any] | None
    ) -> tuple[Any, list[Any], dict[str, Any]]:
        """Placeholders for the arguments: (function to call, positional ones, ones by name)."""
        args: list[Any] = [self.root] if is_module else []
        kwargs: dict[str, Any] = {}
        parameters = list(inspect.signature(function).parameters.values())[1 if is_module else 0 :]
        kinds = inspect.Parameter
        order = sorted(parameters, key=lambda p: p.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD))
        made: dict[str, Any] = {}
        count = 0
        for p in order:
            if concrete is not None and p.name in concrete and concrete[p.name] is not PH:
                count += 1
                made[p.name] = self._fixed(p.name, concrete[p.name], count)
                continue
            star = {kinds.VAR_POSITIONAL: "*", kinds.VAR_KEYWORD: "**"}.get(p.kind, "")
            default = () if p.default is kinds.empty or star else (self.create_arg(p.default),)
            kind = None if p.annotation is kinds.empty or not inspect.isclass(p.annotation) else p.annotation
            made[p.name] = self.create_proxy(
                "placeholder", star + p.name, default, {}, f"_{p.name}" if star else p.name, kind
            )
        for p in parameters:
            if p.kind is kinds.VAR_POSITIONAL or p.kind is kinds.VAR_KEYWORD:
                continue
            if p.kind is kinds.KEYWORD_ONLY:
                kwargs[p.name] = made[p.name]
            else:
                args.append(made[p.name])
        stars = {p.kind: made[p.name] for p in parameters if p.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)}
        return _with_stars(function, stars), args, kwargs

    def _fixed(self, name: str, value: Any, count: int) -> Any:
        proxy = self.create_proxy("placeholder", f"{name}_{count}", (), {})
        if isinstance(value, (bool, int, float, str)):
            said = f"{name} has been specialized to have value {value} but got another value"
            self.create_proxy("call_function", _assert, (proxy == value, said), {})
        return value

    def trace(self, root: Any, concrete_args: dict[str, Any] | None = None) -> Graph:
        """The graph of a module or function. concrete_args gives values to arguments, which conditions may then ask for."""
        global _tracing
        is_module = isinstance(root, nn.Module)
        function = type(root).forward if is_module else root
        self.root = root if is_module else nn.Module()
        self.graph = Graph(tracer_cls=type(self))
        self.tensor_attrs, self.module_stack = {}, collections.OrderedDict()
        for path, module in self.root.named_modules():  # plain tensors in attributes
            for key, value in list(vars(module).items()):
                if type(value) is rustorch.Tensor and key not in getattr(module, "_buffers", {}):
                    self.tensor_attrs[id(value)] = f"{path}.{key}" if path else key
        fn, args, kwargs = self._arguments(function, is_module, concrete_args)
        cache: dict[str, Any] = {}
        before, _tracing = _tracing, True
        try:
            with _patched(self._changes(function, cache)):
                result = fn(*args, **kwargs)
            self.create_node("output", "output", (self.create_arg(result),), {}, None, None)
        finally:
            _tracing = before
        return self.graph

    def _changes(self, function: Any, cache: dict[str, Any]) -> list[tuple[Any, str, Any]]:
        tracer, read = self, nn.Module.__getattribute__

        def attribute(module: Any, name: str) -> Any:
            return tracer.getattr(name, read(module, name), cache)

        def calling(original: Any) -> Any:
            def call(module: Any, *args: Any, **kwargs: Any) -> Any:
                if _has_proxy(args, kwargs) is None and all(module is not m for m in tracer.root.modules()):
                    return original(module, *args, **kwargs)
                forward = lambda *a, **k: original(module, *a, **k)  # noqa: E731
                return tracer.call_module(module, forward, args, kwargs)

            return call

        changes: list[tuple[Any, str, Any]] = [(nn.Module, "__getattribute__", attribute)]
        changes += [
            (k, "__call__", calling(k.__dict__["__call__"]))
            for k in dict.fromkeys(_classes(nn.Module))
            if "__call__" in k.__dict__
        ]
        if "__call__" not in nn.Module.__dict__:
            changes.append((nn.Module, "__call__", calling(nn.Module.__call__)))
        functional = nn.functional
        for name in functional.__all__:
            value = getattr(functional, name)
            if isinstance(value, types.FunctionType) and value.__module__.startswith("rustorch.nn"):
                changes.append((functional, name, _recording(value)))
        for table, name in _wrapped:
            value = table.get(name, getattr(builtins, name, None))
            if value is not None and not hasattr(value, "_fx_function"):
                changes.append((table, name, _recording(value)))
        table = getattr(function, "__globals__", {})
        for name, value in list(table.items()):
            known = any(value is f for f in self._functions) or any(
                value is getattr(m, name, None) for m in self._modules
            )
            if callable(value) and known:
                changes.append((table, name, _recording(value)))
        return changes


def _with_stars(function: Any, stars: dict[Any, Any]) -> Any:
    """The function called with proxies as its *args and **kwargs themselves."""
    if not stars:
        return function
    function = inspect.unwrap(function)
    code = function.__code__
    flags = code.co_flags & ~(inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    count, named = code.co_argcount, code.co_kwonlyargcount
    total = len(stars)
    # The stars become arguments by name behind those by name.
    names = list(code.co_varnames)
    added = names[count + named : count + named + total]
    plain = types.FunctionType(
        code.replace(co_kwonlyargcount=named + total, co_flags=flags), function.__globals__, function.__name__, function.__defaults__,
        function.__closure__,
    )  # fmt: skip
    order = [k for k in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD) if k in stars]
    plain.__kwdefaults__ = dict(function.__kwdefaults__ or {})
    return functools.partial(plain, **{n: stars[k] for n, k in zip(added, order)})


def symbolic_trace(root: Any, concrete_args: dict[str, Any] | None = None) -> GraphModule:
    """The GraphModule of a module or function: the same computation, with a graph that can be read and changed."""
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = type(root).__name__ if isinstance(root, nn.Module) else root.__name__
    return GraphModule(tracer.root, graph, name)
