"""More methods of Tensor: storages, element-wise Python functions, old names, and questions about kinds of tensors."""

from . import _C
from ._C import Tensor


def _method(f):
    setattr(Tensor, f.__name__, f)
    return f


# ---- memory


@_method
def untyped_storage(self):
    """The memory of the tensor, as bytes."""
    from .storage import UntypedStorage

    return UntypedStorage._of(self)


@_method
def storage(self):
    """The memory of the tensor, as numbers of its dtype."""
    from .storage import storage_of

    return storage_of(self)


@_method
def storage_type(self):
    """Class of storage()."""
    return type(self.storage())


@_method
def const_data_ptr(self):
    """Address of the first element, for reading."""
    return self.data_ptr()


@_method
def dim_order(self, *, ambiguity_check=False):
    """The dimensions from the outermost in memory to the innermost."""
    strides = self.stride()
    order = tuple(sorted(range(self.dim()), key=lambda d: (-strides[d], d)))
    if ambiguity_check and len({s for s, n in zip(strides, self.shape) if n != 1}) != sum(n != 1 for n in self.shape):
        raise RuntimeError(
            "The tensor does not have unique dim order, or cannot map to exact one of the given memory formats."
        )
    return order


@_method
def slice_inverse(self, src, dim=0, start=None, end=None, step=1):
    """The tensor src that self is the slice src[start:end:step] along dim of, over the memory of self."""
    return self.as_strided(src.shape, src.stride(), src.storage_offset())


@_method
def record_stream(self, stream):
    """Nothing to do: memory is given back when no work uses it."""


# ---- element by element in Python


def _write(self, name, values):
    if self.requires_grad:
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
    self.copy_(_C.tensor(values, dtype=self.dtype).reshape(self.shape))
    return self


@_method
def apply_(self, callable):
    """Replaces every element x by callable(x)."""
    return _write(self, "apply_", [callable(x) for x in self.reshape(-1).tolist()])


@_method
def map_(self, tensor, callable):
    """Replaces every element x by callable(x, y), y from tensor (broadcast)."""
    other = tensor.expand(self.shape).reshape(-1).tolist()
    return _write(self, "map_", [callable(x, y) for x, y in zip(self.reshape(-1).tolist(), other)])


@_method
def map2_(self, x, y, callable):
    """Replaces every element by callable(element, a, b), a and b from x and y (broadcast)."""
    first, second = (t.expand(self.shape).reshape(-1).tolist() for t in (x, y))
    return _write(self, "map2_", [callable(*v) for v in zip(self.reshape(-1).tolist(), first, second)])


# ---- kinds

for _name, _kind in {"is_cpu": "cpu", "is_meta": "meta", "is_mps": "mps", "is_xpu": "xpu", "is_xla": "xla", "is_ipu": "ipu",
                     "is_vulkan": "vulkan", "is_maia": "maia", "is_mtia": "mtia", "is_opencl": "opencl"}.items():  # fmt: skip
    setattr(
        Tensor,
        _name,
        property(lambda self, _kind=_kind: self.device.type == _kind, doc=f"On a device of type {_kind}."),
    )
Tensor.name = property(lambda self: None, doc="None.")
Tensor.volatile = property(lambda self: False, doc="False; see no_grad.")
Tensor.grad_dtype = property(lambda self: self.dtype, doc="The dtype of the gradient.")
del _name, _kind


@_method
def is_distributed(self):
    """False: no tensor is spread over processes."""
    return False


# ---- old names and Python's protocols


@_method
def module_load(self, other, assign=False):
    """What load_state_dict puts in the place of this parameter: other itself, or this tensor with its values."""
    return other.detach() if assign else self.copy_(other).detach()


@_method
def resize(self, *sizes):
    """reshape of as many elements, under its old name."""
    size = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    return self.reshape(tuple(size))


@_method
def resize_as(self, tensor):
    """resize to the shape of tensor."""
    return self.resize(tensor.shape)


@_method
def reinforce(self, reward):
    """Refused, as in PyTorch: use distributions and log_prob."""
    raise RuntimeError("reinforce() was removed. Use rustorch.distributions instead.")


@_method
def __array_wrap__(self, array):
    """A NumPy result as a tensor."""
    from ._tensor import as_tensor

    if array.dtype == bool:
        array = array.astype("uint8")
    return as_tensor(array)


@_method
def __setstate__(self, state):
    """Attributes of a pickled tensor."""
    self.__dict__.update(state)


def _torch_function(cls, func, types, args=(), kwargs=None):
    """Calls func and makes its tensors objects of the subclass; see rustorch.overrides."""
    from .overrides import _default

    return _default(cls, func, types, args, kwargs)


Tensor.__torch_function__ = classmethod(_torch_function)


def _part(name):
    """real or imag as an attribute: a view that can be assigned to."""
    operator = getattr(_C.ops, name)

    def get(self):
        return operator(self)

    def put(self, value):
        operator(self).copy_(value if isinstance(value, Tensor) else _C.tensor(value))

    return property(get, put, doc=f"The {name} part, a view.")


Tensor.real, Tensor.imag = _part("real"), _part("imag")


def _cuda_array_interface(self):
    raise AttributeError(f"Can't get __cuda_array_interface__ on non-CUDA tensor type: {self.type()}")


Tensor.__cuda_array_interface__ = property(_cuda_array_interface)


def _mover(kind):
    def move(self, device=None, non_blocking=False, memory_format=None):
        return self.to(kind if device is None else device)

    move.__name__, move.__doc__ = kind, f"The tensor on a device of type {kind}."
    return move


for _kind in ("xpu", "ipu", "mtia"):
    setattr(Tensor, _kind, _mover(_kind))
del _kind


@_method
def qscheme(self):
    """How the integers of a quantized tensor stand for numbers."""
    from ._quantized import scheme_of

    return scheme_of(self)


def _removed(name, instead):
    def method(self, *args, **kwargs):
        raise RuntimeError(
            f"This function was deprecated since version 1.9 and is now removed. Use linalg.{instead} instead."
        )

    method.__name__, method.__doc__ = name, f"Removed; see linalg.{instead}."
    return method


for _name, _instead in {"eig": "eig", "symeig": "eigh", "lstsq": "lstsq", "solve": "solve"}.items():
    setattr(Tensor, _name, _removed(_name, _instead))
del _name, _instead
Tensor.__div__ = Tensor.__truediv__
Tensor.__idiv__ = Tensor.__itruediv__
Tensor.__nonzero__ = Tensor.__bool__
Tensor.__long__ = Tensor.__int__


# ---- `with device("opencl"):`


def _enter_device(self):
    from .utils._device import _enter

    return _enter(self)


def _exit_device(self, *exc):
    from .utils._device import _exit

    _exit(self)


_C.device.__enter__, _C.device.__exit__ = _enter_device, _exit_device


@_method
def _is_view(self):
    return self._base is not None
