"""Forward mode: dual tensors, which carry the derivative along one direction through every operation.

with dual_level():
    y = f(make_dual(x, v))
    value, tangent = unpack_dual(y)  # f(x) and J v
"""

from __future__ import annotations

from typing import NamedTuple

from .. import _C
from .._C import Tensor
from .grad_mode import _Mode

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]

_depths: list[int] = []  # depth of the transform stack for each dual level entered here


class UnpackedDualTensor(NamedTuple):
    """A value and its derivative (None when it does not depend)."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Start a level; gives its number, from 0."""
    _depths.append(_C._enter_dual_level())
    return len(_depths) - 1


def exit_dual_level(*, level: int | None = None) -> None:
    """End the last level: its tangents are gone."""
    last = len(_depths) - 1
    if last < 0 or (level is not None and level != last):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    if _C._transform_depth() != _depths[-1]:
        raise RuntimeError("Trying to exit a forward AD level from inside of a function transform that it contains.")
    _depths.pop()
    _C._exit_level()


def _depth(level: int) -> int:
    if level >= len(_depths):
        raise RuntimeError(f"There is no forward AD level {level}.")
    return _depths[level]


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A tensor on the data of `tensor` with this derivative. Differentiable."""
    if level is None:
        level = len(_depths) - 1
    if level < 0:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    return _C._make_dual(tensor, tangent, _depth(level))


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value and the derivative of a dual tensor. Differentiable."""
    if level is None:
        level = len(_depths) - 1
    if level < 0:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(*_C._unpack_dual(tensor, _depth(level)))


class dual_level(_Mode):  # noqa: N801
    """A level for the time of a `with` block or a decorated call; levels may be nested."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()
