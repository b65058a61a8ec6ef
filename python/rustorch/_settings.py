"""Settings of the package and what can be asked about it."""

import math
import os
import warnings

from . import _C
from .errors import RusTorchError

_deterministic = {"mode": 0, "warn_only": False}
_precision = "highest"
_warn_always = False
_compile_warned = False


def get_device_module(device=None):
    """The module of a kind of device, as rustorch.cuda."""
    import importlib

    from .utils._device import get_default_device

    kind = get_default_device().type if device is None else _C.device(str(device)).type
    try:
        return importlib.import_module(f"rustorch.{kind}")
    except ModuleNotFoundError:
        raise RuntimeError(f"Invalid device string or no module for it: '{kind}'") from None


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Asks for deterministic algorithms. Every algorithm here is: the answer of the questions below changes, no result."""
    _deterministic.update(mode=2 if mode else 0, warn_only=bool(warn_only))


def are_deterministic_algorithms_enabled():
    """Whether deterministic algorithms were asked for; every algorithm here is, whatever the answer."""
    return _deterministic["mode"] > 0


def is_deterministic_algorithms_warn_only_enabled():
    """What warn_only of use_deterministic_algorithms() was."""
    return _deterministic["mode"] > 0 and _deterministic["warn_only"]


def get_deterministic_debug_mode():
    """0 default, 1 warn, 2 error."""
    return 0 if _deterministic["mode"] == 0 else 1 if _deterministic["warn_only"] else 2


def set_deterministic_debug_mode(debug_mode):
    """Sets it: 0 or "default", 1 or "warn", 2 or "error"."""
    names = {"default": 0, "warn": 1, "error": 2}
    mode = names.get(debug_mode, debug_mode)
    if mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}"
        )
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


def get_float32_matmul_precision():
    """ "highest": products of float32 matrices are computed in float32 here, whatever was asked for."""
    return _precision


def set_float32_matmul_precision(precision):
    """Allows products of float32 matrices to be less precise; the engine does not make use of it."""
    global _precision
    if precision not in ("highest", "high", "medium"):
        warnings.warn(f"{precision} is not one of 'highest', 'high', and 'medium'; nothing is changed", stacklevel=2)
        return
    _precision = precision


def set_flush_denormal(mode):
    """False, for "cannot be set": denormal numbers are always kept."""
    return False


def set_warn_always(b):
    """Whether a warning that is given once per program is to be given every time."""
    global _warn_always
    _warn_always = bool(b)


def is_warn_always_enabled():
    """What set_warn_always() said."""
    return _warn_always


def compiled_with_cxx11_abi():
    """True."""
    return True


def is_distributed(input):
    """False: no tensor is spread over processes."""
    return False


def is_vulkan_available():
    """False."""
    return False


def init_num_threads():
    """Sets the number of threads to that of the machine's cores."""
    _C.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def compile(model=None, *, fullgraph=False, dynamic=None, backend=None, mode=None, options=None, disable=False):
    """The function itself, or the module in an OptimizedModule: there is no compiler yet and operators run eagerly, which
    it warns of once (not with backend="eager" or disable=True, which ask for that). Also a decorator with arguments."""
    global _compile_warned
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode is not None and mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(_MODES)}")
    if isinstance(backend, str) and backend not in _BACKENDS:
        raise RuntimeError(f"Invalid backend: {backend!r}. See `torch._dynamo.list_backends()` for available backends.")
    if not (_compile_warned or disable or backend == "eager"):
        _compile_warned = True
        warnings.warn("compile(): operators run eagerly; the function is not compiled", stacklevel=2)
    return _compiled if model is None else _compiled(model)


_MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
# Names that programs give; all run eagerly.
_BACKENDS = frozenset(("eager", "aot_eager", "aot_eager_decomp_partition", "inductor", "cudagraphs", "tvm", "openxla", "onnxrt", "ts", "ipex"))  # fmt: skip


def _compiled(model):
    from .nn import Module

    if not isinstance(model, Module):
        return model
    from ._dynamo.eval_frame import OptimizedModule

    return model if isinstance(model, OptimizedModule) else OptimizedModule(model)


def from_file(filename, shared=None, size=0, *, dtype=None, device=None, requires_grad=False):
    """A tensor of size elements read from a file; with shared=True over the file itself, which is made long enough."""
    import mmap

    dtype = dtype or _C.get_default_dtype()
    length = size * dtype.itemsize
    with open(filename, "r+b" if shared else "rb") as f:
        have = os.fstat(f.fileno()).st_size
        if shared and have < length:
            f.truncate(length)
        elif have < length:
            raise RuntimeError(f"from_file(): file '{filename}' has {have} bytes; expected {length}")
        if length == 0:
            return _C.ops.empty((0,), dtype=dtype)
        memory = mmap.mmap(f.fileno(), length, access=mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY)
    t = _C._from_buffer(memory).view(dtype)
    return t.requires_grad_(True) if requires_grad else t


def is_same_size(input, other):
    """Same shape."""
    return input.shape == other.shape


def is_conj(input):
    """False: conjugates are computed."""
    return input.is_conj()


def is_neg(input):
    """False: negatives are computed."""
    return input.is_neg()


def is_inference(input):
    """Made in inference mode."""
    return input.is_inference()


def is_signed(input):
    """Whether the dtype has negative values."""
    return input.is_signed()


def get_device(input):
    """Index of the device, -1 on the CPU."""
    return input.get_device()


def detach(input):
    """The same elements without history."""
    return input.detach()


def detach_(input):
    """Cuts input off its history."""
    return input.detach_()


def to_dlpack(tensor):
    """The tensor as a DLPack capsule."""
    return tensor.__dlpack__()


class SymInt:
    """A size that is not known yet. Sizes here always are, so there are no instances: isinstance() says False."""

    def __new__(cls, *args):
        raise TypeError(f"{cls.__name__}: sizes are plain numbers here")


class SymFloat(SymInt):
    """A number that is not known yet; there are no instances."""


class SymBool(SymInt):
    """A condition that is not known yet; there are no instances."""


def _sym(name, f):
    def function(*args):
        return f(*args)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{f.__name__}() of plain numbers."
    return function


def sym_not(a):
    """not a."""
    return not a


def sym_ite(b, t, f):
    """t if b else f."""
    return t if b else f


def sym_sum(args):
    """Sum of a list of numbers."""
    return sum(args)


sym_int, sym_float, sym_max, sym_min = (
    _sym("sym_int", int),
    _sym("sym_float", float),
    _sym("sym_max", max),
    _sym("sym_min", min),
)
sym_sqrt = _sym("sym_sqrt", math.sqrt)
has_lapack = True
has_mkl = False
has_openmp = False
has_spectral = True
AcceleratorError = RusTorchError


def set_anomaly_enabled(enabled, check_nan=True):
    """Switches the search for the operator whose gradient has a nan; check_nan=False leaves gradients unchecked."""
    _C._set_anomaly(bool(enabled and check_nan))


def is_anomaly_check_nan_enabled():
    """Whether gradients are checked for nan."""
    return _C.is_anomaly_enabled()
