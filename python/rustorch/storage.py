"""The memory behind tensors as objects: UntypedStorage (bytes) and TypedStorage with FloatStorage and its relatives.

A storage object is a view of the memory of a tensor: it stays valid as long as it lives, and what is written through it
shows in every tensor on that memory.
"""

from . import _C
from ._C import Tensor
from ._settings import from_file


class StorageBase:
    """The base of blocks of memory. Only classes below it have instances."""

    def __new__(cls, *args, **kwargs):
        if cls is StorageBase:
            raise RuntimeError("Cannot directly construct StorageBase; subclass it and then construct that")
        return object.__new__(cls)


class UntypedStorage(StorageBase):
    """A block of bytes: of a given size, of a sequence of bytes, or (by Tensor.untyped_storage()) of a tensor."""

    _part = None  # the bytes that it is cut to

    def __init__(self, data=0, *, device=None):
        if isinstance(data, int):
            self._tensor = _C.ops.empty((data,), dtype=_C.uint8, device=device)
        else:
            self._tensor = _C.tensor(list(data), dtype=_C.uint8, device=device)

    @classmethod
    def from_file(cls, filename, shared=False, nbytes=0):
        """The first nbytes of a file; with shared=True the file itself, which is made long enough."""
        return cls._of(from_file(filename, shared, nbytes, dtype=_C.uint8))

    @classmethod
    def _of(cls, tensor):
        storage = cls.__new__(cls)
        storage._tensor = _C.ops._integers(tensor) if tensor.is_quantized else tensor.detach()
        return storage

    def _bytes(self):
        return self._tensor._storage_bytes() if self._part is None else self._part

    def untyped(self):
        """Itself."""
        return self

    def nbytes(self):
        """Number of bytes."""
        return self._bytes().numel()

    size = nbytes
    __len__ = nbytes

    def element_size(self):
        """1: elements are bytes."""
        return 1

    def data_ptr(self):
        """Address of the first byte."""
        return self._bytes().data_ptr()

    @property
    def device(self):
        """Where the bytes are."""
        return self._tensor.device

    @property
    def is_cuda(self):
        """On a CUDA device."""
        return self.device.type == "cuda"

    def __getitem__(self, index):
        part = self._bytes()[index]
        if not isinstance(index, slice):
            return part.item()
        if index.step not in (None, 1):
            raise RuntimeError(f"Trying to slice with a step of {index.step}, but only a step of 1 is supported")
        storage = UntypedStorage._of(part)
        storage._part = part
        return storage

    def __setitem__(self, index, value):
        self._bytes()[index] = value if isinstance(value, (int, Tensor)) else _C.tensor(list(value), dtype=_C.uint8)

    def __iter__(self):
        return iter(self.tolist())

    def __repr__(self):
        return f"[{type(self).__module__}.{type(self).__name__}(device={self.device}) of size {len(self)}]"

    def tolist(self):
        """The bytes as a list."""
        return self._bytes().tolist()

    def clone(self):
        """A copy."""
        return UntypedStorage._of(self._bytes().clone())

    def copy_(self, source, non_blocking=None):
        """Takes over the bytes of another storage of the same size."""
        self._bytes().copy_(source._bytes())
        return self

    def fill_(self, value):
        """Sets every byte."""
        self._bytes().fill_(value)
        return self

    def resize_(self, size):
        """Grows to a number of bytes; those that are new are not set."""
        if size < self.nbytes():
            raise RuntimeError("resize_(): a storage that tensors may use cannot shrink")
        _C.ops.resize_(self._bytes(), (size,))
        return self

    def cpu(self):
        """The bytes on the CPU."""
        return self if self.device.type == "cpu" else UntypedStorage._of(self._bytes().cpu())

    def is_shared(self):
        """Whether the memory is shared between processes."""
        return self._tensor.is_shared()


class TypedStorage:
    """A block of memory read as numbers of one dtype."""

    dtype = None
    _plain = None  # the type of the elements, where it is not dtype

    def __new__(cls, *args, wrap_storage=None, dtype=None, device=None, _internal=False):
        storage = object.__new__(cls)
        storage.dtype = dtype or cls.dtype or _C.get_default_dtype()
        if wrap_storage is not None:
            storage._untyped_storage = wrap_storage
            return storage
        data = args[0] if args else 0
        plain = cls._plain or storage.dtype
        if isinstance(data, int):
            data = _C.ops.empty((data,), dtype=plain, device=device)
        elif not isinstance(data, Tensor):
            data = _C.tensor(list(data), dtype=plain, device=device)
        storage._untyped_storage = UntypedStorage._of(data.to(plain))
        return storage

    def _elements(self):
        raw = self._untyped_storage._bytes()
        size = self.dtype.itemsize
        return raw[: raw.numel() // size * size].view(self._plain or self.dtype)

    def untyped(self):
        """The bytes."""
        return self._untyped_storage

    def size(self):
        """Number of elements."""
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    __len__ = size

    def nbytes(self):
        """Number of bytes."""
        return self._untyped_storage.nbytes()

    def element_size(self):
        """Bytes of one element."""
        return self.dtype.itemsize

    def data_ptr(self):
        """Address of the first element."""
        return self._untyped_storage.data_ptr()

    @property
    def device(self):
        """Where the memory is."""
        return self._untyped_storage.device

    is_cuda = UntypedStorage.is_cuda

    def __getitem__(self, index):
        part = self._elements()[index]
        return part.tolist() if isinstance(index, slice) else part.item()

    def __setitem__(self, index, value):
        self._elements()[index] = value if isinstance(value, (int, float, complex, Tensor)) else _C.tensor(list(value))

    def __iter__(self):
        return iter(self.tolist())

    def __repr__(self):
        body = "".join(f" {x}\n" for x in self.tolist())
        return f"{body}[rustorch.storage.{type(self).__name__}(dtype={self.dtype}, device={self.device}) of size {len(self)}]"

    def tolist(self):
        """The elements as a list."""
        return self._elements().tolist()

    def clone(self):
        """A copy."""
        return type(self)(wrap_storage=self._untyped_storage.clone(), dtype=self.dtype)

    def copy_(self, source, non_blocking=None):
        """Takes over the elements of another storage of the same size."""
        self._elements().copy_(source._elements())
        return self

    def fill_(self, value):
        """Sets every element."""
        self._elements().fill_(value)
        return self

    def resize_(self, size):
        """Grows to a number of elements; those that are new are not set."""
        self._untyped_storage.resize_(size * self.dtype.itemsize)
        return self

    def type(self, dtype=None):
        """Name of the class, or the elements in another dtype."""
        if dtype is None:
            return f"torch.{type(self).__name__}"
        return TypedStorage(self._elements().to(dtype), dtype=dtype)


class DoubleStorage(TypedStorage):
    """Memory of float64 numbers."""

    dtype = _C.float64


class FloatStorage(TypedStorage):
    """Memory of float32 numbers."""

    dtype = _C.float32


class HalfStorage(TypedStorage):
    """Memory of float16 numbers."""

    dtype = _C.float16


class BFloat16Storage(TypedStorage):
    """Memory of bfloat16 numbers."""

    dtype = _C.bfloat16


class LongStorage(TypedStorage):
    """Memory of int64 numbers."""

    dtype = _C.int64


class IntStorage(TypedStorage):
    """Memory of int32 numbers."""

    dtype = _C.int32


class ShortStorage(TypedStorage):
    """Memory of int16 numbers."""

    dtype = _C.int16


class CharStorage(TypedStorage):
    """Memory of int8 numbers."""

    dtype = _C.int8


class ByteStorage(TypedStorage):
    """Memory of uint8 numbers."""

    dtype = _C.uint8


class BoolStorage(TypedStorage):
    """Memory of bool numbers."""

    dtype = _C.bool


class ComplexFloatStorage(TypedStorage):
    """Memory of complex64 numbers."""

    dtype = _C.complex64


class ComplexDoubleStorage(TypedStorage):
    """Memory of complex128 numbers."""

    dtype = _C.complex128


class QInt8Storage(TypedStorage):
    """Memory of the integers of qint8."""

    dtype, _plain = _C.qint8, _C.int8


class QUInt8Storage(TypedStorage):
    """Memory of the integers of quint8."""

    dtype, _plain = _C.quint8, _C.uint8


class QInt32Storage(TypedStorage):
    """Memory of the integers of qint32."""

    dtype, _plain = _C.qint32, _C.int32


class QUInt4x2Storage(TypedStorage):
    """Memory of the integers of quint4x2, two in a byte."""

    dtype, _plain = _C.quint4x2, _C.uint8


class QUInt2x4Storage(TypedStorage):
    """Memory of the integers of quint2x4, four in a byte."""

    dtype, _plain = _C.quint2x4, _C.uint8


Storage = FloatStorage  # of the default dtype

_CLASSES = {c.__name__: c for c in TypedStorage.__subclasses__()}
_BY_DTYPE = {c.dtype: c for c in _CLASSES.values()}


def storage_of(tensor):
    """The typed storage of a tensor."""
    kind = _BY_DTYPE.get(tensor.dtype, TypedStorage)  # newer dtypes have no class of their own
    return kind(wrap_storage=UntypedStorage._of(tensor), dtype=tensor.dtype)


__all__ = ["UntypedStorage", "TypedStorage", *_CLASSES]
