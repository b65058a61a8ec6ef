"""The CPU as a device module. Operators have finished when they return: streams and events have nothing to wait for."""

from __future__ import annotations

from typing import Any

__all__ = [
    "Event", "Stream", "StreamContext", "current_device", "current_stream", "device_count", "is_available", "is_initialized",
    "set_device", "stream", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """True."""
    return True


def is_initialized() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """ "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Ignored: there is one."""


def synchronize(device: Any = None) -> None:
    """Nothing to wait for."""


class Event:
    """A point in the work of a stream, which has passed."""

    def query(self) -> bool:
        """True."""
        return True

    def record(self, stream: Any = None) -> None:
        """Nothing to note."""

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def wait(self, stream: Any = None) -> None:
        """Nothing to wait for."""


class Stream:
    """Work in order; on the CPU all work is."""

    def __init__(self, priority: int = -1) -> None:
        self.priority = priority

    def wait_stream(self, stream: Any) -> None:
        """Nothing to wait for."""

    def record_event(self) -> Event:
        """An event that has passed."""
        return Event()

    def wait_event(self, event: Any) -> None:
        """Nothing to wait for."""


_default = Stream()
_current = _default


def current_stream(device: Any = None) -> Stream:
    """The stream that the block runs in."""
    return _current


class StreamContext:
    """`with stream(s):` makes s the current stream."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._before: list[Any] = []

    def __enter__(self) -> None:
        global _current
        self._before.append(_current)
        _current = self.stream or _current

    def __exit__(self, *exc: Any) -> None:
        global _current
        _current = self._before.pop()


def stream(stream: Any) -> StreamContext:
    """A context manager that makes stream the current one."""
    return StreamContext(stream)


def __getattr__(name: str) -> Any:
    if name == "amp":
        import importlib

        return importlib.import_module(f"{__name__}.amp")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
