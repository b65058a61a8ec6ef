"""Parameter, Buffer and their uninitialized forms.

A Parameter is a tensor that a Module registers by itself when it is assigned as an attribute; it
shares storage with the data it was made from.  Uninitialized ones have dtype and device but no
shape until `materialize` is called (lazy modules).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import rustorch as rt
from rustorch import Tensor

_make_subclass: Any = Tensor._make_subclass


def _rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any) -> Parameter:
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data: Tensor, requires_grad: bool, backward_hooks: Any, state: Any) -> Parameter:
    param = Parameter(data, requires_grad)
    param.__dict__.update(state)
    return param


class _ParameterMeta(type(Tensor)):  # type: ignore[misc,unused-ignore]
    """A parameter made from a tensor of a class of its own keeps that class, and is a Parameter for isinstance."""

    def __instancecheck__(self, instance: Any) -> bool:
        return super().__instancecheck__(instance) or (
            self is Parameter and isinstance(instance, Tensor) and getattr(instance, "_is_param", False)
        )


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that is a parameter of a module.

    `data` (any shape) gives values, dtype and device and is shared, not copied;
    `requires_grad` is True unless told otherwise.  TypeError if `data` is not a tensor.
    """

    __torch_function__ = rt._C._disabled_torch_function_impl

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = rt.empty(0)
        elif not isinstance(data, Tensor):
            raise TypeError(f"Parameter(): data must be a Tensor; got {type(data).__name__}")
        elif type(data).__torch_function__ is not rt._C._disabled_torch_function_impl and type(data) is not Tensor:
            own: Any = data.detach().requires_grad_(requires_grad)
            if type(own) is not type(data):
                raise RuntimeError(
                    f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns "
                    f"an instance of the same type, but it returned type {type(own).__name__}"
                )
            own._is_param = True
            return own
        return _make_subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(memory_format=rt.preserve_format), self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, proto: Any) -> Any:
        hooks: OrderedDict[int, Any] = OrderedDict()
        state = getattr(self, "__dict__", None)
        if state:
            return _rebuild_parameter_with_state, (self.data, self.requires_grad, hooks, dict(state))
        return _rebuild_parameter, (self.data, self.requires_grad, hooks)


class Buffer(Tensor):
    """A tensor that a module registers as a buffer when it is assigned as an attribute.

    `persistent` says whether it is part of the module's state_dict.
    """

    __torch_function__ = rt._C._disabled_torch_function_impl

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        if data is None:
            data = rt.empty(0)
        result = _make_subclass(cls, data, data.requires_grad)
        result.persistent = persistent
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            copy = self.data.clone(memory_format=rt.preserve_format)
            memo[id(self)] = type(self)(copy, persistent=self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, proto: Any) -> Any:
        return _rebuild_buffer, (self.data, self.persistent)


def _rebuild_buffer(data: Tensor, persistent: bool) -> Buffer:
    return Buffer(data, persistent=persistent)


_NO_SHAPE = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
    "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. "
    "Call `forward` to initialize the parameters before accessing their attributes."
)


_NO_USE = (
    "Attempted to use an uninitialized parameter in {}. This error happens when you are using a `LazyModule` or explicitly "
    "manipulating `torch.nn.parameter.UninitializedParameter` objects. When using LazyModules Call `forward` with a dummy "
    "batch to initialize the parameters before calling torch functions"
)


class UninitializedTensorMixin:
    """What uninitialized parameters and buffers share: no shape, and `materialize`.

    Of the methods of tensors only those work that change dtype and device or ask for them.
    """

    cls_to_become: Any = None

    _ALLOWED = frozenset(
        "__hash__ size copy_ is_complex is_floating_point half float double char short int long cuda cpu to get_device "
        "data dtype device grad requires_grad layout is_leaf grad_fn is_meta is_cuda is_sparse _storage_key __get__".split()
    )

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in cls._ALLOWED or type(func).__name__ == "method-wrapper":
            return super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[misc]
        raise ValueError(_NO_USE.format(func))

    def numel(self) -> int:
        """Raises ValueError, like nelement and data_ptr: there is no memory yet."""
        raise ValueError(_NO_USE.format("numel"))

    nelement = data_ptr = numel

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give the tensor its shape and, unless kept, another device or dtype; values are unset."""
        data: Any = self.data  # type: ignore[attr-defined,has-type]
        device = data.device if device is None else device
        dtype = data.dtype if dtype is None else dtype
        self.data = rt.empty(shape, device=device, dtype=dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        raise RuntimeError(_NO_SHAPE)

    def size(self, *args: Any) -> Any:
        """Raises RuntimeError: there is no shape yet."""
        raise RuntimeError(_NO_SHAPE)

    def share_memory_(self) -> Any:
        """Raises RuntimeError: there is no storage yet."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. "
            "Call `forward` to initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, proto: Any) -> Any:
        return type(self), (self.requires_grad,)  # type: ignore[attr-defined]


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc]
    """A parameter without a shape; becomes a Parameter by `materialize(shape)`."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return _make_subclass(cls, rt.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.data.device, self.data.dtype)
        return memo[id(self)]


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer without a shape; becomes a Tensor by `materialize(shape)`."""

    cls_to_become = Tensor
    persistent: bool

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> Any:
        result = _make_subclass(cls, rt.empty(0, device=device, dtype=dtype), requires_grad)
        result.persistent = persistent
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.data.device, self.data.dtype, self.persistent)
        return memo[id(self)]


def is_lazy(param: Any) -> bool:
    """True for a parameter or buffer that has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)
