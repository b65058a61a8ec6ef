"""DataLoader: batches of a data set, in the calling thread or by worker threads with prefetch.

The order of the batches never depends on the number of workers.  `state_dict()` in the middle of an
epoch remembers the random state at its start and the number of batches given; a loader that loads
it goes on with the next batch.
"""

from __future__ import annotations

import atexit
import itertools
import queue
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

import rustorch as rt

from . import _worker
from ._collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

T_co = TypeVar("T_co", covariant=True)
atexit.register(_worker.close_all)


class _InfiniteConstantSampler(Sampler[Any]):
    """None for ever: an iterable data set has no keys."""

    def __iter__(self) -> Iterator[Any]:
        return itertools.repeat(None)


class _DatasetKind:
    Map = 0
    Iterable = 1


def _check_options(loader: DataLoader[Any]) -> None:
    if loader.num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if loader.timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if loader.num_workers == 0 and loader.prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable "
            "multiprocessing, otherwise set prefetch_factor to None."
        )
    if loader.prefetch_factor is not None and loader.prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    context = loader.multiprocessing_context
    if context is not None and loader.num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
            f"num_workers={loader.num_workers}"
        )
    if isinstance(context, str) and context not in ("fork", "spawn", "forkserver"):
        raise ValueError(
            "multiprocessing_context option should specify a valid start method in ['fork', 'spawn', 'forkserver'], "
            f"but got multiprocessing_context={context!r}"
        )
    if loader.persistent_workers and loader.num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


class DataLoader(Generic[T_co]):
    """Iterates over batches of `dataset`.

    Options as PyTorch's.  Workers are threads, or processes when `multiprocessing_context` ('fork', 'spawn',
    'forkserver' or a context) is given: for data sets that compute in Python, which lets one thread run at a time.
    `pin_memory` is accepted and not needed; `collate_fn` gets a list of samples.  ValueError for options that
    exclude each other, RuntimeError when `timeout` seconds pass without a batch.
    """

    __initialized = False
    _fixed = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Any = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Any = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.persistent_workers = persistent_workers
        _check_options(self)
        if num_workers > 0 and prefetch_factor is None:
            self.prefetch_factor = 2
        if isinstance(dataset, IterableDataset):
            self._dataset_kind = _DatasetKind.Iterable
            if shuffle not in (False, None):
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle={shuffle}"
                )
            for name, value in (("sampler", sampler), ("batch_sampler", batch_sampler)):
                if value is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                    )
        else:
            self._dataset_kind = _DatasetKind.Map
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
            drop_last = False
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            if self._dataset_kind == _DatasetKind.Iterable:
                sampler = _InfiniteConstantSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self._iterator: Any = None
        self._resume: dict[str, Any] | None = None
        self._current: Any = None
        self.__initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__initialized and name in self._fixed:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> Any:
        if self.num_workers == 0:
            iterator: Any = _SingleProcessDataLoaderIter(self)
        elif self.persistent_workers:
            if self._iterator is None:
                self._iterator = _MultiProcessingDataLoaderIter(self)
            else:
                self._iterator._reset()
            iterator = self._iterator
        else:
            iterator = _MultiProcessingDataLoaderIter(self)
        self._current = iterator._progress
        return iterator

    def __len__(self) -> int:
        if self._dataset_kind == _DatasetKind.Iterable:
            n = len(self.dataset)
            if self.batch_size is None:
                return n
            return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
        return len(self._index_sampler)

    # ---- resuming ---------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """The position in the current epoch: random state at its start and batches given so far."""
        if self._resume is not None:
            return dict(self._resume)
        progress = self._current
        if progress is None or progress.finished:
            return {"random_state": None, "num_batches": 0, "base_seed": None}
        return {
            "random_state": progress.random_state,
            "num_batches": progress.given,
            "base_seed": progress.base_seed,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The next iteration goes on where the loader that gave `state_dict` was."""
        if not isinstance(state_dict, dict) or "num_batches" not in state_dict:
            raise ValueError("DataLoader.load_state_dict(): expected a dict with the key 'num_batches'")
        self._resume = dict(state_dict) if state_dict["random_state"] is not None else None


class _Progress:
    """How far an epoch is; shared by the iterator and its loader."""

    __slots__ = ("base_seed", "finished", "given", "random_state")

    def __init__(self, random_state: Any, base_seed: int) -> None:
        self.random_state = random_state
        self.base_seed = base_seed
        self.given = 0
        self.finished = False


def _start_epoch(loader: DataLoader[Any]) -> tuple[_Progress, Iterator[Any], int]:
    """(progress, iterator over keys, batches to skip) of a new or resumed epoch."""
    resume, loader._resume = loader._resume, None
    own = loader.generator
    generator = rt.default_generator if own is None else own
    before = generator.get_state()
    if resume is not None:
        generator.set_state(resume["random_state"])
    state = before if resume is None else resume["random_state"]
    seed = int(rt.empty((), dtype=rt.int64).random_(generator=own).item())
    progress = _Progress(state, seed)
    keys = iter(loader._index_sampler)
    if resume is None:
        return progress, keys, 0
    # samplers draw at their first key: let that happen with the state of the epoch's start
    skip = resume["num_batches"]
    first = list(itertools.islice(keys, 1))
    if own is None:
        generator.set_state(before)
    keys = itertools.chain(first, keys)
    if loader._dataset_kind == _DatasetKind.Map:
        for _ in itertools.islice(keys, skip):
            pass
    progress.given = skip
    return progress, keys, skip


class _BaseDataLoaderIter:
    """What both iterators share."""

    _loader: Any
    _progress: _Progress

    def __iter__(self) -> Any:
        return self

    def __len__(self) -> int:
        return len(self._loader._index_sampler)

    def _warn_length(self) -> None:
        loader = self._loader
        if loader._dataset_kind != _DatasetKind.Iterable or not hasattr(loader.dataset, "__len__"):
            return
        try:
            limit = len(loader)
        except (TypeError, NotImplementedError):
            return
        if self._progress.given == limit + 1:
            warnings.warn(
                f"Length of IterableDataset {loader.dataset} was reported to be {limit} (when accessing "
                f"len(dataloader)), but {self._progress.given} samples have been fetched.",
                stacklevel=3,
            )


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """Batches made in the calling thread."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        if loader.timeout != 0:
            raise AssertionError("timeout needs num_workers > 0")
        self._loader = loader
        self._progress, self._keys, skip = _start_epoch(loader)
        self._stream: Any = None
        if loader._dataset_kind == _DatasetKind.Iterable:
            self._stream = _worker.StreamFetcher(
                loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last
            )
            for _ in range(skip):
                self._stream.fetch(next(self._keys))

    def __next__(self) -> Any:
        loader = self._loader
        try:
            keys = next(self._keys)
            if self._stream is not None:
                batch = self._stream.fetch(keys)
            else:
                batch = _worker.fetch_map(loader.dataset, keys, loader._auto_collation, loader.collate_fn)
        except StopIteration:
            self._progress.finished = True
            raise
        self._progress.given += 1
        if self._stream is not None:
            self._warn_length()
        return batch


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Batches made by worker threads, `prefetch_factor` ahead for each, given in order."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader
        self._epoch = 0
        self._closed = False
        self._pool: Any
        if loader.multiprocessing_context is None:
            self._pool = _worker.Pool(loader)
        else:
            from ._processes import ProcessPool

            self._pool = ProcessPool(loader)
        self._begin()

    def _begin(self) -> None:
        loader = self._loader
        self._progress, self._keys, skip = _start_epoch(loader)
        self._streaming = loader._dataset_kind == _DatasetKind.Iterable
        self._epoch += 1
        # batches are numbered through the epoch, also in one that is resumed
        self._sent = self._next = 0 if self._streaming else skip
        self._exhausted = False
        self._ended = [False] * loader.num_workers
        self._turn = self._sent % loader.num_workers
        self._owners: dict[int, int] = {}
        self._arrived: dict[int, Any] = {}
        for tasks in self._pool.tasks:
            tasks.put(_worker.Start(self._progress.base_seed))
        for _ in range(max(1, loader.prefetch_factor) * loader.num_workers):
            self._send()
        if self._streaming:
            for _ in range(skip):
                self._receive()

    def _reset(self) -> None:
        self._begin()
        self._loader._current = self._progress

    def _send(self) -> None:
        """Give the next keys to the worker whose turn it is."""
        if self._exhausted:
            return
        n = len(self._ended)
        for _ in range(n):
            worker = self._turn
            self._turn = (self._turn + 1) % n
            if not self._ended[worker]:
                break
        else:
            return
        try:
            keys = next(self._keys)
        except StopIteration:
            self._exhausted = True
            return
        self._owners[self._sent] = worker
        self._pool.tasks[worker].put((self._epoch, self._sent, keys))
        self._sent += 1

    def _wait(self, number: int) -> tuple[int, Any]:
        """The batch with this number, or the first to arrive when the loader is not `in_order`; with its number."""
        timeout = self._loader.timeout
        while number not in self._arrived:
            if self._arrived and not self._loader.in_order:
                number = next(iter(self._arrived))
                break
            try:
                epoch, got, answer = self._pool.results.get(timeout=timeout if timeout > 0 else None)
            except queue.Empty:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds") from None
            if epoch == self._epoch:
                self._arrived[got] = answer
        return number, self._arrived.pop(number)

    def _receive(self) -> Any:
        """The next batch in order; StopIteration at the end."""
        while self._next < self._sent:
            number, answer = self._wait(self._next)
            worker = self._owners.pop(number)
            self._next += 1
            if isinstance(answer, _worker.EndOfStream):
                self._ended[worker] = True
                self._send()
                continue
            self._send()
            if isinstance(answer, _worker.Failure):
                answer.reraise()
            return answer
        raise StopIteration

    def __next__(self) -> Any:
        try:
            batch = self._receive()
        except StopIteration:
            self._progress.finished = True
            if not self._loader.persistent_workers:
                self._close()
            raise
        self._progress.given += 1
        if self._streaming:
            self._warn_length()
        return batch

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._pool.close()

    def __del__(self) -> None:
        if hasattr(self, "_pool"):
            self._close()


__all__ = ["DataLoader", "Dataset", "get_worker_info"]
get_worker_info = _worker.get_worker_info
