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


def memory_stats(device=None):
    """Counters of the device's allocator, in bytes; the keys are those of rustorch.memory_stats()."""
    return _C.memory_stats(_device(device))


def memory_allocated(device=None):
    """Bytes of live tensors."""
    return memory_stats(device)["allocated_bytes"]


def max_memory_allocated(device=None):
    """The most bytes of live tensors since the start, or since reset_peak_memory_stats()."""
    return memory_stats(device)["peak_allocated_bytes"]


def memory_reserved(device=None):
    """Bytes held from the driver: live tensors and buffers that wait to be used again."""
    return memory_stats(device)["reserved_bytes"]


def reset_peak_memory_stats(device=None):
    """Makes the peaks equal to the present values."""
    _C.reset_peak_memory_stats(_device(device))


def empty_cache(device=None):
    """Gives buffers that wait to be used again back to the driver; returns the bytes."""
    return _C.empty_cache(_device(device))


def set_memory_limit(nbytes, device=None):
    """Upper bound for the bytes of live tensors; 0 for none."""
    _C.set_memory_limit(nbytes, _device(device))


def kernel_families():
    """The families of operators that have kernels: {name: (calls run here, calls left to the CPU)} so far."""
    return _C._family_use("opencl")


def kernel_cache_stats():
    """Counters of the caches of compiled kernels, as a dict: hits, misses, size ... in memory, disk_hits ... on disk."""
    return _C._kernel_cache_stats("opencl")
