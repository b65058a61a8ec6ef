"""Types named after a dtype (FloatTensor, LongTensor ...), which old programs use to make and to recognise tensors."""

from . import _C
from ._C import Tensor

_DTYPES = {
    "DoubleTensor": _C.float64, "FloatTensor": _C.float32, "HalfTensor": _C.float16, "BFloat16Tensor": _C.bfloat16,
    "LongTensor": _C.int64, "IntTensor": _C.int32, "ShortTensor": _C.int16, "CharTensor": _C.int8, "ByteTensor": _C.uint8,
    "BoolTensor": _C.bool,
}  # fmt: skip


class tensortype(type):  # noqa: N801
    """The class of the tensor types: calling one makes a tensor, isinstance() asks for the dtype."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype and instance.device.type == "cpu"

    def __call__(cls, *args, device=None):
        if not args:
            return _C.ops.empty((0,), dtype=cls.dtype)
        first = args[0]
        if all(isinstance(a, int) for a in args):
            return _C.ops.empty(args, dtype=cls.dtype)
        if len(args) != 1:
            raise TypeError(f"{cls.__name__}(): expected sizes or one sequence; got {len(args)} arguments")
        if isinstance(first, Tensor):
            if first.dtype != cls.dtype:
                raise TypeError(f"expected {cls.dtype} (got {first.dtype})")
            return first.detach()
        if isinstance(first, _C.Size):
            return _C.ops.empty(tuple(first), dtype=cls.dtype)
        return _C.tensor(first, dtype=cls.dtype)

    def __repr__(cls):
        return f"<class 'torch.{cls.__name__}'>"


def _make(name, dtype):
    return tensortype(name, (), {"dtype": dtype, "is_cuda": False, "__module__": "rustorch",
                                 "__doc__": f"Tensors of {dtype} on the CPU."})  # fmt: skip


_CLASSES = {name: _make(name, dtype) for name, dtype in _DTYPES.items()}
globals().update(_CLASSES)


def dtype_of(kind):
    """The dtype that a tensor type, its name or a dtype stands for."""
    if isinstance(kind, str):
        name = kind.rsplit(".", 1)[-1]
        if name not in _CLASSES:
            raise ValueError(f"invalid type: '{kind}'")
        return _CLASSES[name].dtype
    return kind.dtype if isinstance(kind, tensortype) else kind


def set_default_tensor_type(t):
    """Makes the dtype of a floating-point tensor type the default."""
    dtype = dtype_of(t)
    if not dtype.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type; got {t}")
    _C.set_default_dtype(dtype)


__all__ = [*_CLASSES, "set_default_tensor_type"]
