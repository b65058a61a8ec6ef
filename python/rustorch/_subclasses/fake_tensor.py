"""Questions about tensors without data; `device="meta"` gives shapes without data."""

from __future__ import annotations

from typing import Any

from rustorch import Tensor

__all__ = ["FakeTensor", "FakeTensorMode", "is_fake"]


class FakeTensor(Tensor):
    """A tensor that stands for another one; none are made."""


class FakeTensorMode:
    """Would make them. RuntimeError: there is no compiler."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError('FakeTensorMode(): there is no compiler; hint: device="meta" gives shapes without data')


def is_fake(x: Any) -> bool:
    """False."""
    return isinstance(x, FakeTensor)
