"""OpenCL devices: rustorch.opencl.is_available(), device_count(), synchronize() ...

Tensors go there with tensor.to("opencl") or device="opencl". Operators that the backend lacks run on the CPU with one
warning each (rustorch.backends.set_fallback_policy changes that).
"""

from . import _C, random

_NAMES = {"allocated_bytes": "allocated_bytes.all.", "reserved_bytes": "reserved_bytes.all."}


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


class device:
    """with device(1): "opencl" stands for this device (an index or a device; None: nothing changes)."""

    def __init__(self, device):
        self._wanted = device
        self._before = None

    def __enter__(self):
        if self._wanted is not None:
            self._before = current_device()
            set_device(self._wanted)
        return self

    def __exit__(self, *_):
        if self._before is not None:
            set_device(self._before)
        return False


class device_of(device):
    """with device_of(tensor): "opencl" stands for the tensor's device, if it lies on one."""

    def __init__(self, obj):
        super().__init__(obj.device if obj.device.type == "opencl" else None)


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
    """Counters of the device's allocator, in bytes: the keys of rustorch.memory_stats() and, where PyTorch has the
    same counter, its own ("allocated_bytes.all.peak" ...)."""
    stats = _C.memory_stats(_device(device))
    for ours, theirs in _NAMES.items():
        stats[theirs + "current"], stats[theirs + "peak"] = stats[ours], stats["peak_" + ours]
    stats["allocation.all.allocated"], stats["allocation.all.freed"] = stats["num_allocs"], stats["num_frees"]
    stats["allocation.all.current"] = stats["num_allocs"] - stats["num_frees"]
    return stats


def memory_allocated(device=None):
    """Bytes of live tensors."""
    return memory_stats(device)["allocated_bytes"]


def max_memory_allocated(device=None):
    """The most bytes of live tensors since the start, or since reset_peak_memory_stats()."""
    return memory_stats(device)["peak_allocated_bytes"]


def memory_reserved(device=None):
    """Bytes held from the driver: live tensors and buffers that wait to be used again."""
    return memory_stats(device)["reserved_bytes"]


def max_memory_reserved(device=None):
    """The most bytes held from the driver since the start, or since reset_peak_memory_stats()."""
    return memory_stats(device)["peak_reserved_bytes"]


def mem_get_info(device=None):
    """(bytes that are free as far as this process knows, bytes of the device)."""
    total = get_device_properties(device)["total_memory"]
    return max(total - memory_reserved(device), 0), total


def memory_summary(device=None, abbreviated=False):
    """The counters as a table for people."""
    stats = memory_stats(device)
    rows = [f"{get_device_name(device)}"]
    for title, key in (("allocated", "allocated_bytes"), ("reserved", "reserved_bytes")):
        rows.append(f"{title:>10}: {stats[key]:>14,} bytes now, {stats['peak_' + key]:>14,} at most")
    if not abbreviated:
        rows.append(
            f"{'requests':>10}: {stats['num_allocs']:>14,}, {stats['cache_hits']:,} of them from waiting buffers"
        )
    return "\n".join(rows)


def reset_peak_memory_stats(device=None):
    """Makes the peaks equal to the present values."""
    _C.reset_peak_memory_stats(_device(device))


def empty_cache(device=None):
    """Gives buffers that wait to be used again back to the driver; returns the bytes."""
    return _C.empty_cache(_device(device))


def set_memory_limit(nbytes, device=None):
    """Upper bound for the bytes of live tensors; 0 for none."""
    _C.set_memory_limit(nbytes, _device(device))


def set_per_process_memory_fraction(fraction, device=None):
    """set_memory_limit() as a part of the device's memory."""
    if not isinstance(fraction, float):
        raise TypeError("Invalid type for fraction argument, must be `float`")
    if fraction < 0 or fraction > 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
    set_memory_limit(int(fraction * get_device_properties(device)["total_memory"]), device)


def kernel_families():
    """The families of operators that have kernels: {name: (calls run here, calls left to the CPU)} so far."""
    return _C._family_use("opencl")


def kernel_cache_stats():
    """Counters of the caches of compiled kernels, as a dict: hits, misses, size ... in memory, disk_hits ... on disk."""
    return _C._kernel_cache_stats("opencl")


def manual_seed(seed):
    """Seeds the random numbers of all devices: they come from one generator, as do those of the CPU."""
    random.manual_seed(seed)


manual_seed_all = manual_seed


def initial_seed():
    """The seed of the generator."""
    return random.initial_seed()


def get_rng_state(device=None):
    """State of the generator, as rustorch.get_rng_state()."""
    return random.get_rng_state()


def set_rng_state(new_state, device=None):
    """Sets it."""
    random.set_rng_state(new_state)
