"""Tensors that lie on the devices of several processes: none are made in this build."""

from __future__ import annotations

from typing import Any

from rustorch import Tensor

from ..device_mesh import DeviceMesh, init_device_mesh

__all__ = ["DTensor", "DeviceMesh", "distribute_tensor", "init_device_mesh"]


class DTensor(Tensor):
    """A tensor that lies on several devices; none are made."""


def distribute_tensor(*args: Any, **kwargs: Any) -> DTensor:
    """RuntimeError: there are no process groups."""
    raise RuntimeError("distribute_tensor(): this build has no process groups; hint: see rustorch.distributed.is_available()")
