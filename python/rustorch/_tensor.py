"""Methods of Tensor and functions of the package that are written in Python."""

from . import _C
from ._C import Tensor, default_generator


def _method(f, name=None):
    setattr(Tensor, name or f.__name__, f)
    return f


# ---- printing and identity


@_method
def __repr__(self, *, tensor_contents=None):
    text, kind = self._str(), type(self)
    if kind is Tensor or kind.__torch_function__ is _C._disabled_torch_function_impl:
        return text
    name = kind.__name__ + "("  # subclasses show their own name
    return (name + text.removeprefix("tensor(")).replace("\n       ", "\n" + " " * len(name))


@_method
def __str__(self):
    return self.__repr__()


@_method
def __format__(self, spec):
    if self.dim() == 0 and (spec or type(self) is Tensor):
        return self.item().__format__(spec)
    return object.__format__(self, spec)


@_method
def __iter__(self):
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


@_method
def __reversed__(self):
    return self if self.dim() == 0 else self.flip(0)


@_method
def __contains__(self, element):
    if isinstance(element, (Tensor, int, float, complex, bool)):
        return bool((element == self).any().item())
    raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")


@_method
def __complex__(self):
    return complex(self.item())


# Python looks these up on the type even though the C slots exist only for the left operand.
def _reflected(name, f):
    def method(self, other):
        return f(self, other)

    method.__name__ = name
    setattr(Tensor, name, method)


_reflected("__rdiv__", lambda a, b: a.reciprocal() * b)


# ---- copies and pickling


@_method
def __deepcopy__(self, memo):
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
        )
    new = self.detach().clone()
    new = new.as_subclass(type(self)) if type(self) is not Tensor else new
    if self.requires_grad:
        new.requires_grad_()
    if self.grad is not None:
        new.grad = self.grad.__deepcopy__(memo)
    for key, value in getattr(self, "__dict__", {}).items():
        from copy import deepcopy

        setattr(new, key, deepcopy(value, memo))
    memo[id(self)] = new
    return new


def _rebuild(cls, dtype, shape, data, requires_grad):
    t = _C._from_buffer(bytearray(data)) if data else _C.ops.empty((0,), dtype=_C.uint8)
    t = t.clone().view(dtype) if data else _C.ops.empty((0,), dtype=dtype)
    t = t.reshape(shape)
    if cls is not Tensor:
        t = Tensor._make_subclass(cls, t, requires_grad)
    return t.requires_grad_(requires_grad) if requires_grad else t


@_method
def __reduce_ex__(self, protocol):
    if not self.is_leaf:
        raise RuntimeError("only leaf tensors can be pickled; hint: use detach()")
    if self.layout is not _C.strided:
        from .sparse import _make

        args = (type(self), *_make._parts(self), self.requires_grad)
        state = getattr(self, "__dict__", None)
        return (_make._rebuild, args, state) if state else (_make._rebuild, args)
    if self.is_quantized:
        from ._quantized import parts_of, rebuild

        return rebuild, parts_of(self)
    flat = self.detach().contiguous().reshape(-1)
    data = bytes(memoryview(_C._export(flat.view(_C.uint8)))) if self.numel() else b""
    args = (type(self), self.dtype, tuple(self.shape), data, self.requires_grad)
    state = getattr(self, "__dict__", None)
    return (_rebuild, args, state) if state else (_rebuild, args)


# ---- NumPy and DLPack


@_method
def numpy(self, *, force=False):
    """The tensor as a NumPy array over the same memory."""
    import numpy

    t = self.detach().cpu() if force else self
    if t.layout is not _C.strided:
        raise TypeError(f"can't convert a tensor of layout {t.layout} to numpy. Use Tensor.to_dense() first.")
    return numpy.asarray(_C._export(t))


@_method
def __array__(self, dtype=None, copy=None):
    array = self.detach().cpu().numpy() if not self.requires_grad else self.numpy()
    if dtype is not None:
        array = array.astype(dtype, copy=bool(copy))
    elif copy:
        array = array.copy()
    return array


def _array_interface(self):
    return self.numpy().__array_interface__


Tensor.__array_interface__ = property(_array_interface)
Tensor.__array_priority__ = 1000


def _ufunc_operand(value, first):
    """A number stays one where the operator takes one; its first operand is a tensor (of the number's own dtype class)."""
    if isinstance(value, Tensor) or (not first and isinstance(value, (int, float, complex))):
        return value
    return as_tensor(value.item() if hasattr(value, "item") and isinstance(value, (float, complex)) else value)


@_method
def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
    """NumPy's ufuncs on tensors: computed by the operator of the same name, else by NumPy; gives a tensor."""
    if method == "__call__" and not kwargs:
        function = getattr(_C.ops, _UFUNCS.get(ufunc.__name__, ufunc.__name__), None)
        if function is not None:
            try:
                return function(*[_ufunc_operand(i, first=k == 0) for k, i in enumerate(inputs)])
            except TypeError:  # one that takes tensors only
                return function(*[_ufunc_operand(i, first=True) for i in inputs])
    arrays = [i.numpy() if isinstance(i, Tensor) else i for i in inputs]
    out = kwargs.pop("out", None)
    if out is not None:
        kwargs["out"] = tuple(o.numpy() if isinstance(o, Tensor) else o for o in out)
    result = getattr(ufunc, method)(*arrays, **kwargs)
    if out is not None:
        return out[0]
    return tuple(as_tensor(r) for r in result) if isinstance(result, tuple) else as_tensor(result)


_UFUNCS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "power": "pow",
    "absolute": "abs", "negative": "neg", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "equal": "eq",
    "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "invert": "bitwise_not",
    "conjugate": "conj", "rint": "round",
}  # fmt: skip


@_method
def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    t = self.clone() if copy else self
    return _C._to_dlpack(t, max_version is not None and max_version[0] >= 1)


@_method
def __dlpack_device__(self):
    return (1, 0)


def from_dlpack(ext_tensor, *, device=None, copy=None):
    """A tensor over the memory of any object that speaks DLPack, or of a DLPack capsule."""
    if hasattr(ext_tensor, "__dlpack__"):
        try:
            capsule = ext_tensor.__dlpack__(max_version=(1, 0))
        except TypeError:
            capsule = ext_tensor.__dlpack__()
    else:
        capsule = ext_tensor
    t = _C._from_dlpack(capsule)
    return t.clone() if copy else t


# ---- differentiation


@_method
def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds d(self)/d(leaf) to the grad of every leaf it depends on."""
    if inputs is not None and not isinstance(inputs, Tensor):
        inputs = tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    _C._backward(self, None if gradient is None else (gradient,),
                 create_graph if retain_graph is None else retain_graph, create_graph, inputs)  # fmt: skip


class RemovableHandle:
    """Removes a hook when remove() is called; also a context manager."""

    __slots__ = ("_remove", "id")
    _next = 0

    def __init__(self, remove):
        self._remove = remove
        self.id = RemovableHandle._next
        RemovableHandle._next += 1

    def remove(self):
        if self._remove is not None:
            self._remove()
            self._remove = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


@_method
def register_hook(self, hook):
    """Calls hook(grad) when the gradient of this tensor is known; a returned tensor replaces it."""
    number = _C._register_hook(self, hook)
    return RemovableHandle(lambda: _C._remove_hook(self, number))


@_method
def register_post_accumulate_grad_hook(self, hook):
    """Calls hook(self) after a gradient was added to a leaf's grad."""
    number = _C._register_post_accumulate_hook(self, hook)
    return RemovableHandle(lambda: _C._remove_post_accumulate_hook(self, number))


def _node_hook(register, doc):
    def method(self, hook):
        number = register(self, hook)
        return RemovableHandle(lambda: self._remove_hook(number))

    method.__doc__ = doc
    return method


_C._Node.register_hook = _node_hook(
    _C._Node._register_hook,
    "Calls hook(grad_inputs, grad_outputs) after the node ran; a returned tuple replaces grad_inputs.",
)
_C._Node.register_prehook = _node_hook(
    _C._Node._register_prehook, "Calls hook(grad_outputs) before the node runs; a returned tuple replaces them."
)


# ---- small conversions

for _name, _dtype in (
    ("float", _C.float32), ("double", _C.float64), ("half", _C.float16), ("bfloat16", _C.bfloat16), ("int", _C.int32),
    ("long", _C.int64), ("short", _C.int16), ("char", _C.int8), ("byte", _C.uint8), ("bool", _C.bool),
    ("cfloat", _C.complex64), ("cdouble", _C.complex128), ("chalf", _C.complex32),
):  # fmt: skip

    def _cast(self, memory_format=None, _dtype=_dtype):
        return self.to(_dtype) if memory_format is None else self.to(_dtype, memory_format=memory_format)

    _cast.__name__ = _name
    setattr(Tensor, _name, _cast)
del _cast, _name, _dtype


@_method
def cpu(self, memory_format=None):
    """The tensor on the CPU."""
    return self.to("cpu")


@_method
def cuda(self, device=None, non_blocking=False, memory_format=None):
    """The tensor on a CUDA device."""
    return self.to("cuda" if device is None else device)


def _type(self, dtype=None, non_blocking=False):
    """Name of the type, or the tensor converted to it."""
    if dtype is None:
        name = {"float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long",
                "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool",
                "complex64": "ComplexFloat", "complex128": "ComplexDouble", "complex32": "ComplexHalf",
                "bcomplex32": "BComplex32", "qint8": "quantized.QInt8", "quint8": "quantized.QUInt8",
                "qint32": "quantized.QInt32", "quint4x2": "quantized.QUInt4x2",
                "quint2x4": "quantized.QUInt2x4"}  # fmt: skip
        short = str(self.dtype).rsplit(".", 1)[-1]
        own = short.replace("uint", "UInt") if short.startswith("uint") else short.capitalize()
        return f"torch.{name.get(short, own)}Tensor"
    from ._legacy import dtype_of

    return self.to(dtype_of(dtype))


_method(_type, "type")


@_method
def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
    """A tensor of new data with the dtype of this one."""
    return _C.tensor(data, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)


@_method
def new(self, *args):
    """An empty tensor of the same dtype, with the given sizes or data."""
    if not args:
        return _C.ops.empty((0,), dtype=self.dtype)
    if all(isinstance(a, int) for a in args):
        return _C.ops.empty(args, dtype=self.dtype)
    return _C.tensor(args[0], dtype=self.dtype)


@_method
def is_shared(self):
    """Whether other processes can be given this memory: see share_memory_()."""
    from .multiprocessing._sharing import is_shared

    return is_shared(self)


@_method
def share_memory_(self):
    """Moves the tensor to memory that other processes can be given; other tensors on its old memory stay there."""
    from .multiprocessing._sharing import share

    return share(self)


@_method
def pin_memory(self, device=None):
    """The tensor itself: CPU memory needs no pinning here."""
    return self


@_method
def is_set_to(self, tensor):
    """Same storage, offset, sizes and strides."""
    return (self.data_ptr(), self.shape, self.stride()) == (tensor.data_ptr(), tensor.shape, tensor.stride())


@_method
def get_device(self):
    """Index of the device, -1 on the CPU."""
    return -1 if self.device.index is None else self.device.index


@_method
def is_same_size(self, other):
    """Same shape."""
    return self.shape == other.shape


@_method
def __dir__(self):
    return sorted(set(dir(Tensor)) | set(getattr(self, "__dict__", ())))


# ---- functions


def is_tensor(obj):
    """True for tensors."""
    return isinstance(obj, Tensor)


def is_storage(obj):
    """True for the storages of tensors (see rustorch.storage)."""
    from .storage import TypedStorage, UntypedStorage

    return isinstance(obj, (TypedStorage, UntypedStorage))


def is_floating_point(input):
    """True for tensors of a float dtype."""
    return input.is_floating_point()


def is_complex(input):
    """True for complex tensors."""
    return input.is_complex()


def is_nonzero(input):
    """True when the only element is not zero."""
    if input.numel() != 1:
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous" if input.numel()
                           else "Boolean value of Tensor with no values is ambiguous")  # fmt: skip
    return bool(input.item())


def numel(input):
    """Number of elements."""
    return input.numel()


_method(is_nonzero)


def as_tensor(data, dtype=None, device=None):
    """data as a tensor; memory is shared where that is possible."""
    if isinstance(data, Tensor):
        t = data
    elif type_name(data) == "ndarray":
        t = _C.from_numpy(data)
    else:
        return _C.tensor(data, dtype=dtype, device=device)
    if dtype is not None and t.dtype != dtype:
        t = t.to(dtype)
    return t if device is None else t.to(device)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """As as_tensor, also for DLPack and buffer objects; copy=True always copies, copy=False never."""
    if isinstance(obj, Tensor) or type_name(obj) == "ndarray":
        t = as_tensor(obj)
        shared = True
    elif hasattr(obj, "__dlpack__"):
        t, shared = from_dlpack(obj), True
    elif type_name(obj) == "UntypedStorage":
        t, shared = obj._bytes(), True
    else:
        t, shared = _C.tensor(obj, dtype=dtype), False
    if copy is False and (not shared or (dtype is not None and t.dtype != dtype)):
        raise ValueError("can't alias tensor with dtype or data that need a copy")
    t = t if dtype is None else t.to(dtype)
    if copy and shared:
        t = t.clone()
    return t.detach().requires_grad_(True) if requires_grad else t


def type_name(obj):
    """Name of the class of an object."""
    return obj.__class__.__name__


def typename(obj):
    """Name of the type of an object."""
    return obj.type() if isinstance(obj, Tensor) else f"{obj.__class__.__module__}.{obj.__class__.__name__}"


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False):
    """A 1-d tensor over the memory of an object with the buffer protocol."""
    flat = _C._from_buffer(memoryview(buffer).cast("B"))
    if flat.numel() == 0:
        raise ValueError("both buffer length and count must not be 0")
    if offset < 0 or offset >= flat.numel():
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length minus 1")
    size = dtype.itemsize
    available = flat.numel() - offset
    if count < 0:
        if available % size:
            raise ValueError(
                f"buffer length ({available} bytes) after offset must be a multiple of element size ({size})"
            )
        count = available // size
    elif count == 0 or count * size > available:
        raise ValueError("requested buffer length is larger than the actual buffer, or zero")
    t = flat[offset : offset + count * size].view(dtype)
    return t.requires_grad_(True) if requires_grad else t


def manual_seed(seed):
    """Starts the default generator with a seed; returns the generator."""
    return default_generator.manual_seed(int(seed))


def seed():
    """Seeds the default generator from the system; returns the seed."""
    return default_generator.seed()


def initial_seed():
    """The seed of the default generator."""
    return default_generator.initial_seed()


def _state(self):
    return _C.tensor(list(self._state_bytes()), dtype=_C.uint8)


def _set_state(self, state):
    self._set_state_bytes(bytes(state.tolist()))
    return self


_C.Generator.get_state = _state
_C.Generator.set_state = _set_state


def get_rng_state():
    """State of the default generator as a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Sets the state of the default generator."""
    default_generator.set_state(new_state)


def broadcast_shapes(*shapes):
    """The shape that the shapes broadcast to."""
    result = []
    for shape in shapes:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        result = [1] * (len(shape) - len(result)) + result
        for i, size in enumerate(reversed(shape), 1):
            if size < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({size}): ({size})")
            if result[-i] == 1:
                result[-i] = size
            elif size not in (1, result[-i]):
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape")
    return _C.Size(result)


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None):
    """Sets how tensors are printed."""
    defaults = {"default": (4, 1000, 3, 80), "short": (2, 1000, 2, 80), "full": (4, 2**62, 3, 80)}
    base = defaults.get(profile, (None, None, None, None))
    values = [b if v is None else v for v, b in zip((precision, threshold, edgeitems, linewidth), base)]
    _C._set_print_options(*[-1 if v is None else int(v) for v in values], -1 if sci_mode is None else int(sci_mode))


Tensor.__module__ = "rustorch"
Tensor.__hash__ = lambda self: id(self)
