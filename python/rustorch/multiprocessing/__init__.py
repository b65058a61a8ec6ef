"""Python's multiprocessing with tensors in shared memory: what a process sends through a queue, a pipe or as an argument
of Process is not copied, and writes to it show in every process.

    queue = rustorch.multiprocessing.Queue()
    queue.put(rustorch.ones(3))      # moves the tensor to shared memory

A sender must live until the receiver has taken the tensor. Gradients stay in their process.
"""

import multiprocessing as _python
from multiprocessing import *  # noqa: F403

from ._sharing import get_all_sharing_strategies, get_sharing_strategy, register, set_sharing_strategy
from ._spawn import ProcessContext, ProcessExitedException, ProcessRaisedException, spawn, start_processes

__all__ = [
    *_python.__all__, "ProcessContext", "ProcessExitedException", "ProcessRaisedException", "get_all_sharing_strategies",
    "get_sharing_strategy", "set_sharing_strategy", "spawn", "start_processes",
]  # fmt: skip
register()
