"""The types of schemas: IntType.get(), ListType(TensorType.get()), ...

`str(t)` and `t.annotation_str` are Python annotations ("List[int]"), `t.str()` is the word of schemas ("int[]"). Types are
immutable; two with the same content are equal. Types with parts stand in types_nested.py.
"""

from __future__ import annotations

from typing import Any

from .. import _C

_ASSERT = "INTERNAL ASSERT FAILED"
_SCALARS = {"float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long", "int32": "Int",
            "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat",
            "complex128": "ComplexDouble", "complex32": "ComplexHalf", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64",
            "float8_e4m3fn": "Float8_e4m3fn", "float8_e5m2": "Float8_e5m2", "float8_e4m3fnuz": "Float8_e4m3fnuz",
            "float8_e5m2fnuz": "Float8_e5m2fnuz", "float8_e8m0fnu": "Float8_e8m0fnu"}  # fmt: skip


class Type:
    """The base of all types."""

    _annotation = ""  # as Python writes it
    _word = ""  # as schemas do

    def __init__(self) -> None:
        raise TypeError(f"rustorch.{type(self).__name__}: No constructor defined!")

    @property
    def annotation_str(self) -> str:
        """The type as an annotation of Python."""
        return self._annotation

    def str(self) -> str:
        """The type as schemas write it."""
        return self._word

    def __repr__(self) -> str:
        return self.annotation_str

    def kind(self) -> str:
        """The name of the class of types it belongs to."""
        return type(self).__name__

    def containedTypes(self) -> list[Type]:  # noqa: N802
        """The types it is made of."""
        return []

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.containedTypes() == other.containedTypes()  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def isSubtypeOf(self, other: Type) -> bool:  # noqa: N802
        """Whether every value of this type is one of the other."""
        if isinstance(other, AnyType) or self == other:
            return True
        if isinstance(other, NumberType) and isinstance(self, (IntType, FloatType, ComplexType)):
            return True
        return other._takes(self)

    def _takes(self, other: Type) -> bool:
        """Whether values of another type are of this one, for types that are alternatives."""
        return False

    def is_interface_type(self) -> bool:
        """Whether it is an interface of a class."""
        return False

    def _not_a_tensor(self, *args: Any) -> Any:
        raise RuntimeError(f"r {_ASSERT}: the type {self} is no TensorType")

    sizes = strides = dim = device = dtype = scalarType = varyingSizes = symbolic_sizes = _not_a_tensor  # noqa: N815
    requires_grad = contiguous = undefined = with_sizes = with_dtype = with_device = _not_a_tensor


class _Single(Type):
    """A type without parts, of which there is one object."""

    _it: Any = None

    @classmethod
    def get(cls) -> Any:
        """The type."""
        if "_it" not in cls.__dict__:
            cls._it = object.__new__(cls)
        return cls._it


def _single(name: str, annotation: str, word: str = "", doc: str = "") -> Any:
    members = {
        "__doc__": doc or f"The type `{annotation}`.", "__module__": __name__,
        "_annotation": annotation, "_word": word or annotation,
    }  # fmt: skip
    return type(name, (_Single,), members)


AnyType = _single("AnyType", "Any")
IntType = _single("IntType", "int")
FloatType = _single("FloatType", "float")
BoolType = _single("BoolType", "bool")
ComplexType = _single("ComplexType", "complex")
StringType = _single("StringType", "str")
NumberType = _single("NumberType", "number", "Scalar", "An int, float or complex number.")
NoneType = _single("NoneType", "NoneType", doc="The type of None.")
DeviceObjType = _single("DeviceObjType", "Device", doc="The type of devices.")
StreamObjType = _single("StreamObjType", "Stream", doc="The type of streams.")
PyObjectType = _single("PyObjectType", "PyObject", doc="Any object of Python.")
SymIntType = _single("SymIntType", "int", "SymInt", "A size: an int that may be symbolic in PyTorch.")
SymBoolType = _single("SymBoolType", "bool", "SymBool", "A bool that may be symbolic in PyTorch.")
GeneratorType = _single("GeneratorType", "Generator", doc="The type of generators of random numbers.")
StorageType = _single("StorageType", "Storage", doc="The type of storages.")
QSchemeType = _single("QSchemeType", "QScheme", doc="The type of ways to quantize.")
ScalarTypeType = _single("ScalarTypeType", "ScalarType", doc="The type of dtypes, which scripts know as int.")
LayoutType = _single("LayoutType", "Layout", doc="The type of layouts, which scripts know as int.")
MemoryFormatType = _single(
    "MemoryFormatType", "MemoryFormat", doc="The type of memory formats, which scripts know as int."
)


class VarType(Type):
    """A type that stands for another, by its name: the `t` of `(t[] a) -> t`."""

    def __init__(self, name: str) -> None:
        self._annotation = self._word = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VarType) and self._word == other._word

    __hash__ = None  # type: ignore[assignment]


class TensorType(Type):
    """Tensors: all of them (get()), or those with the dtype, shape and device of an example (create_from_tensor())."""

    _annotation = _word = "Tensor"
    _it: Any = None
    _about: tuple[Any, ...] = (None, None, None, None, None)  # dtype, sizes, strides, device, requires_grad

    @classmethod
    def get(cls) -> TensorType:
        """The type of every tensor."""
        if cls._it is None:
            cls._it = object.__new__(cls)
        return cls._it

    getInferred = get  # noqa: N815

    @classmethod
    def create_from_tensor(cls, tensor: Any) -> TensorType:
        """The type of tensors like this one."""
        strides = tuple(tensor.stride()) if tensor.layout == _C.strided else None
        return cls._of(tensor.dtype, tuple(tensor.shape), strides, tensor.device, tensor.requires_grad)

    @classmethod
    def _of(cls, *about: Any) -> TensorType:
        it = object.__new__(cls)
        it._about = about
        return it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorType) and self._about == other._about

    __hash__ = None  # type: ignore[assignment]

    def isSubtypeOf(self, other: Type) -> bool:  # noqa: N802
        """Whether every value of this type is one of the other."""
        if isinstance(other, TensorType):
            return all(theirs is None or mine == theirs for mine, theirs in zip(self._about, other._about))
        return super().isSubtypeOf(other)

    def str(self) -> str:
        """Tensor, or dtype, sizes, strides and device where they are known."""
        dtype, sizes, strides, device, grad = self._about
        if dtype is None and sizes is None:
            return "Tensor"
        parts = [str(n) for n in sizes] if sizes is not None else ["*"]
        if strides is not None:
            parts.append(f"strides={list(strides)}")
        if grad is not None:
            parts.append(f"requires_grad={int(grad)}")
        if device is not None:
            parts.append(f"device={device}")
        return f"{self.scalarType() or 'Tensor'}({', '.join(parts)})"

    def dtype(self) -> Any:
        """The dtype, None where it is open."""
        return self._about[0]

    def scalarType(self) -> Any:  # noqa: N802
        """The dtype by the name of its kind of tensors, as "Float"."""
        return None if self._about[0] is None else _SCALARS.get(str(self._about[0]).rsplit(".", 1)[-1])

    def sizes(self) -> list[int] | None:
        """The sizes, None where they are open."""
        return None if self._about[1] is None else list(self._about[1])

    varyingSizes = symbolic_sizes = sizes  # noqa: N815

    def strides(self) -> list[int] | None:
        """The strides, None where they are open."""
        return None if self._about[2] is None else list(self._about[2])

    def dim(self) -> int | None:
        """The number of dimensions, None where it is open."""
        return None if self._about[1] is None else len(self._about[1])

    def device(self) -> Any:
        """The device, None where it is open."""
        return self._about[3]

    def requires_grad(self) -> bool:
        """Whether gradients may be needed: True where it is open."""
        return self._about[4] is not False

    def undefined(self) -> bool:
        """Whether it is the type of no tensor: False."""
        return False

    def contiguous(self) -> TensorType:
        """The type of contiguous tensors of these sizes."""
        strides, step = [], 1
        for n in reversed(self._about[1] or ()):
            strides.append(step)
            step *= n
        return self._of(
            *self._about[:2], tuple(strides[::-1]) if self._about[1] is not None else None, *self._about[3:]
        )

    def with_sizes(self, sizes: Any) -> TensorType:
        """The type with other sizes, of which only the number may be given."""
        return self._of(
            self._about[0], None if sizes is None or isinstance(sizes, int) else tuple(sizes), None, *self._about[3:]
        )

    def with_dtype(self, dtype: Any) -> TensorType:
        """The type with another dtype."""
        return self._of(dtype, *self._about[1:])

    def with_device(self, device: Any) -> TensorType:
        """The type with another device."""
        return self._of(*self._about[:3], None if device is None else _C.device(device), self._about[4])
