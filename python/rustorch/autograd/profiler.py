"""The former place of the profiler."""

from __future__ import annotations

from typing import Any

from rustorch.profiler import EventList, FunctionEvent, FunctionEventAvg, Interval, record_function
from rustorch.profiler import profile as _profile

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval", "emit_itt", "emit_nvtx", "profile",
           "record_function"]  # fmt: skip


class profile(_profile):  # noqa: N801
    """Records what happens inside `with`; enabled=False records nothing."""

    def __init__(
        self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None, record_shapes: bool = False,
        with_flops: bool = False, profile_memory: bool = False, with_stack: bool = False, with_modules: bool = False,
        **other: Any,
    ) -> None:  # fmt: skip
        super().__init__(record_shapes=record_shapes, profile_memory=profile_memory)
        self.enabled = enabled

    def start(self) -> None:
        if self.enabled:
            super().start()

    def stop(self) -> None:
        if self.enabled:
            super().stop()


class emit_nvtx:  # noqa: N801
    """Marks for NVIDIA's tools. There are none here, so only enabled=False is possible."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled = enabled

    def __enter__(self) -> emit_nvtx:
        if self.enabled:
            raise RuntimeError(f"{type(self).__name__}: this build does not speak to that tool; hint: profile()")
        return self

    def __exit__(self, *error: object) -> None:
        return None


class emit_itt(emit_nvtx):  # noqa: N801
    """Marks for Intel's tools; as emit_nvtx."""
