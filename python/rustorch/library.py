"""Operators that programs add: rustorch.ops.mylib.name(...), with kernels by device and a gradient.

    @rustorch.library.custom_op("mylib::scaled", mutates_args=())
    def scaled(x: Tensor, k: float = 2.0) -> Tensor:
        return x * k

    scaled.register_autograd(lambda ctx, g: (2.0 * g, None))

A function with such a name runs as one step: what it does inside is not recorded, and arguments are checked against its
schema. Results must be new tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _C
from ._C import Tensor, is_grad_enabled
from ._operators import OpOverload, OpOverloadPacket, ops
from ._schema import bind, infer
from ._script.parse import parse_schema
from ._script.schema import FunctionSchema
from ._script.tags import Tag
from .autograd import Function
from .autograd.function import VmapInfo

__all__ = ["CustomOpDef", "Library", "custom_op", "define", "impl", "impl_abstract", "infer_schema", "fallthrough_kernel",
           "register_autocast", "register_autograd", "register_fake", "register_kernel", "register_vmap"]  # fmt: skip
_known: dict[str, CustomOpDef] = {}
# Dispatch keys of Library.impl: the device, "" for every device, None for functions that are recorded inside.
_KEYS = {"CPU": "cpu", "CUDA": "cuda", "MPS": "mps", "OpenCL": "opencl", "Meta": "meta", "CompositeExplicitAutograd": "",
         "CompositeImplicitAutograd": None, "": None}  # fmt: skip


def _tensors(values: Any) -> list[Tensor]:
    found = []
    for v in values:
        if isinstance(v, Tensor):
            found.append(v)
        elif isinstance(v, (list, tuple)):
            found += [t for t in v if isinstance(t, Tensor)]
    return found


class _Context:
    """What setup_context and backward get: saved tensors, and needs_input_grad by argument."""

    def __init__(self, inner: Any, inputs: list[Any]) -> None:
        self._inner = inner
        self.needs_input_grad = tuple(
            [t.requires_grad for t in v] if isinstance(v, (list, tuple)) else isinstance(v, Tensor) and v.requires_grad
            for v in inputs
        )
        self.save_for_backward = inner.save_for_backward
        self.mark_non_differentiable = inner.mark_non_differentiable
        self.set_materialize_grads = inner.set_materialize_grads

    @property
    def saved_tensors(self) -> Any:
        return self._inner.saved_tensors


class _Recorded(Function):  # type: ignore[misc,unused-ignore]
    """One call of an operator in the graph."""

    @staticmethod
    def forward(ctx: Any, op: Any, values: list[Any], named: dict[str, Any], *flat: Tensor) -> Any:
        ctx.op = op
        ctx.layout = [
            len(v) if isinstance(v, (list, tuple)) and _tensors([v]) else 1 if isinstance(v, Tensor) else None
            for v in values
        ]
        ctx.named = len(_tensors(named.values()))
        ctx.user = _Context(ctx, values)
        result = op._run(values, named)
        if op._setup is not None:
            extra = {"keyword_only_inputs": named} if named else {}
            op._setup(ctx.user, tuple(values), result, **extra)
        return tuple(result) if isinstance(result, list) else result

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        op = ctx.op
        if op._backward is None:
            raise RuntimeError(
                f"Trying to backward through {op} but no autograd formula was registered. "
                "Please use register_autograd to add one."
            )
        got = op._backward(ctx.user, *grads)
        got = got if isinstance(got, tuple) else (got,)
        if len(got) != len(ctx.layout):
            raise RuntimeError(
                f"{op}: backward gave {len(got)} gradients; expected one for each of {len(ctx.layout)} inputs"
            )
        flat: list[Any] = []
        for g, n in zip(got, ctx.layout):
            if n is not None:
                flat += list(g) if isinstance(g, (list, tuple)) else [g] if n == 1 else [None] * n
        return (None, None, None, *flat, *[None] * ctx.named)


class _Overloads:
    """Calls the first overload that the arguments fit."""

    def __init__(self) -> None:
        self.all: dict[str, CustomOpDef] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for op in self.all.values():
            try:
                bind(op._schema, args, kwargs)
            except RuntimeError as error:
                last = error
                continue
            return op(*args, **kwargs)
        raise last


class CustomOpDef:
    """An operator of a program; calling it checks the arguments, picks the kernel of the device and records the call."""

    def __init__(self, schema: FunctionSchema, tags: Any = ()) -> None:
        self._schema = schema
        self._tags = [tags] if isinstance(tags, Tag) else list(tags or ())
        self._kernels: dict[str, Callable[..., Any]] = {}
        self._inside: Callable[..., Any] | None = None  # recorded step by step instead
        self._backward: Callable[..., Any] | None = None
        self._setup: Callable[..., Any] | None = None
        self._vmap: Callable[..., Any] | None = None
        self._casts: dict[str, Any] = {}  # device type -> dtype of floating-point arguments under autocast
        namespace, name = schema.name.split("::")
        self.__name__ = name
        self._qualname = schema.name + (f".{schema.overload_name}" if schema.overload_name else "")
        _known[self._qualname] = self
        space = getattr(ops, namespace)
        packet = space.__dict__.get(name)
        if packet is None or self._qualname == schema.name:
            packet = OpOverloadPacket(namespace, name, _Overloads() if schema.overload_name else self)
            setattr(space, name, packet)
        if schema.overload_name:
            packet._add(schema.overload_name, self)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __str__(self) -> str:
        return self._qualname.replace("::", ".") + ("" if self._schema.overload_name else ".default")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        values, named = bind(self._schema, args, kwargs)
        if self._inside is not None:
            return self._inside(*values, **named)
        flat = _tensors([*values, *named.values()])
        for device, dtype in self._casts.items():
            if _C._amp.is_enabled(device) and any(t.device.type == device for t in flat):
                return self._cast(device, dtype, values, named)
        if is_grad_enabled() and any(t.requires_grad for t in flat) and not self._mutates():
            return _Recorded.apply(self, values, named, *flat)
        return self._run(values, named)

    def _mutates(self) -> bool:
        return self._schema.is_mutable

    def _cast(self, device: str, dtype: Any, values: list[Any], named: dict[str, Any]) -> Any:
        """The call with floating-point tensors in the dtype, without autocast."""

        def cast(v: Any) -> Any:
            if isinstance(v, (list, tuple)):
                return type(v)(cast(x) for x in v)
            fits = isinstance(v, Tensor) and v.is_floating_point() and v.device.type == device and v.dtype != _C.float64
            return v.to(dtype) if fits else v

        _C._amp.set_enabled(device, False)
        try:
            return self(*map(cast, values), **{k: cast(v) for k, v in named.items()})
        finally:
            _C._amp.set_enabled(device, True)

    def _batched(self, level: int, size: int, values: list[Any], named: dict[str, Any]) -> Any:
        """Inside of vmap: the rule of register_vmap(), on the values."""
        inner = [_C._vmap_value(v, level) if isinstance(v, Tensor) else None for v in values]
        dims = tuple(None if v is None else 0 for v in inner)
        info = VmapInfo(size, _C._vmap_randomness(level))
        assert self._vmap is not None
        result = self._vmap(info, dims, *(v if i is None else i for v, i in zip(values, inner)), **named)
        if not isinstance(result, tuple) or len(result) != 2:
            raise RuntimeError(f"{self}: the vmap rule must give (output, out_dims); got {type(result).__name__}")
        output, out = result
        outputs = tuple(output) if isinstance(output, (tuple, list)) else (output,)
        outs = tuple(out) if isinstance(out, (tuple, list)) else (out,) * len(outputs)
        if len(outs) != len(outputs):
            raise RuntimeError(f"{self}: the vmap rule gave {len(outputs)} outputs and {len(outs)} out_dims")
        wrapped = tuple(o if d is None else _C._vmap_wrap(o, d % o.dim(), level) for o, d in zip(outputs, outs))
        return wrapped if isinstance(output, (tuple, list)) else wrapped[0]

    def _run(self, values: list[Any], named: dict[str, Any]) -> Any:
        inputs = _tensors([*values, *named.values()])
        if self._vmap is not None and _C._transform_depth():
            level, size = max((_C._batch_of(t) for t in inputs), default=(0, 0))
            if level:
                return self._batched(level, size, values, named)
        device = inputs[0].device.type if inputs else "cpu"
        kernel = self._kernels.get(device) or self._kernels.get("")
        if kernel is None:
            raise NotImplementedError(
                f"{self._qualname}: no kernel for the device type '{device}'; there are {sorted(self._kernels)}"
            )
        result = kernel(*values, **named)
        outputs = _tensors(result if isinstance(result, (list, tuple)) else [result])
        if any(o is t for o in outputs for t in inputs):
            raise RuntimeError(
                f"{self.__name__}: The output of this custom operator (1) must not also be an input to this custom operator "
                "and (2) may not alias any inputs to this custom operator or other returns. Hint: return x.clone()"
            )
        return result

    def register_kernel(self, device_types: Any, fn: Any = None, /) -> Any:
        """Sets the kernel of device types (a name, several, or None for all). Also a decorator."""

        def inner(f: Any) -> Any:
            names = [""] if device_types is None else [device_types] if isinstance(device_types, str) else device_types
            for name in names:
                self._kernels[name] = f
            return f

        return inner if fn is None else inner(fn)

    def register_fake(self, fn: Any = None, /) -> Any:
        """Sets what gives results of the right shape for tensors without memory. Also a decorator."""
        return self.register_kernel("meta", fn)

    def register_vmap(self, func: Any = None, /) -> Any:
        """Sets what runs inside of vmap: func(info, in_dims, *args) -> (output, out_dims). Without one the kernel runs on
        batched tensors. Also a decorator."""

        def inner(f: Any) -> Any:
            self._vmap = f
            return f

        return inner if func is None else inner(func)

    def register_autocast(self, device_type: str, cast_inputs: Any) -> None:
        """Lets autocast of a device type turn floating-point arguments into a dtype; the kernel runs without autocast."""
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if device_type not in ("cpu", "cuda"):
            raise ValueError(f"Unknown device type: {device_type}")
        self._casts[device_type] = cast_inputs

    def register_autograd(self, backward: Any, /, *, setup_context: Any = None) -> None:
        """Sets the gradient: setup_context(ctx, inputs, output) after a call, backward(ctx, *grads) -> one gradient for each
        input (None for those without)."""
        if self._mutates():
            raise RuntimeError(
                f"Cannot register autograd formula for non-functional operator {self}: it writes to its inputs"
            )
        self._backward, self._setup = backward, setup_context


def _find(op: Any) -> CustomOpDef:
    """The operator that a name, packet, overload or definition stands for."""
    if isinstance(op, CustomOpDef):
        return op
    if isinstance(op, OpOverload):
        op = op.name()
    name = op._qualified if isinstance(op, OpOverloadPacket) else str(op).removesuffix(".default")
    if name not in _known:
        raise RuntimeError(f"operator {name} does not exist; hint: define it with custom_op() or define()")
    return _known[name]


def _check_name(name: str) -> None:
    parts = name.split("::")
    if len(parts) != 2 or not parts[0].isidentifier() or not all(p.isidentifier() for p in parts[1].split(".", 1)):
        raise ValueError(f"Expected `name` to be of the form 'namespace::name', got {name!r}")
    if parts[0] in ("aten", "prims"):
        raise RuntimeError(f"{name}: the namespace '{parts[0]}' is the library's own")


def custom_op(name: str, fn: Any = None, /, *, mutates_args: Any, device_types: Any = None, schema: str | None = None,
              tags: Any = None) -> Any:  # fmt: skip
    """Makes an operator "namespace::name" of a function with annotations (or a schema). Also a decorator. mutates_args names
    the tensors it writes to."""
    _check_name(name)

    def inner(f: Any) -> CustomOpDef:
        op = CustomOpDef(parse_schema(schema or infer(f, mutates_args), name), tags)
        op.register_kernel(device_types, f)
        op.__doc__ = f.__doc__
        return op

    return inner if fn is None else inner(fn)


def infer_schema(prototype_function: Any, /, *, mutates_args: Any, op_name: str | None = None, tags: Any = ()) -> str:
    """The schema of a function with annotations, as "(Tensor x, float k=2.0) -> Tensor"."""
    return (op_name or "") + infer(prototype_function, mutates_args)


def define(qualname: str, schema: str, *, lib: Any = None, tags: Any = ()) -> None:
    """Declares an operator by its schema, e.g. define("mylib::sin", "(Tensor x) -> Tensor"); impl() gives it kernels."""
    _check_name(qualname)
    CustomOpDef(parse_schema(schema, qualname), tags)


def impl(qualname: str, types: Any, func: Any = None, *, lib: Any = None) -> Any:
    """Sets the kernel of an operator for device types ("cpu", several, or "default" for all). Also a decorator."""
    return _find(qualname).register_kernel(None if types == "default" else types, *([] if func is None else [func]))


def register_kernel(op: Any, device_types: Any, func: Any = None, /, *, lib: Any = None) -> Any:
    """CustomOpDef.register_kernel of an operator or its name."""
    return _find(op).register_kernel(device_types, *([] if func is None else [func]))


def register_fake(op: Any, func: Any = None, /, *, lib: Any = None, allow_override: bool = True) -> Any:
    """CustomOpDef.register_fake of an operator or its name."""
    return _find(op).register_fake(*([] if func is None else [func]))


impl_abstract = register_fake


def register_autograd(op: Any, backward: Any, /, *, setup_context: Any = None, lib: Any = None) -> None:
    """CustomOpDef.register_autograd of an operator or its name."""
    _find(op).register_autograd(backward, setup_context=setup_context)


def register_vmap(op: Any, func: Any = None, /, *, lib: Any = None) -> Any:
    """CustomOpDef.register_vmap of an operator or its name."""
    return _find(op).register_vmap(*([] if func is None else [func]))


def register_autocast(op: Any, device_type: str, cast_inputs: Any, /, *, lib: Any = None) -> None:
    """CustomOpDef.register_autocast of an operator or its name."""
    _find(op).register_autocast(device_type, cast_inputs)


def fallthrough_kernel() -> None:
    """Given to Library.impl() it takes the kernel of that key away, so that calls go to the next."""
    raise NotImplementedError("fallthrough_kernel() should never be called.")


class Library:
    """A namespace to add operators to: Library("mylib", "DEF"), then define() and impl()."""

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("DEF", "IMPL", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in ("aten", "prims"):
            raise NotImplementedError(f"Library(): the operators of '{ns}' cannot be replaced")
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})"

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """Declares "name(Tensor x) -> Tensor"; gives the name."""
        name, at = schema[: schema.index("(")].strip(), schema.index("(")
        define(f"{self.ns}::{name}", schema[at:], tags=tags)
        return name

    def impl(self, op_name: Any, fn: Any, dispatch_key: str = "", *, with_keyset: bool = False, **kwargs: Any) -> None:
        """Sets a kernel: for "CPU" and other devices, "CompositeExplicitAutograd" (all), or "CompositeImplicitAutograd"
        (the default: what the function does is recorded)."""
        key = dispatch_key or self.dispatch_key
        if key not in _KEYS:
            raise NotImplementedError(f"Library.impl(): the dispatch key '{key}' is unknown; there are {sorted(_KEYS)}")
        name = op_name if isinstance(op_name, str) else _find(op_name)._qualname
        op = _find(name if "::" in name else f"{self.ns}::{name}")
        place = _KEYS[key]
        if fn is fallthrough_kernel:
            op._inside = None if place is None else op._inside
            op._kernels.pop("" if place is None else place, None)
        elif place is None:
            op._inside = fn
        else:
            op._kernels[place] = fn
