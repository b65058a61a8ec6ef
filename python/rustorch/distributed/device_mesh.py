"""Arrangements of devices of several processes, which this build does not have."""

from __future__ import annotations

from typing import Any

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """Devices of several processes as an array. RuntimeError: there are no process groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "DeviceMesh(): this build has no process groups; hint: see rustorch.distributed.is_available()"
        )


def init_device_mesh(*args: Any, **kwargs: Any) -> DeviceMesh:
    """RuntimeError: there are no process groups."""
    return DeviceMesh(*args, **kwargs)
