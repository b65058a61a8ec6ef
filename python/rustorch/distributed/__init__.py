"""Whether several processes can work together: not in this build. Programs that ask first (is_available,
is_initialized) run on in one process. The functions of a process group are there to be imported; a call says that there
is no group, as in PyTorch before init_process_group.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["ProcessGroup", "ReduceOp", "Work", "group", "is_available", "is_backend_available", "is_gloo_available",
           "is_initialized", "is_mpi_available", "is_nccl_available", "is_torchelastic_launched"]  # fmt: skip


def is_available() -> bool:
    """False: there are no process groups."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_gloo_available() -> bool:
    """False."""
    return False


def is_mpi_available() -> bool:
    """False."""
    return False


def is_nccl_available() -> bool:
    """False."""
    return False


def is_torchelastic_launched() -> bool:
    """False."""
    return False


def is_backend_available(backend: str) -> bool:
    """False."""
    return False


class ReduceOp(enum.Enum):
    """How values of several processes are combined."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8


class ProcessGroup:
    """Processes that work together; none are made."""


class Work:
    """A communication under way; none are begun."""


class group:  # noqa: N801
    """The group of all processes: there is none."""

    WORLD: ProcessGroup | None = None


def _needs_group(name: str) -> Callable[..., NoReturn]:
    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise ValueError(
            f"{name}(): Default process group has not been initialized; this build cannot make one; hint: ask "
            "rustorch.distributed.is_available() first"
        )

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "ValueError: there is no process group."
    return function


_COLLECTIVE = (
    "all_gather all_gather_into_tensor all_gather_object all_reduce all_to_all all_to_all_single barrier "
    "batch_isend_irecv broadcast broadcast_object_list destroy_process_group gather gather_object "
    "get_backend get_rank get_world_size init_process_group irecv isend monitored_barrier new_group recv "
    "reduce reduce_scatter reduce_scatter_tensor scatter scatter_object_list send"
)
for _name in _COLLECTIVE.split():
    globals()[_name] = _needs_group(_name)
__all__ += _COLLECTIVE.split()
del _name


def __getattr__(name: str) -> Any:
    if name in ("device_mesh", "nn", "tensor"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
