"""Indexing with tensors of one element under vmap."""

from __future__ import annotations

import contextlib

__all__ = ["TransformGetItemToIndex"]


class TransformGetItemToIndex(contextlib.AbstractContextManager["TransformGetItemToIndex"]):
    """Inside it `x[i]` takes tensors of one element as indices rather than numbers, which vmap needs. So it is anywhere
    here; the class changes nothing.
    """

    def __exit__(self, *error: object) -> None:
        return None
