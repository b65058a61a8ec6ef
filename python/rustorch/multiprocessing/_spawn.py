"""spawn(): the same function in several processes, with errors passed on."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any


class ProcessException(Exception):
    """A process did not end well; error_index is its number, error_pid its id."""

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, pid

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A process ended with a Python error; the message holds its traceback."""


class ProcessExitedException(ProcessException):
    """A process ended with an exit code or by a signal."""

    def __init__(
        self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _run(fn: Callable[..., Any], i: int, args: tuple[Any, ...], errors: Any) -> None:
    try:
        fn(i, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        errors.put(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """The processes of a spawn(); join() waits for them."""

    def __init__(self, processes: list[Any], errors: list[Any]) -> None:
        self.processes, self.error_queues = processes, errors
        self._left = {p.sentinel: i for i, p in enumerate(processes)}

    def pids(self) -> list[int]:
        """Ids of the processes."""
        return [int(p.pid) for p in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Waits for one process to end, or for all on repeated calls: True when all have ended. When one failed the others
        are stopped (killed after grace_period seconds) and its error is raised."""
        if not self._left:
            return True
        failed = None
        for sentinel in multiprocessing.connection.wait(list(self._left), timeout=timeout):
            i = self._left.pop(sentinel)  # type: ignore[call-overload]
            self.processes[i].join()
            if self.processes[i].exitcode != 0:
                failed = i
                break
        if failed is None:
            return not self._left
        self._stop(grace_period)
        self._raise(failed)
        return True

    def _stop(self, grace_period: float | None) -> None:
        alive = [p for p in self.processes if p.is_alive()]
        for p in alive:
            p.terminate()
        end = time.monotonic() + (30.0 if grace_period is None else grace_period)
        for p in alive:
            p.join(max(0.0, end - time.monotonic()))
            if p.is_alive():
                p.kill()
                p.join()

    def _raise(self, i: int) -> None:
        process = self.processes[i]
        if not self.error_queues[i].empty():
            text = f"\n\n-- Process {i} terminated with the following error:\n{self.error_queues[i].get()}"
            raise ProcessRaisedException(text, i, process.pid)
        if process.exitcode < 0:
            name = signal.Signals(-process.exitcode).name
            raise ProcessExitedException(
                f"process {i} terminated with signal {name}", i, process.pid, process.exitcode, name
            )
        raise ProcessExitedException(
            f"process {i} terminated with exit code {process.exitcode}", i, process.pid, process.exitcode
        )


def start_processes(fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True,
                    daemon: bool = False, start_method: str = "spawn") -> ProcessContext | None:  # fmt: skip
    """Runs fn(i, *args) for i < nprocs in processes of their own; waits for them, or (join=False) gives their context."""
    context: Any = multiprocessing.get_context(start_method)
    processes, errors = [], []
    for i in range(nprocs):
        queue = context.SimpleQueue()
        process = context.Process(target=_run, args=(fn, i, args, queue), daemon=daemon)
        process.start()
        processes.append(process)
        errors.append(queue)
    result = ProcessContext(processes, errors)
    if not join:
        return result
    while not result.join():
        pass
    return None


def spawn(fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
          start_method: str = "spawn") -> ProcessContext | None:  # fmt: skip
    """start_processes with the method "spawn".

    >>> rustorch.multiprocessing.spawn(train, args=(model,), nprocs=2)
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method)
