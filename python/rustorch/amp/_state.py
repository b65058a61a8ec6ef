"""The thread's autocast state under PyTorch's names; `rustorch` re-exports them.

Without a device type the older functions speak of CUDA, those with `cpu` in their name of the CPU.
"""

from __future__ import annotations

from rustorch import _C, dtype

_amp = _C._amp


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast is on for a type of device."""
    return _amp.is_enabled(device_type)


def set_autocast_enabled(device_type: str | bool, enabled: bool | None = None) -> None:
    """Switch autocast for a type of device; with one bool, for CUDA."""
    if enabled is None:
        device_type, enabled = "cuda", bool(device_type)
    _amp.set_enabled(device_type, enabled)


def get_autocast_dtype(device_type: str) -> dtype:
    """The lower dtype of a type of device."""
    return _amp.get_dtype(device_type)


def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Set the lower dtype of a type of device."""
    _amp.set_dtype(device_type, dtype)


def is_autocast_cpu_enabled() -> bool:
    """Whether autocast is on for the CPU."""
    return _amp.is_enabled("cpu")


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """Switch autocast for the CPU."""
    _amp.set_enabled("cpu", enabled)


def get_autocast_cpu_dtype() -> dtype:
    """The lower dtype of the CPU."""
    return _amp.get_dtype("cpu")


def set_autocast_cpu_dtype(dtype: dtype) -> None:
    """Set the lower dtype of the CPU."""
    _amp.set_dtype("cpu", dtype)


def get_autocast_gpu_dtype() -> dtype:
    """The lower dtype of CUDA devices."""
    return _amp.get_dtype("cuda")


def set_autocast_gpu_dtype(dtype: dtype) -> None:
    """Set the lower dtype of CUDA devices."""
    _amp.set_dtype("cuda", dtype)


is_autocast_cache_enabled = _amp.is_cache_enabled
set_autocast_cache_enabled = _amp.set_cache_enabled
clear_autocast_cache = _amp.clear_cache
autocast_increment_nesting = _amp.increment_nesting
autocast_decrement_nesting = _amp.decrement_nesting
