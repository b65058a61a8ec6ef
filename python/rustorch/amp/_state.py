"""The thread's autocast state under PyTorch's names; `rustorch` re-exports them.

Without a device type the older functions speak of CUDA, those with `cpu` in their name of the CPU.
"""

from __future__ import annotations

from rustorch import _C, dtype

_amp = _C._amp


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast is on for a type of device."""
    return _ABSENT[device_type][0] if device_type in _ABSENT else _amp.is_enabled(device_type)


def set_autocast_enabled(device_type: str | bool, enabled: bool | None = None) -> None:
    """Switch autocast for a type of device; with one bool, for CUDA."""
    if enabled is None:
        device_type, enabled = "cuda", bool(device_type)
    if device_type in _ABSENT:
        _ABSENT[str(device_type)] = bool(enabled), _ABSENT[str(device_type)][1]
    else:
        _amp.set_enabled(device_type, enabled)


def get_autocast_dtype(device_type: str) -> dtype:
    """The lower dtype of a type of device."""
    return _ABSENT[device_type][1] if device_type in _ABSENT else _amp.get_dtype(device_type)


def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Set the lower dtype of a type of device."""
    if device_type in _ABSENT:
        _ABSENT[device_type] = _ABSENT[device_type][0], dtype
    else:
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


_ABSENT: dict[str, tuple[bool, dtype]] = {
    "ipu": (False, _C.float16),
    "xla": (False, _C.bfloat16),
}  # devices of other builds


def is_autocast_ipu_enabled() -> bool:
    """Whether autocast is switched on for IPUs, of which there are none."""
    return _ABSENT["ipu"][0]


def set_autocast_ipu_enabled(enabled: bool) -> None:
    """Switch autocast for IPUs."""
    _ABSENT["ipu"] = bool(enabled), _ABSENT["ipu"][1]


def get_autocast_ipu_dtype() -> dtype:
    """The lower dtype of IPUs."""
    return _ABSENT["ipu"][1]


def set_autocast_ipu_dtype(dtype: dtype) -> None:
    """Set the lower dtype of IPUs."""
    _ABSENT["ipu"] = _ABSENT["ipu"][0], dtype


def is_autocast_xla_enabled() -> bool:
    """Whether autocast is switched on for XLA devices, of which there are none."""
    return _ABSENT["xla"][0]


def set_autocast_xla_enabled(enabled: bool) -> None:
    """Switch autocast for XLA devices."""
    _ABSENT["xla"] = bool(enabled), _ABSENT["xla"][1]


def get_autocast_xla_dtype() -> dtype:
    """The lower dtype of XLA devices."""
    return _ABSENT["xla"][1]


def set_autocast_xla_dtype(dtype: dtype) -> None:
    """Set the lower dtype of XLA devices."""
    _ABSENT["xla"] = _ABSENT["xla"][0], dtype


is_autocast_cache_enabled = _amp.is_cache_enabled
set_autocast_cache_enabled = _amp.set_cache_enabled
clear_autocast_cache = _amp.clear_cache
autocast_increment_nesting = _amp.increment_nesting
autocast_decrement_nesting = _amp.decrement_nesting
