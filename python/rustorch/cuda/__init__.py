"""CUDA devices. This build has none: questions are answered, what needs a device raises."""

import contextlib
import importlib

_MESSAGE = "this build of rustorch has no CUDA devices; use device='cpu' or 'opencl'"


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def is_initialized():
    """False."""
    return False


def is_bf16_supported(including_emulation=True):
    """False."""
    return False


def _refuse(*args, **kwargs):
    raise RuntimeError(_MESSAGE)


init = current_device = get_device_name = get_device_properties = get_device_capability = _refuse
ipc_collect = reset_peak_memory_stats = get_rng_state = get_rng_state_all = set_rng_state = stream = _refuse
synchronize = current_stream = default_stream = set_device = mem_get_info = _refuse


class Stream:
    """A queue of a device's work. RuntimeError: there is no device."""

    def __init__(self, *args, **kwargs):
        _refuse()


class Event(Stream):
    """A mark in a queue. RuntimeError: there is no device."""


class StreamContext(Stream):
    """A queue as the current one. RuntimeError: there is no device."""


class ExternalStream(Stream):
    """A queue that another library made. RuntimeError: there is no device."""


class CUDAGraph(Stream):
    """Recorded work of a device. RuntimeError: there is no device."""


class graph(Stream):  # noqa: N801
    """Records work of a device. RuntimeError: there is no device."""


def manual_seed(seed):
    """Ignored, as wherever there is no device."""


def manual_seed_all(seed):
    """Ignored, as wherever there is no device."""


def empty_cache():
    """Nothing to give back."""


def memory_allocated(device=None):
    """0."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def get_arch_list():
    """No architectures."""
    return []


@contextlib.contextmanager
def device(device):
    """A CUDA device as the current one; None and negative numbers change nothing."""
    if device is None or (isinstance(device, int) and device < 0):
        yield
        return
    _refuse()


def __getattr__(name):
    if name in ("amp", "memory", "nvtx", "random", "streams"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
