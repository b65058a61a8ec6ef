"""Worker processes of a DataLoader, used when it gets a `multiprocessing_context`.

They run `worker_loop` as threads do, each with its own interpreter: data sets written in Python are not held up by one
another, tensors come back in shared memory, and every worker has its own seeded generators.  A worker lives until it
is told to end, as the receiver fetches the memory of a batch from it, or until the process that iterates is gone.
"""

from __future__ import annotations

import os
import pickle
import queue
import time
from multiprocessing.reduction import ForkingPickler
from typing import Any

from . import _worker

_POLL = 2.0  # seconds between looks at whether the other side lives


class _Tasks:
    """The queue of a worker, seen from the worker: closes when the parent is gone."""

    def __init__(self, tasks: Any, parent: int) -> None:
        self.tasks = tasks
        self.parent = parent

    def get(self) -> Any:
        while True:
            try:
                return self.tasks.get(timeout=_POLL)
            except queue.Empty:
                if os.getppid() != self.parent:
                    return None


class _Results:
    """The queue of answers, seen from a worker: what cannot be sent becomes an error."""

    def __init__(self, results: Any, worker_id: int) -> None:
        self.results = results
        self.worker_id = worker_id

    def put(self, answer: Any) -> None:
        try:
            data = ForkingPickler.dumps(answer)
        except Exception as e:
            failure = _worker.Failure(RuntimeError(f"a batch cannot be sent to another process: {e}"), self.worker_id)
            data = ForkingPickler.dumps((*answer[:2], failure))
        self.results.put(bytes(data))


class _Answers:
    """The queue of answers, seen from the process that iterates: RuntimeError when a worker has died."""

    def __init__(self, results: Any) -> None:
        self.results = results
        self.processes: list[Any] = []

    def get(self, timeout: float | None = None) -> Any:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _POLL if end is None else min(_POLL, end - time.monotonic())
            try:
                return pickle.loads(self.results.get(timeout=max(0.0, left)))
            except queue.Empty:
                dead = [str(p.pid) for p in self.processes if not p.is_alive()]
                if dead:
                    raise RuntimeError(f"DataLoader worker (pid(s) {', '.join(dead)}) exited unexpectedly") from None
                if end is not None and time.monotonic() >= end:
                    raise


def _main(worker_id: int, parent: int, tasks: Any, results: Any, closed: Any, rest: tuple[Any, ...]) -> None:
    """The life of a worker process."""
    import rustorch as rt

    rt.set_num_threads(1)
    num_workers, dataset, *options = rest
    try:
        _worker.worker_loop(
            worker_id,
            num_workers,
            dataset,
            _Tasks(tasks, parent),
            _Results(results, worker_id),
            *options,
            closed,
            True,
        )
    except KeyboardInterrupt:  # the process that iterates reports it
        pass
    results.cancel_join_thread()


class ProcessPool:
    """The processes of one iterator and their queues."""

    def __init__(self, loader: Any) -> None:
        import rustorch.multiprocessing as mp

        context = loader.multiprocessing_context
        context = mp.get_context(context) if isinstance(context, str) else context
        results = context.Queue()
        self.closed = context.Event()
        self.tasks: list[Any] = [context.Queue() for _ in range(loader.num_workers)]
        self.results = _Answers(results)
        for w, tasks in enumerate(self.tasks):
            args = (w, os.getpid(), tasks, results, self.closed, _worker.loop_options(loader))
            process = context.Process(target=_main, name=f"rustorch-data-{w}", args=args, daemon=True)
            process.start()
            self.results.processes.append(process)

    def close(self) -> None:
        """Tell the processes to end after the batch they are making."""
        self.closed.set()
        for tasks in self.tasks:
            tasks.put(None)
            tasks.close()
            tasks.cancel_join_thread()

    def join(self) -> None:
        """Wait for the processes."""
        for process in self.results.processes:
            process.join(5.0)
