"""The thread's autocast state under PyTorch's names; `rustorch` re-exports them.

Without a device type the older functions speak of CUDA, those with `cpu` in their name of the CPU.
"""

from __future__ import annotations

from collections.abc import Callable

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


def _of_absent(
    device_type: str,
) -> tuple[Callable[[], bool], Callable[[bool], None], Callable[[], dtype], Callable[[dtype], None]]:
    """The switch and the dtype of a device that is not here: functions that read and set each."""

    def is_enabled() -> bool:
        return _ABSENT[device_type][0]

    def set_enabled(enabled: bool) -> None:
        set_autocast_enabled(device_type, bool(enabled))

    def get_dtype() -> dtype:
        return _ABSENT[device_type][1]

    def set_dtype(dtype: dtype) -> None:
        set_autocast_dtype(device_type, dtype)

    device = device_type.upper()
    for function, name, doc in (
        (is_enabled, f"is_autocast_{device_type}_enabled", f"Whether autocast is switched on for {device} devices."),
        (set_enabled, f"set_autocast_{device_type}_enabled", f"Switch autocast for {device} devices."),
        (get_dtype, f"get_autocast_{device_type}_dtype", f"The lower dtype of {device} devices."),
        (set_dtype, f"set_autocast_{device_type}_dtype", f"Set the lower dtype of {device} devices."),
    ):
        function.__name__ = function.__qualname__ = name
        function.__doc__ = doc
    return is_enabled, set_enabled, get_dtype, set_dtype


is_autocast_ipu_enabled, set_autocast_ipu_enabled, get_autocast_ipu_dtype, set_autocast_ipu_dtype = _of_absent("ipu")
is_autocast_xla_enabled, set_autocast_xla_enabled, get_autocast_xla_dtype, set_autocast_xla_dtype = _of_absent("xla")

is_autocast_cache_enabled = _amp.is_cache_enabled
set_autocast_cache_enabled = _amp.set_cache_enabled
clear_autocast_cache = _amp.clear_cache
autocast_increment_nesting = _amp.increment_nesting
autocast_decrement_nesting = _amp.decrement_nesting
