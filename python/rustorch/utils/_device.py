"""Default devices: set_default_device("opencl"), or `with device("opencl"):` for a block.

A mode (see rustorch.overrides) that fills in the device of functions that make tensors; it holds for the thread.
"""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import _C
from rustorch.overrides import TorchFunctionMode, _modes, _set_modes

__all__ = ["DeviceContext", "get_default_device", "set_default_device"]
_MAKERS = frozenset(  # names of the operators that make tensors
    "arange bartlett_window blackman_window empty empty_permuted empty_strided eye fft_fftfreq fft_rfftfreq full hamming_window hann_window kaiser_window linspace logspace ones rand randint randn "
    "randperm range scalar_tensor tensor tril_indices triu_indices zeros".split()
)


class DeviceContext(TorchFunctionMode):
    """Inside, tensors are made on a device unless the call names one."""

    def __init__(self, device: Any) -> None:
        self.device = _C.device(device)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", None) in _MAKERS and kwargs.get("device") is None:
            kwargs["device"] = self.device
        return func(*args, **kwargs)


def _lowest() -> DeviceContext | None:
    """The context that set_default_device() made: it lies below all other modes."""
    stack = _modes.stack
    return stack[0] if stack and getattr(stack[0], "is_default", False) else None


def set_default_device(device: Any) -> None:
    """The device of tensors from functions that are not told one, in this thread; None stands for the CPU.

    Every call goes through Python then, which costs about a microsecond.
    """
    context = None if device is None else DeviceContext(device)
    if _lowest() is not None:
        _modes.stack.pop(0)
    if context is not None and context.device.type != "cpu":
        context.is_default = True  # type: ignore[attr-defined]
        _modes.stack.insert(0, context)
    _set_modes(len(_modes.stack))


def get_default_device() -> rt.device:
    """The device of tensors from functions that are not told one."""
    for mode in reversed(_modes.stack):
        if isinstance(mode, DeviceContext):
            return mode.device
    return _C.device("cpu")


def _enter(self: Any) -> Any:
    context = DeviceContext(self)
    context.__enter__()
    return self


def _exit(self: Any, *exc: Any) -> None:
    _modes.stack.pop()
    _set_modes(len(_modes.stack))
