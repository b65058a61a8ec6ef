"""The accelerator of this machine, whichever it is: an OpenCL device, or none."""

from __future__ import annotations

from typing import Any

from . import _C, opencl

__all__ = [
    "current_accelerator", "current_device_idx", "current_device_index", "device_count", "empty_cache", "is_available",
    "memory_stats", "set_device_idx", "set_device_index", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """Whether there is one."""
    return opencl.is_available()


def device_count() -> int:
    """Number of its devices."""
    return opencl.device_count()


def current_accelerator(check_available: bool = False) -> Any:
    """The device type as a device; None when there is no accelerator."""
    return _C.device("opencl") if opencl.is_available() else None


def current_device_index() -> int:
    """Index of the device in use."""
    return opencl.current_device()


def set_device_index(device: Any) -> None:
    """Chooses the device to use."""
    opencl.set_device(device)


def synchronize(device: Any = None) -> None:
    """Waits for all work of the device."""
    if is_available():
        opencl.synchronize(device)


def empty_cache() -> None:
    """Gives free memory back to the system."""
    _C.empty_cache()


def memory_stats(device_index: Any = None) -> Any:
    """Counters of the device's allocator, in bytes."""
    return opencl.memory_stats(device_index)


current_device_idx, set_device_idx = current_device_index, set_device_index
