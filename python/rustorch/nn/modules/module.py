"""Module, the base class of all layers and models.

Members (parameters, buffers, submodules) are entries of the instance dictionary; see Note [Where
members live] in `_members.py`.  Calling is in `_call.py`, state_dict in `_state.py`.
A Module is not safe for registration from several threads; calling `forward` is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import rustorch as rt
from rustorch import Tensor
from rustorch.utils.hooks import RemovableHandle

from ..parameter import Buffer, Parameter, UninitializedBuffer, is_lazy
from ._call import (
    CALL_TABLES,
    CallMixin,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from ._members import members_property
from ._state import (  # noqa: F401  names that other libraries import from here
    _EXTRA_STATE_KEY_SUFFIX,
    STATE_TABLES,
    StateMixin,
    _IncompatibleKeys,
)

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

_registration_hooks: dict[str, OrderedDict[int, Any]] = {
    "buffer": OrderedDict(),
    "module": OrderedDict(),
    "parameter": OrderedDict(),
}
_parameter_hooks = _registration_hooks["parameter"]
_buffer_hooks = _registration_hooks["buffer"]
_module_hooks = _registration_hooks["module"]


def _add_registration_hook(kind: str, hook: Callable[..., Any]) -> RemovableHandle:
    table = _registration_hooks[kind]
    handle = RemovableHandle(table)
    table[handle.id] = hook
    return handle


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, param)` for every registered parameter; may return another one."""
    return _add_registration_hook("parameter", hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` for every registered buffer; may return another one."""
    return _add_registration_hook("buffer", hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, submodule)` for every registered module; may return another one."""
    return _add_registration_hook("module", hook)


def _addindent(text: str, spaces: int) -> str:
    lines = text.split("\n")
    return ("\n" + " " * spaces).join(lines)


def _kind_name(x: Any) -> str:
    return rt.typename(x) if x is not None else "NoneType"


def parse_to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, bool, Any]:
    """(device, dtype, non_blocking, memory_format) of a call `x.to(*args, **kwargs)`."""
    kwargs = dict(kwargs)
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    non_blocking = kwargs.pop("non_blocking", False)
    memory_format = kwargs.pop("memory_format", None)
    kwargs.pop("copy", None)
    other = kwargs.pop("tensor", kwargs.pop("other", None))
    if kwargs:
        raise TypeError(f"to() received an invalid combination of arguments: {sorted(kwargs)}")
    rest = list(args)
    if rest:
        first = rest.pop(0)
        if isinstance(first, Tensor):
            other = first
        elif isinstance(first, rt.dtype):
            dtype = first
        elif first is not None:
            device = first
        if not isinstance(first, (Tensor, rt.dtype)) and rest and not isinstance(rest[0], bool):
            dtype = rest.pop(0)
        if rest:
            non_blocking = rest.pop(0)
    if other is not None:
        device, dtype = other.device, other.dtype
    if dtype is not None and not isinstance(dtype, rt.dtype):
        raise TypeError(f"to(): dtype must be a dtype; got {type(dtype).__name__}")
    if device is not None and not isinstance(device, rt.device):
        device = rt.device(device)
    return device, dtype, bool(non_blocking), memory_format


class Module(CallMixin, StateMixin):
    """Base class of all neural-network modules.

    Subclasses call `super().__init__()`, assign Parameters, Buffers and Modules as attributes,
    and define `forward`.  Errors of registration are TypeError, KeyError and AttributeError with
    PyTorch's wording.
    """

    dump_patches: bool = False
    call_super_init: bool = False  # whether __init__ goes on to the next class of a multiple inheritance
    training: bool
    _compiled_call_impl: Any = None
    _parameters: Any = members_property("_parameter_names", "Own parameters by name.")
    _buffers: Any = members_property("_buffer_names", "Own buffers by name.")
    _modules: Any = members_property("_module_names", "Own submodules by name.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs and not self.call_super_init:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
            )
        if args and not self.call_super_init:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )
        self.__dict__.update(
            training=True,
            _parameter_names={},
            _buffer_names={},
            _non_persistent_buffers_set=set(),
            _module_names={},
        )
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *input: Any) -> Any:
        """Compute the result; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    # ---- registration -----------------------------------------------------------------
    def _check_name(self, kind: str, name: Any, table: str) -> None:
        names = self.__dict__.get(table)
        if names is None:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_kind_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in names and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a buffer: a tensor that belongs to the module and is not trained.

        `persistent`: whether it is part of the state_dict.
        """
        self._check_name("buffer", name, "_buffer_names")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_kind_name(tensor)}' object to buffer '{name}' (rustorch Tensor or None required)"
            )
        for hook in _buffer_hooks.values():
            out = hook(self, name, tensor)
            tensor = tensor if out is None else out
        values = self.__dict__
        values["_buffer_names"][name] = None
        values[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or None as the mark of an absent one."""
        self._check_name("parameter", name, "_parameter_names")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_kind_name(param)}' object to parameter '{name}' "
                    "(rustorch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
            for hook in _parameter_hooks.values():
                out = hook(self, name, param)
                param = param if out is None else out
        values = self.__dict__
        values["_parameter_names"][name] = None
        values[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule under `name`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_kind_name(module)} is not a Module subclass")
        if not isinstance(name, str):
            raise TypeError(f"module name should be a string. Got {_kind_name(name)}")
        values = self.__dict__
        if name not in values["_module_names"] and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'module name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError('module name can\'t be empty string ""')
        for hook in _module_hooks.values():
            out = hook(self, name, module)
            module = module if out is None else out
        values["_module_names"][name] = None
        values[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Same as `add_module`."""
        self.add_module(name, module)

    # ---- attributes -------------------------------------------------------------------
    def _forget(self, name: str) -> None:
        """Remove an attribute of any kind, so that another kind can take the name."""
        values = self.__dict__
        for table in ("_parameter_names", "_buffer_names", "_module_names"):
            values[table].pop(name, None)
        values.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __setattr__(self, name: str, value: Any) -> None:
        values = self.__dict__
        if isinstance(value, Parameter):
            names = values.get("_parameter_names")
            if names is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            if name not in names:
                self._forget(name)
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            names = values.get("_module_names")
            if names is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            if name not in names:
                self._forget(name)
            for hook in _module_hooks.values():
                out = hook(self, name, value)
                value = value if out is None else out
            names[name] = None
            values[name] = value
        elif "_parameter_names" not in values:
            object.__setattr__(self, name, value)
        elif name in values["_parameter_names"]:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_kind_name(value)}' as parameter '{name}' "
                    "(rustorch.nn.Parameter or None expected)"
                )
            values[name] = None
        elif name in values["_module_names"]:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_kind_name(value)}' as child module '{name}' "
                    "(rustorch.nn.Module or None expected)"
                )
            values[name] = None
        elif name in values["_buffer_names"] or isinstance(value, (Buffer, UninitializedBuffer)):
            self._set_buffer(name, value)
        else:
            object.__setattr__(self, name, value)

    def _set_buffer(self, name: str, value: Any) -> None:
        values = self.__dict__
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{_kind_name(value)}' as buffer '{name}' "
                "(rustorch.nn.Buffer, rustorch.Tensor or None expected)"
            )
        if name in values["_buffer_names"]:
            for hook in _buffer_hooks.values():
                out = hook(self, name, value)
                value = value if out is None else out
            values[name] = value
        else:
            self._forget(name)
            self.register_buffer(name, value, getattr(value, "persistent", True))

    def __getattr__(self, name: str) -> Any:
        # reached only for names that neither the instance nor the class has
        if name in CALL_TABLES:
            table: OrderedDict[int, Any] = OrderedDict()
            self.__dict__[name] = table
            self.__dict__["_hooked"] = True
            return table
        if name in STATE_TABLES:
            table = OrderedDict()
            self.__dict__[name] = table
            return table
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        values = self.__dict__
        for table in ("_parameter_names", "_buffer_names", "_module_names"):
            if name in values.get(table, ()):
                del values[table][name]
                values.pop(name, None)
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__}
        return sorted(n for n in names if not n[:1].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for table in ("_parameter_names", "_buffer_names", "_module_names"):
            if table in state:
                state[table] = state[table].copy()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    # ---- access by dotted name ----------------------------------------------------------
    def get_submodule(self, target: str) -> Module:
        """The submodule with the dotted name `target`; AttributeError if there is none."""
        module: Any = self
        for item in target.split(".") if target else ():
            if not hasattr(module, item):
                raise AttributeError(f"{type(module).__name__} has no attribute `{item}`")
            module = getattr(module, item)
            if not isinstance(module, Module):
                raise AttributeError(f"`{item}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Replace the submodule named `target`; `strict`: it must exist already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with the dotted name `target`; AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        param = getattr(module, name)
        if not isinstance(param, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return param

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with the dotted name `target`; AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return getattr(module, name)

    # ---- iteration ----------------------------------------------------------------------
    def _named_members(
        self,
        get_members_fn: Callable[[Any], Any],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        modules: Any = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else ((prefix, self),)
        )
        for path, module in modules:
            for name, value in get_members_fn(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield (path + "." + name if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of this module and, with `recurse`, of its descendants."""
        return self._named_members(
            lambda m: [(n, m.__dict__[n]) for n in m.__dict__["_parameter_names"]],
            prefix,
            recurse,
            remove_duplicate,
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer) of this module and, with `recurse`, of its descendants."""
        return self._named_members(
            lambda m: [(n, m.__dict__[n]) for n in m.__dict__["_buffer_names"]],
            prefix,
            recurse,
            remove_duplicate,
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        for _, buf in self.named_buffers(recurse=recurse):
            yield buf

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the immediate submodules, each module once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The immediate submodules."""
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """(dotted name, module) of this module ('') and all descendants, parents first."""
        if memo is None:
            memo = set()
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        values = self.__dict__
        for name in tuple(values["_module_names"]):
            module = values[name]
            if module is not None:
                yield from module.named_modules(memo, prefix + "." + name if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all descendants."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    # ---- conversion -----------------------------------------------------------------------
    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Any:
        """Replace every tensor by `fn(tensor)`, keeping the Parameter objects."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        values = self.__dict__
        with rt.no_grad():
            for name in values["_parameter_names"]:
                param = values[name]
                if param is None:
                    continue
                grad = param.grad
                new = fn(param)
                if new is not param:
                    if (param.device.type == "meta") != (new.device.type == "meta"):
                        # a tensor without storage cannot take one over: it is replaced
                        param = values[name] = Parameter(new, param.requires_grad)
                    else:
                        param.data = new
                if grad is not None:
                    new_grad = fn(grad)
                    if new_grad is not grad:
                        param.grad = new_grad.requires_grad_(grad.requires_grad)
        for name in values["_buffer_names"]:
            buf = values[name]
            if is_lazy(buf):
                buf.data = fn(buf.data)
            elif buf is not None:
                values[name] = fn(buf)
        return self

    def apply(self, fn: Callable[[Module], None]) -> Any:
        """Call `fn` on every descendant and then on this module; returns self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move to a device and/or floating point dtype, in place; returns self.

        Forms: to(device, dtype, non_blocking), to(dtype), to(tensor), to(memory_format=...).
        Only floating point and complex tensors change their dtype.
        """
        device, dtype, non_blocking, memory_format = parse_to(args, kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(t: Any) -> Any:
            kw: dict[str, Any] = {}
            if device is not None:
                kw["device"] = device
            if dtype is not None and (t.is_floating_point() or t.is_complex()):
                kw["dtype"] = dtype
            if memory_format is not None and t.dim() in (4, 5):
                kw["memory_format"] = memory_format
            return t.to(non_blocking=non_blocking, **kw) if kw else t

        return self._apply(convert)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Move to `device` without copying values."""
        return self._apply(lambda t: rt.empty_like(t, device=device), recurse=recurse)

    def type(self, dst_type: Any) -> Any:
        """Cast all parameters and buffers to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def _cast(self, dtype: Any) -> Any:
        return self._apply(lambda t: t.to(dtype=dtype) if t.is_floating_point() else t)

    def float(self) -> Any:
        """Cast floating point parameters and buffers to float32."""
        return self._cast(rt.float32)

    def double(self) -> Any:
        """Cast floating point parameters and buffers to float64."""
        return self._cast(rt.float64)

    def half(self) -> Any:
        """Cast floating point parameters and buffers to float16."""
        return self._cast(rt.float16)

    def bfloat16(self) -> Any:
        """Cast floating point parameters and buffers to bfloat16."""
        return self._cast(rt.bfloat16)

    def cpu(self) -> Any:
        """Move to the CPU."""
        return self._apply(lambda t: t.to(device="cpu"))

    def cuda(self, device: Any = None) -> Any:
        """Move to a CUDA device."""
        where = "cuda" if device is None else device
        where = f"cuda:{where}" if isinstance(where, int) else where
        return self._apply(lambda t: t.to(device=where))

    def share_memory(self) -> Any:
        """Put all tensors into shared memory."""
        return self._apply(lambda t: t.share_memory_())

    # ---- modes ------------------------------------------------------------------------------
    def train(self, mode: bool = True) -> Any:
        """Set training mode on this module and its descendants; returns self."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Any:
        """Same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Set `requires_grad` of all parameters; returns self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for param in self.parameters():
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                if param.grad.grad_fn is not None:
                    param.grad.detach_()
                else:
                    param.grad.requires_grad_(False)
                param.grad.zero_()

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Accepted for compatibility; calls run as they are."""

    # ---- text ---------------------------------------------------------------------------------
    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What is printed between the parentheses; override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()]
        lines = extra_lines + child_lines
        text = self._get_name() + "("
        if lines:
            if len(extra_lines) == 1 and not child_lines:
                text += extra_lines[0]
            else:
                text += "\n  " + "\n  ".join(lines) + "\n"
        return text + ")"

    def _replicate_for_data_parallel(self) -> Any:
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__getstate__())
        copy.__dict__["_is_replica"] = True
        return copy
