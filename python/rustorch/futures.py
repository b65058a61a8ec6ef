"""Future: a value that another thread sets later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]


T = TypeVar("T")


class Future(Generic[T]):
    """A value to come. Callbacks run in the thread that sets it, or at once when it is set already."""

    def __init__(self, *, devices: Any = None) -> None:
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[Future[T]], Any]] = []
        self._value: Any = None
        self._error: BaseException | None = None

    def done(self) -> bool:
        """Whether there is a value or an error."""
        return self._ready.is_set()

    def wait(self) -> T:
        """The value, once it is there; an error is raised."""
        self._ready.wait()
        return self.value()

    def value(self) -> T:
        """The value, which must be there; an error is raised."""
        if not self.done():
            raise RuntimeError("value(): the future is not completed; hint: use wait()")
        if self._error is not None:
            raise self._error
        return self._value

    def _complete(self, value: Any, error: BaseException | None) -> None:
        with self._lock:
            if self.done():
                raise RuntimeError("Future can only be marked completed once: it is completed already")
            self._value, self._error = value, error
            self._ready.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def set_result(self, result: T) -> None:
        """Gives it its value."""
        self._complete(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Gives it an error, which wait() raises."""
        if not isinstance(result, BaseException):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._complete(None, result)

    def add_done_callback(self, callback: Callable[[Future[T]], Any]) -> None:
        """Calls callback(self) when it is complete."""
        with self._lock:
            if not self.done():
                self._callbacks.append(callback)
                return
        callback(self)

    def then(self, callback: Callable[[Future[T]], Any]) -> Future[Any]:
        """A future of what callback(self) gives when this one is complete."""
        result: Future[Any] = Future()

        def run(_: Future[T]) -> None:
            try:
                value = callback(self)
            except Exception as error:
                result.set_exception(error)
            else:
                result.set_result(value)

        self.add_done_callback(run)
        return result


def collect_all(futures: list[Future[Any]]) -> Future[list[Future[Any]]]:
    """A future of the list itself, complete when all in it are."""
    futures = list(futures)
    result: Future[list[Future[Any]]] = Future()
    left = len(futures)
    lock = threading.Lock()
    if not left:
        result.set_result(futures)

    def one_less(_: Future[Any]) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            result.set_result(futures)

    for future in futures:
        future.add_done_callback(one_less)
    return result


def wait_all(futures: list[Future[Any]]) -> list[Any]:
    """The values of all futures; the first error is raised when all are complete."""
    return [future.wait() for future in collect_all(futures).wait()]
