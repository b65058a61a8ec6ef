"""GraphModule: a module whose forward is the code of a graph."""

from __future__ import annotations

import copy
import itertools
import linecache
import os
from typing import Any

from rustorch import nn
from rustorch.nn import Module

from .graph import Graph

__all__ = ["GraphModule", "reduce_graph_module"]
_numbers = itertools.count()


def _get(root: Any, path: str) -> Any:
    for part in path.split("."):
        root = getattr(root, part)
    return root


def _owner(to_module: Module, path: list[str]) -> Module:
    for part in path:
        inner = getattr(to_module, part, None)
        if inner is None:
            inner = Module()
            setattr(to_module, part, inner)
        to_module = inner
    return to_module


def _copy_attr(from_module: Module, to_module: Module, target: str) -> None:
    """Gives a module what another has at a path."""
    *path, field = target.split(".")
    for part in path:
        if not hasattr(from_module, part):
            return
        from_module = getattr(from_module, part)
        inner = getattr(to_module, part, None)
        if inner is from_module:
            return
        if inner is None:
            inner = Module()
            setattr(to_module, part, inner)
        to_module = inner
    _put(to_module, field, getattr(from_module, field), field in getattr(from_module, "_buffers", {}))


def _put(module: Module, field: str, value: Any, buffer: bool = True) -> None:
    import rustorch

    if buffer and isinstance(value, rustorch.Tensor) and not isinstance(value, nn.Parameter):
        module.register_buffer(field, value)
    else:
        setattr(module, field, value)


def _assign_attr(from_obj: Any, to_module: Module, target: str) -> None:
    """Puts a value at a path of a module."""
    *path, field = target.split(".")
    _put(_owner(to_module, path), field, from_obj)


def _compiled(code: Any) -> Any:
    """The function `forward` of generated code, whose lines tracebacks can show."""
    name = f"<eval_with_key>.{next(_numbers)}"
    linecache.cache[name] = (len(code.src), None, [line + "\n" for line in code.src.splitlines()], name)
    space = dict(code.globals)
    exec(compile(code.src, name, "exec"), space)
    return space["forward"]


class GraphModule(Module):
    """What a graph computes, with the modules and tensors it names. After changes of `graph` call recompile()."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Each has a class of its own, for its forward.
        base = next(c for c in cls.__mro__ if "_generated" not in c.__dict__)
        made = type(base.__name__, (base,), {"_generated": True, "__module__": base.__module__})
        return super().__new__(made)

    def __init__(self, root: Any, graph: Graph, class_name: str = "GraphModule") -> None:
        super().__init__()
        self.__class__.__name__ = class_name
        targets = [n.target for n in graph.nodes if n.op in ("get_attr", "call_module")]
        if isinstance(root, Module):
            self.training = root.training
            for target in targets:
                _copy_attr(root, self, target)
        elif isinstance(root, dict):
            for target in targets:
                if target not in root:
                    raise RuntimeError(f"Node referenced target {target} but that target was not provided in `root`!")
            for target in sorted(set(targets), key=lambda t: t.count(".")):
                _assign_attr(root[target], self, target)
        else:
            raise RuntimeError("Unsupported type passed for root!")
        self.meta: dict[str, Any] = {}
        self.graph = graph

    @property
    def graph(self) -> Graph:
        """The graph."""
        return self._graph

    @graph.setter
    def graph(self, g: Graph) -> None:
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        if g.owning_module is not None and g.owning_module is not self:
            g = copy.deepcopy(g)
        object.__setattr__(self, "_graph", g)
        g.owning_module = self
        self.recompile()

    @property
    def code(self) -> str:
        """The text of forward."""
        if not hasattr(self, "_code"):
            raise RuntimeError("Code has not been generated! Please report a bug to PyTorch")
        return self._code

    def recompile(self) -> Any:
        """Makes forward anew from the graph."""
        code = self._graph.python_code("self")
        object.__setattr__(self, "_code", code.src)
        type(self).forward = _compiled(code)  # type: ignore[method-assign]
        return code

    def add_submodule(self, target: str, m: Module) -> bool:
        """Puts a module at a path; False where a part of the path is no module."""
        *path, field = target.split(".")
        at: Any = self
        for part in path:
            inner = getattr(at, part, None)
            if inner is None:
                inner = Module()
                setattr(at, part, inner)
            if not isinstance(inner, Module):
                return False
            at = inner
        at.add_module(field, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Takes the module at a path out; False where there is none."""
        *path, field = target.split(".")
        at: Any = self
        for part in path:
            at = getattr(at, part, None)
            if not isinstance(at, Module):
                return False
        if not isinstance(getattr(at, field, None), Module):
            return False
        delattr(at, field)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Takes out the modules that no node names."""
        used: set[str] = set()
        for node in self.graph.nodes:
            if node.op not in ("call_module", "get_attr"):
                continue
            parts = node.target.split(".")
            used |= {".".join(parts[: i + 1]) for i in range(len(parts))}
            if node.op == "call_module":
                inner = self.get_submodule(node.target)
                used |= {f"{node.target}.{name}" for name, _ in inner.named_modules() if name}
        for name in [n for n, _ in self.named_modules() if n and n not in used]:
            self.delete_submodule(name)

    def print_readable(self, print_output: bool = True, **_: Any) -> str:
        """The module as a class of Python, printed."""
        body = "\n".join(f"    {line}".rstrip() for line in self.code.strip("\n").splitlines())
        text = f"class {type(self).__name__}(torch.nn.Module):\n{body}\n"
        if print_output:
            print(text)
        return text

    def to_folder(self, folder: str | os.PathLike[str], module_name: str = "FxModule") -> None:
        """Refuses: save the module with save() or pickle, which keep its graph."""
        raise NotImplementedError(
            "GraphModule.to_folder(): hint: pickle.dump(module, file) keeps graph, code and numbers"
        )

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.code}\n# To see more debug info, please use `graph_module.print_readable()`"

    def _copied(self, memo: dict[int, Any] | None) -> GraphModule:
        make = copy.copy if memo is None else (lambda x: copy.deepcopy(x, memo))
        plain = Module()
        targets = [n.target for n in self.graph.nodes if n.op in ("get_attr", "call_module")]
        for key, value in self._modules.items():
            plain.add_module(key, make(value) if value is not None else None)
        for key, value in self._parameters.items():
            plain.register_parameter(key, make(value) if value is not None else None)
        for key, value in self._buffers.items():
            plain.register_buffer(key, make(value) if value is not None else None)
        for target in targets:
            if "." not in target and not hasattr(plain, target):
                setattr(plain, target, make(getattr(self, target)))
        made = GraphModule(plain, copy.deepcopy(self.graph), type(self).__name__)
        for key, value in plain._modules.items():
            if key not in made._modules:
                made.add_module(key, value)
        made.training = self.training
        made.meta = dict(self.meta)
        return made

    def __copy__(self) -> GraphModule:
        return GraphModule(self, copy.deepcopy(self.graph), type(self).__name__)

    def __deepcopy__(self, memo: dict[int, Any]) -> GraphModule:
        made = self._copied(memo)
        memo[id(self)] = made
        return made

    def __reduce__(self) -> Any:
        plain = Module()
        for key, value in self._modules.items():
            plain.add_module(key, value)
        for key, value in self._parameters.items():
            plain.register_parameter(key, value)
        for key, value in self._buffers.items():
            plain.register_buffer(key, value)
        for node in self.graph.nodes:
            if node.op == "get_attr" and "." not in node.target and not hasattr(plain, node.target):
                setattr(plain, node.target, getattr(self, node.target))
        plain.training = self.training
        return reduce_graph_module, (plain, self.graph, type(self).__name__)


def reduce_graph_module(root: Module, graph: Graph, class_name: str) -> GraphModule:
    """The GraphModule of its pickled parts."""
    return GraphModule(root, graph, class_name)
