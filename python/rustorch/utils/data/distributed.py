"""DistributedSampler under the name PyTorch programs import it from."""

from __future__ import annotations

from .sampler import DistributedSampler

__all__ = ["DistributedSampler"]
