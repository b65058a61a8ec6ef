"""autocast as a context or decorator, and what custom autograd functions need to live under it."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import rustorch as rt
from rustorch import Tensor

from . import _state

_DEVICES = ("cpu", "cuda", "opencl", "metal", "webgpu")
_LOWER = (rt.bfloat16, rt.float16)


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast knows the type of device."""
    return device_type in _DEVICES


def _cuda_is_missing() -> bool:
    cuda = getattr(rt, "cuda", None)
    return cuda is None or not cuda.is_available()


class autocast:  # noqa: N801
    """While entered, operators on tensors of `device_type` choose their dtypes: see docs/amp.md.

    Products and convolutions run in `dtype` (bfloat16 unless told otherwise), losses and delicate operators in
    float32. Also a decorator. `enabled=False` inside another autocast switches it off for the block.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = device_type
        self.fast_dtype = _state.get_autocast_dtype(device_type) if dtype is None else dtype
        if enabled and device_type == "cuda" and _cuda_is_missing():
            warnings.warn("CUDA is not available. Disabling autocast.", stacklevel=2)
            enabled = False
        elif enabled and self.fast_dtype not in _LOWER:
            name = device_type.upper()
            warnings.warn(
                f"In {name} autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"{name} Autocast only supports dtypes of {', '.join(map(str, _LOWER))} currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._cache_enabled = _state.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        self._before: list[tuple[bool, Any, bool]] = []

    def __enter__(self) -> autocast:
        before = (
            _state.is_autocast_enabled(self.device),
            _state.get_autocast_dtype(self.device),
            _state.is_autocast_cache_enabled(),
        )
        self._before.append(before)
        _state.set_autocast_enabled(self.device, self._enabled)
        if self._enabled:
            _state.set_autocast_dtype(self.device, self.fast_dtype)
        _state.autocast_increment_nesting()
        _state.set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, *exc: Any) -> None:
        enabled, dtype, cache = self._before.pop()
        _state.autocast_decrement_nesting()
        _state.set_autocast_enabled(self.device, enabled)
        _state.set_autocast_dtype(self.device, dtype)
        _state.set_autocast_cache_enabled(cache)

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def with_autocast(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return with_autocast


def _cast(value: Any, device_type: str, dtype: Any) -> Any:
    """`value` with its floating-point tensors of the device (not float64) converted, through containers."""
    if isinstance(value, Tensor):
        wanted = value.is_floating_point() and value.device.type == device_type and value.dtype != rt.float64
        return value.to(dtype) if wanted else value
    if isinstance(value, (str, bytes)) or type(value).__module__ == "numpy":
        return value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, Iterable):
        items = (_cast(v, device_type, dtype) for v in value)
        return type(value)(items) if isinstance(value, (list, tuple)) else items
    return value


def _check_device(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """Decorates forward() of an autograd Function.

    With `cast_inputs` the inputs are converted to that dtype and forward runs without autocast; otherwise it runs
    in the state it is called in, and backward(), decorated with `custom_bwd`, in the same.
    """
    _check_device(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorate_fwd(*args: Any, **kwargs: Any) -> Any:
        ctx = args[0]
        ctx._dtype = _state.get_autocast_dtype(device_type)
        active = _state.is_autocast_enabled(device_type)
        ctx._fwd_used_autocast = active and cast_inputs is None
        if cast_inputs is None or not active:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            args = tuple(_cast(a, device_type, cast_inputs) for a in args[1:])
            return fwd(ctx, *args, **_cast(kwargs, device_type, cast_inputs))

    return decorate_fwd


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """Decorates backward() of an autograd Function: it runs in the autocast state of its forward()."""
    _check_device(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorate_bwd(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorate_bwd
