"""What a worker of a DataLoader knows of itself: see utils/data/_worker.py."""

from .._worker import WorkerInfo, get_worker_info

__all__ = ["WorkerInfo", "get_worker_info"]
