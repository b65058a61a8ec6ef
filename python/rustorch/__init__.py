"""rustorch: a deep-learning framework with the PyTorch API on a small C++ engine.

import rustorch as torch
"""

import importlib
import math
import sys
import types as _types
from math import e, inf, nan, pi

from . import _C, _lazy, errors
from ._C import (
    Generator,
    Size,
    Tensor,
    _from_buffer,
    can_cast,
    default_generator,
    device,
    dtype,
    empty_cache,
    from_numpy,
    get_default_dtype,
    get_num_threads,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    layout,
    memory_format,
    memory_stats,
    promote_types,
    reset_peak_memory_stats,
    result_type,
    set_default_dtype,
    set_memory_limit,
    set_num_threads,
    tensor,
)

__version__ = "0.1.0"
newaxis = None

_here = globals()

# dtypes, memory formats and layouts
for _name in dir(_C):
    _value = getattr(_C, _name)
    if isinstance(_value, (dtype, memory_format, layout)):
        _here[_name] = _value

# Operators: rustorch.add, rustorch.special.erf, ...
_FUNCTIONS = {n: f for n, f in vars(_C.ops).items() if not n.startswith("__")}
for _name, _value in _FUNCTIONS.items():
    _here.setdefault(_name, _value)


def _namespace(name):
    module = _types.ModuleType(f"{__name__}.{name}")
    sys.modules[module.__name__] = module
    return module


special, linalg, fft = _namespace("special"), _namespace("linalg"), _namespace("fft")
for _prefix, _module in (("special_", special), ("linalg_", linalg), ("fft_", fft)):
    for _name, _value in _FUNCTIONS.items():
        if _name.startswith(_prefix):
            setattr(_module, _name[len(_prefix) :], _value)
for _name, _value in _C.aliases.items():
    _head, _, _tail = _name.partition(".")
    if not _tail:
        _here.setdefault(_name, _value)
    elif _head in ("special", "linalg", "fft"):
        setattr(_here[_head], _tail, _value)

linalg.LinAlgError = errors.LinAlgError
fft.Tensor = Tensor

from . import _tensor_extra  # noqa: E402, F401  adds methods to Tensor
from ._lowrank import lu, pca_lowrank, svd_lowrank  # noqa: E402
from ._products import chain_matmul, einsum, tensordot  # noqa: E402
from ._shape import nonzero  # noqa: E402
from ._tensor import (  # noqa: E402
    as_tensor,
    asarray,
    broadcast_shapes,
    from_dlpack,
    frombuffer,
    get_rng_state,
    initial_seed,
    is_complex,
    is_floating_point,
    is_nonzero,
    is_storage,
    is_tensor,
    manual_seed,
    numel,
    seed,
    set_printoptions,
    set_rng_state,
    typename,
)
from ._unique import unique, unique_consecutive  # noqa: E402
from .autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: E402

PyTensor = Tensor
PyVariable = Tensor
strided = _C.strided
legacy_contiguous_format = _C.contiguous_format


class finfo:  # noqa: N801
    """Limits of a floating-point dtype: eps, max, min, tiny, smallest_normal, resolution, bits."""

    _TABLE = {
        "float16": (2.0**-10, 65504.0, 2.0**-14, 1e-3, 16),
        "bfloat16": (2.0**-7, 3.3895313892515355e38, 2.0**-126, 1e-2, 16),
        "float32": (2.0**-23, 3.4028234663852886e38, 2.0**-126, 1e-6, 32),
        "float64": (sys.float_info.epsilon, sys.float_info.max, sys.float_info.min, 1e-15, 64),
        "float8_e4m3fn": (0.125, 448.0, 2.0**-6, 1.0, 8),
        "float8_e5m2": (0.25, 57344.0, 2.0**-14, 1.0, 8),
        "float8_e4m3fnuz": (0.125, 240.0, 2.0**-7, 1.0, 8),
        "float8_e5m2fnuz": (0.25, 57344.0, 2.0**-15, 1.0, 8),
        "float8_e8m0fnu": (1.0, 2.0**127, 2.0**-127, 1.0, 8),
    }

    def __init__(self, type=None):
        type = get_default_dtype() if type is None else type
        name = str(type.to_real()).rsplit(".", 1)[-1]
        if name == "float4_e2m1fn_x2":  # of which PyTorch tells no more
            self.bits = 8
            return
        if name not in self._TABLE:
            raise TypeError(f"finfo() requires a floating point input type. Use iinfo to handle '{name}'")
        self.dtype = name
        self.eps, self.max, self.tiny, self.resolution, self.bits = self._TABLE[name]
        self.min = self.tiny if name == "float8_e8m0fnu" else -self.max  # which has no sign
        self.smallest_normal = self.tiny

    def __getattr__(self, name):
        if name in ("dtype", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            raise NotImplementedError(f'"{name}" not implemented for this type')
        raise AttributeError(name)

    def __repr__(self):
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:  # noqa: N801
    """Limits of an integer dtype, or of the integers of a quantized one: min, max, bits."""

    _TYPES = frozenset(
        "uint8 int8 int16 int32 int64 uint16 uint32 uint64 qint8 quint8 qint32 quint4x2 quint2x4".split()
    )

    def __init__(self, type):
        name = str(type).rsplit(".", 1)[-1]
        if name not in self._TYPES:
            raise TypeError(f"iinfo() requires an integer input type. Use finfo to handle '{name}'")
        self.dtype, self.bits = name, type.itemsize * 8
        signed = not name.startswith(("u", "qu"))
        self.max = 2 ** (self.bits - signed) - 1
        self.min = -self.max - 1 if signed else 0

    def __repr__(self):
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


def get_num_interop_threads():
    """1: operators run one after the other."""
    return 1


def set_num_interop_threads(n):
    """Accepted and without effect: operators run one after the other."""
    if n <= 0:
        raise RuntimeError("Expected positive number of threads")


# Submodules load on first use, so that `import rustorch` stays quick.
_PACKAGE = __name__  # compat gives the module the name torch
_LAZY = frozenset(_lazy.MODULES.split())
_FROM = {name: module for module, names in _lazy.NAMES.items() for name in names.split()}


def __getattr__(name):
    if name in _FROM:
        value = getattr(importlib.import_module(f"{_PACKAGE}.{_FROM[name]}"), name)
    elif name in _LAZY:
        try:
            value = importlib.import_module(f"{_PACKAGE}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{_PACKAGE}.{name}":
                raise
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'") from None
    elif name.startswith("_foreach_"):
        value = getattr(importlib.import_module(f"{_PACKAGE}._foreach"), name)
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = value
    return value


def _engine_name(name):
    """A name of PyTorch's `_C` that Python gives here."""
    if name in _lazy.ENGINE:
        module, name_there = _lazy.ENGINE[name].split()
        return getattr(importlib.import_module(f"{_PACKAGE}.{module}"), name_there)
    if _FROM.get(name, "").startswith("_script"):
        return __getattr__(name)
    raise AttributeError(f"module '{_C.__name__}' has no attribute '{name}'")


_C.__getattr__ = _engine_name

del _name, _value, _prefix, _module, _head, _tail, _here
