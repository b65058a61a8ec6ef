"""OpenCL devices: rustorch.opencl.is_available(), device_count(), synchronize() ...

Tensors go there with tensor.to("opencl") or device="opencl". Operators that the backend lacks run on the CPU with one
warning each (rustorch.backends.set_fallback_policy changes that).
"""

from . import _C


def _device(device):
    if device is None:
        return "opencl"
    return f"opencl:{device}" if isinstance(device, int) else device


def is_available():
    """Whether there is an OpenCL device (and this build has the backend)."""
    return device_count() > 0


def device_count():
    """Number of OpenCL devices."""
    return _C._device_count("opencl")


def unavailable_reason():
    """Why there is no OpenCL device; empty when there is one."""
    return _C._unavailable_reason("opencl")


def current_device():
    """Index of the device that "opencl" stands for in this thread."""
    return _C._current_device("opencl").index


def set_device(device):
    """Makes "opencl" stand for this device (an index or a device) in this thread."""
    _C._set_current_device(_device(device))


def get_device_name(device=None):
    """The driver's name of the device."""
    return _C._device_capabilities(_device(device))["name"]


def get_device_properties(device=None):
    """What the device can do, as a dict: name, total_memory (bytes), is_gpu, float64, ..."""
    return _C._device_capabilities(_device(device))


def synchronize(device=None):
    """Waits for all work of the device."""
    _C._synchronize(_device(device))
