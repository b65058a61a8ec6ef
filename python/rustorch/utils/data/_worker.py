"""Worker threads of a DataLoader.

Worker w gets the batches w, w + n, w + 2n, ... in its own queue; all answer into one queue, and the
iterator puts the answers back in order.  A worker refers to its queues and the data set only, never
to the iterator, so dropping the iterator ends its workers.

Note [Random numbers in workers]
Threads share the process's default generator, whose order of use is not defined.  Transforms that
must repeat use `get_worker_info().generator`: before each batch (of a map-style set) it is seeded
with base_seed + number of the batch, so the result does not depend on the number of workers.
"""

from __future__ import annotations

import copy
import pickle
import queue
import random
import sys
import threading
import traceback
from typing import Any, NoReturn

import rustorch as rt

from .dataset import IterableDataset

_local = threading.local()


class WorkerInfo:
    """What `get_worker_info()` gives inside a worker."""

    def __init__(self, id: int, num_workers: int, seed: int, dataset: Any) -> None:
        self.id = id
        self.num_workers = num_workers
        self.seed = seed
        self.dataset = dataset
        self.generator = rt.Generator()
        self.generator.manual_seed(seed)

    def __repr__(self) -> str:
        return f"WorkerInfo(id={self.id}, num_workers={self.num_workers}, seed={self.seed})"


def get_worker_info() -> WorkerInfo | None:
    """In a worker its id, num_workers, seed, dataset and generator; None in any other thread."""
    return getattr(_local, "info", None)


class _Message(str):
    """A text that KeyError prints as it is."""

    def __repr__(self) -> str:
        return str(self)


class Failure:
    """An exception of a worker, raised again in the thread that iterates."""

    def __init__(self, error: BaseException, worker_id: int) -> None:
        self.error: BaseException | None = error
        self.kind: type[BaseException] = type(error)
        trace = "".join(traceback.format_exception(self.kind, error, error.__traceback__))
        self.text = f"Caught {self.kind.__name__} in DataLoader worker process {worker_id}.\nOriginal {trace}"

    def __getstate__(self) -> dict[str, Any]:
        """Between processes only the class goes with the text, if it is one that can be imported."""
        try:
            pickle.dumps(self.kind)
            kind = self.kind
        except Exception:
            kind = RuntimeError
        return {"error": None, "kind": kind, "text": self.text}

    def reraise(self) -> NoReturn:
        """Raise an exception of the same class that names the worker; its cause is the original one."""
        kind, text = self.kind, self.text
        try:
            again = kind(_Message(text) if kind is KeyError else text)
        except Exception:  # the class wants other arguments
            again = RuntimeError(text)
        raise again from self.error


class EndOfStream:
    """A worker's iterable data set is exhausted."""


class Start:
    """A new epoch begins, with this base seed."""

    def __init__(self, base_seed: int) -> None:
        self.base_seed = base_seed


def fetch_map(dataset: Any, keys: Any, auto_batch: bool, collate_fn: Any) -> Any:
    """The batch (or the single sample) of the given keys of a map-style data set."""
    if not auto_batch:
        return collate_fn(dataset[keys])
    many = getattr(dataset, "__getitems__", None)
    return collate_fn(many(keys) if many else [dataset[k] for k in keys])


class StreamFetcher:
    """Batches of an iterable data set."""

    def __init__(self, dataset: Any, auto_batch: bool, collate_fn: Any, drop_last: bool) -> None:
        self.iterator = iter(dataset)
        self.auto_batch = auto_batch
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, keys: Any) -> Any:
        """The next batch of len(keys) samples; StopIteration at the end."""
        if self.ended:
            raise StopIteration
        if not self.auto_batch:
            return self.collate_fn(next(self.iterator))
        samples = []
        for _ in keys:
            try:
                samples.append(next(self.iterator))
            except StopIteration:
                self.ended = True
                break
        if not samples or (self.drop_last and len(samples) < len(keys)):
            raise StopIteration
        return self.collate_fn(samples)


def _seed(seed: int) -> None:
    """Seed the generators of a worker process."""
    rt.manual_seed(seed)
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def loop_options(loader: Any) -> tuple[Any, ...]:
    """num_workers, dataset and what follows the queues in `worker_loop`."""
    return (
        loader.num_workers,
        loader.dataset,
        loader._auto_collation,
        loader.collate_fn,
        loader.drop_last,
        loader.worker_init_fn,
    )


def worker_loop(
    worker_id: int,
    num_workers: int,
    dataset: Any,
    tasks: Any,
    results: Any,
    auto_batch: bool,
    collate_fn: Any,
    drop_last: bool,
    init_fn: Any,
    closed: Any,
    own_process: bool = False,
) -> None:
    """Serve (epoch, number, keys) until `closed`, which comes with a last task; answers are (epoch, number, batch)."""
    streaming = isinstance(dataset, IterableDataset)
    if streaming:
        dataset = copy.copy(dataset)
    stream: StreamFetcher | None = None
    ready = False
    failed: Failure | None = None
    base_seed = 0
    while True:
        task = tasks.get()
        if task is None or closed.is_set():
            return
        if isinstance(task, Start):
            base_seed, stream = task.base_seed, None
            info = WorkerInfo(worker_id, num_workers, base_seed + worker_id, dataset)
            _local.info = info
            if own_process:
                _seed(info.seed)
            if not ready:
                ready = True
                try:
                    if init_fn is not None:
                        init_fn(worker_id)
                except BaseException as e:
                    failed = Failure(e, worker_id)
            continue
        epoch, number, keys = task
        try:
            if failed is not None:
                answer: Any = failed
            elif streaming:
                if stream is None:
                    stream = StreamFetcher(dataset, auto_batch, collate_fn, drop_last)
                try:
                    answer = stream.fetch(keys)
                except StopIteration:
                    answer = EndOfStream()
            else:
                _local.info.generator.manual_seed(base_seed + number)
                answer = fetch_map(dataset, keys, auto_batch, collate_fn)
        except BaseException as e:
            answer = Failure(e, worker_id)
        results.put((epoch, number, answer))
        del answer, keys, task


class Pool:
    """The threads of one iterator and their queues."""

    def __init__(self, loader: Any) -> None:
        n = loader.num_workers
        self.results: Any = queue.SimpleQueue()
        self.tasks: list[Any] = [queue.SimpleQueue() for _ in range(n)]
        self.closed = threading.Event()
        options = loop_options(loader)
        self.threads = [
            threading.Thread(
                target=worker_loop,
                name=f"rustorch-data-{w}",
                args=(w, *options[:2], self.tasks[w], self.results, *options[2:], self.closed),
                daemon=True,
            )
            for w in range(n)
        ]
        for thread in self.threads:
            thread.start()
        _pools.add(self)

    def close(self) -> None:
        """Tell the threads to end after the batch they are making; what waits in the queues is left."""
        self.closed.set()
        for tasks in self.tasks:
            tasks.put(None)
        _pools.discard(self)

    def join(self) -> None:
        """Wait for the threads."""
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(5.0)


_pools: set[Pool] = set()


def close_all() -> None:
    """End all workers: no thread may run operators while the interpreter goes down."""
    for pool in list(_pools):
        pool.close()
        pool.join()
