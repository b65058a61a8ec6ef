"""PyTorch's places of the parts of the DataLoader that programs reach into."""

from . import collate, worker

__all__ = ["MP_STATUS_CHECK_INTERVAL", "collate", "worker"]

MP_STATUS_CHECK_INTERVAL = 5.0
