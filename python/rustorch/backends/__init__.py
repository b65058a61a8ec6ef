"""What runs tensors: the devices that were found, and what happens to operators that a device lacks."""

import importlib

from .. import _C

_TYPES = ("cpu", "cuda", "mps", "opencl", "webgpu")


def is_available(device_type):
    """Whether tensors can be made on devices of this type ("cpu", "opencl", ...)."""
    return _C._device_count(device_type) > 0


def is_built(device_type):
    """Whether this build can use devices of this type, where there are any."""
    return _C._is_built(device_type)


def devices():
    """All devices, the CPU first."""
    found = [_C.device("cpu")]
    for kind in _TYPES[1:]:
        found += [_C.device(f"{kind}:{i}") for i in range(_C._device_count(kind))]
    return found


def capabilities(device):
    """What a device can do, as a dict."""
    return _C._device_capabilities(device)


def auto_select():
    """The best device: a GPU with its own memory, another GPU, else the CPU."""
    return _C._auto_select()


def fallback_policy():
    """What happens to operators that a device lacks: "warn" (run on the CPU, one warning each), "silent" or "refuse"."""
    return _C._fallback_policy()


def set_fallback_policy(policy):
    """Sets it to "warn", "silent" or "refuse"."""
    _C._set_fallback_policy(policy)


def fallback_count():
    """How many operators have run on the CPU instead of their device."""
    return _C._fallback_count()


_MODULES = frozenset(("cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"))


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__():
    return sorted({*globals(), *_MODULES})
