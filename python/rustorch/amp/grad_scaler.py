"""GradScaler: losses are multiplied by a scale so that small float16 gradients do not vanish.

The scale grows while gradients stay finite and shrinks when one does not; a step with an infinite gradient is
skipped. State is kept as PyTorch keeps it, so that state_dict is exchanged with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from enum import Enum
from typing import Any

import rustorch as rt
from rustorch import Tensor


class OptState(Enum):
    """What happened to an optimizer since the last update()."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


class _PerOptimizer:
    __slots__ = ("found_inf", "stage")

    def __init__(self) -> None:
        self.stage = OptState.READY
        self.found_inf: float | None = None


class GradScaler:
    """Scales losses and unscales gradients around an optimizer's step.

        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    The scale starts at `init_scale`, is multiplied by `growth_factor` after `growth_interval` finite steps in a
    row and by `backoff_factor` after one that was not. With `enabled=False` every method passes through.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = device
        self._enabled = enabled
        if enabled and device == "cuda":
            cuda = getattr(rt, "cuda", None)
            if cuda is None or not cuda.is_available():
                warnings.warn("GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2)
                self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale = init_scale
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._init_growth_tracker = 0
        self._scale: Tensor | None = None
        self._growth_tracker: Tensor | None = None
        self._states: dict[int, _PerOptimizer] = {}

    def _ready_scale(self, what: str) -> Tensor:
        if self._scale is None:
            raise AssertionError(
                f"Attempted {what} but _scale is None.  This may indicate your script did not use "
                "scaler.scale(loss or outputs) earlier in the iteration."
            )
        return self._scale

    def _scale_on(self, device: Any) -> Tensor:
        if self._scale is None:
            self._scale = rt.full((), self._init_scale, dtype=rt.float32, device=device)
            self._growth_tracker = rt.full((), self._init_growth_tracker, dtype=rt.int32, device=device)
        return self._scale.to(device)

    def scale(self, outputs: Any) -> Any:
        """A tensor, or tensors in (nested) iterables, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale_on(outputs.device)
        if isinstance(outputs, Iterable):
            items = map(self.scale, outputs)
            return type(outputs)(items) if isinstance(outputs, (list, tuple)) else items
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _state(self, optimizer: Any) -> _PerOptimizer:
        return self._states.setdefault(id(optimizer), _PerOptimizer())

    def _unscale(self, optimizer: Any, inverse: float, allow_fp16: bool) -> float:
        """Multiplies the gradients; 1.0 when one of them is not finite, else 0.0."""
        found = 0.0
        with rt.no_grad():
            for group in optimizer.param_groups:
                for p in group["params"]:
                    grad = p.grad
                    if grad is None:
                        continue
                    if grad.dtype == rt.float16 and not allow_fp16:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    if not bool(rt.isfinite(grad).all()):
                        found = 1.0
                    if inverse != 1.0:
                        grad.mul_(inverse)
        return found

    def unscale_(self, optimizer: Any) -> None:
        """Divide the optimizer's gradients by the scale, once between two updates; step() does it otherwise."""
        if not self._enabled:
            return
        scale = self._ready_scale("unscale_")
        state = self._state(optimizer)
        if state.stage is OptState.UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if state.stage is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        inverse = float(scale.double().reciprocal().float())
        state.found_inf = self._unscale(optimizer, inverse, False)
        state.stage = OptState.UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(*args, **kwargs) with unscaled gradients, unless one of them is infinite or nan."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._ready_scale("step")
        state = self._state(optimizer)
        if state.stage is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if state.stage is OptState.READY:
            self.unscale_(optimizer)
        if not any(p.grad is not None for group in optimizer.param_groups for p in group["params"]):
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None if state.found_inf else optimizer.step(*args, **kwargs)
        state.stage = OptState.STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Set the scale for the next iteration: from what the steps found, or to `new_scale`."""
        if not self._enabled:
            return
        scale = self._ready_scale("update")
        tracker = self._growth_tracker
        assert tracker is not None
        if isinstance(new_scale, Tensor):
            if new_scale.dtype != rt.float32 or new_scale.numel() != 1 or new_scale.requires_grad:
                raise AssertionError(
                    "new_scale should be a float or a 1-element float32 tensor with requires_grad=False."
                )
            scale.copy_(new_scale.reshape(()))
        elif new_scale is not None:
            scale.fill_(float(new_scale))
        else:
            found = [s.found_inf for s in self._states.values() if s.found_inf is not None]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(found):
                scale.mul_(self._backoff_factor)
                tracker.zero_()
            else:
                self._grow(scale, tracker)
        self._states.clear()

    def _grow(self, scale: Tensor, tracker: Tensor) -> None:
        successful = int(tracker) + 1
        if successful < self._growth_interval:
            tracker.fill_(successful)
            return
        grown = scale * self._growth_factor
        if bool(rt.isfinite(grown)):
            scale.copy_(grown)
        tracker.zero_()

    def get_scale(self) -> float:
        """The scale: 1.0 when disabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else float(self._scale)

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by to grow."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by to grow."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after an infinite gradient."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by after an infinite gradient."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """Finite steps in a row before the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set the finite steps in a row before the scale grows."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else int(self._growth_tracker)

    def is_enabled(self) -> bool:
        """Whether this scaler does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Scale, factors, interval and counter; empty when disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what state_dict() gave."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._init_growth_tracker = state_dict["_growth_tracker"]
        if self._scale is not None:
            self._scale.fill_(self._init_scale)
        if self._growth_tracker is not None:
            self._growth_tracker.fill_(self._init_growth_tracker)

    def _check_inf_per_device(self, optimizer: Any) -> dict[Any, Tensor]:
        """{device: 1.0 or 0.0}: whether the scaled gradients have an infinity; they stay as they are."""
        scale = self._ready_scale("_check_inf_per_device")
        self._state(optimizer).found_inf = self._unscale(optimizer, 1.0, True)
        return self._found_inf_per_device(optimizer) or {scale.device: rt.zeros(())}

    def _found_inf_per_device(self, optimizer: Any) -> dict[Any, Tensor]:
        found = self._state(optimizer).found_inf
        return {} if found is None else {self._ready_scale("update").device: rt.tensor(found)}

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._enabled:
            if self._states:
                raise AssertionError(
                    "A GradScaler instance may only be pickled at the beginning of an iteration, or at the end "
                    "after scaler.update()."
                )
            state["_init_scale"] = self.get_scale()
            state["_init_growth_tracker"] = self._get_growth_tracker()
            state["_scale"] = state["_growth_tracker"] = None
        return state
