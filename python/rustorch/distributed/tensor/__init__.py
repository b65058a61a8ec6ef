"""Tensors that lie on the devices of several processes: none are made in this build."""

from __future__ import annotations

import dataclasses
from typing import Any

from rustorch import Tensor

from ..device_mesh import DeviceMesh, init_device_mesh

__all__ = [
    "DTensor",
    "DeviceMesh",
    "Partial",
    "Placement",
    "Replicate",
    "Shard",
    "distribute_tensor",
    "init_device_mesh",
]


class Placement:
    """How a tensor lies along one dimension of a mesh of devices."""

    def is_shard(self, dim: int | None = None) -> bool:
        """Whether each device has a slice, of dimension `dim` where one is given."""
        return isinstance(self, Shard) and dim in (None, self.dim)

    def is_replicate(self) -> bool:
        """Whether each device has all of it."""
        return isinstance(self, Replicate)

    def is_partial(self) -> bool:
        """Whether each device has a summand."""
        return isinstance(self, Partial)


@dataclasses.dataclass(frozen=True)
class Replicate(Placement):
    """Each device has the whole tensor."""


@dataclasses.dataclass(frozen=True)
class Shard(Placement):
    """Each device has a slice of dimension `dim`."""

    dim: int


@dataclasses.dataclass(frozen=True)
class Partial(Placement):
    """Each device has a tensor of which reduce_op makes the whole."""

    reduce_op: str = "sum"


class DTensor(Tensor):
    """A tensor that lies on several devices; none are made."""


def distribute_tensor(*args: Any, **kwargs: Any) -> DTensor:
    """RuntimeError: there are no process groups."""
    raise RuntimeError(
        "distribute_tensor(): this build has no process groups; hint: see rustorch.distributed.is_available()"
    )
