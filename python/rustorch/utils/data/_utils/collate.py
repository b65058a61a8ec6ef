"""Collating: see utils/data/_collate.py."""

from .._collate import collate, default_collate, default_convert

__all__ = ["collate", "default_collate", "default_convert"]


def __getattr__(name: str) -> object:
    from .. import _collate

    return getattr(_collate, name)
