"""Events and statistics of a running program: handlers get every Event, a Stat logs one for each window of time.

    rustorch.monitor.register_event_handler(print)
    steps = Stat("loss", [MEAN, COUNT], timedelta(seconds=10))
    steps.add(0.5)

Handlers run in the thread that logs.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

__all__ = ["COUNT", "MAX", "MEAN", "MIN", "SUM", "VALUE", "Aggregation", "Event", "EventHandlerHandle", "Stat",
           "TensorboardEventHandler", "data_value_t", "log_event", "register_event_handler", "unregister_event_handler"]  # fmt: skip

STAT_EVENT = "torch.monitor.Stat"


class data_value_t:  # noqa: N801
    """What an event may hold: str, float, int and bool; instances of these are instances of this class."""

    def __new__(cls, *args: Any) -> Any:
        raise TypeError("data_value_t: No constructor defined!")


class Aggregation(enum.Enum):
    """What a Stat makes of the values of a window."""

    VALUE = 0
    MEAN = 2
    COUNT = 3
    SUM = 4
    MAX = 5
    MIN = 6

    def __int__(self) -> int:
        return self.value


VALUE, MEAN, COUNT = Aggregation.VALUE, Aggregation.MEAN, Aggregation.COUNT
SUM, MAX, MIN = Aggregation.SUM, Aggregation.MAX, Aggregation.MIN


class Event:
    """Something that happened: a name, the time, and data by name."""

    def __init__(self, name: str, timestamp: datetime, data: dict[str, Any]) -> None:
        self.name, self.timestamp, self.data = name, timestamp, data

    @property
    def data(self) -> dict[str, Any]:
        """Strings and numbers by name."""
        return self._data

    @data.setter
    def data(self, data: dict[str, Any]) -> None:
        for key, value in data.items():
            if not isinstance(key, str) or not isinstance(value, (str, int, float)):
                raise TypeError(f"Event(): data are strings and numbers by name; got {key!r}: {type(value).__name__}")
        self._data = dict(data)


class EventHandlerHandle:
    """A registered handler, for unregister_event_handler()."""

    def __init__(self, handler: Callable[[Event], None]) -> None:
        self._handler = handler


_handlers: list[EventHandlerHandle] = []
_lock = threading.Lock()


def register_event_handler(callback: Callable[[Event], None]) -> EventHandlerHandle:
    """Lets a function have every event."""
    handle = EventHandlerHandle(callback)
    with _lock:
        _handlers.append(handle)
    return handle


def unregister_event_handler(handler: EventHandlerHandle) -> None:
    """Ends what register_event_handler() began."""
    with _lock:
        if handler in _handlers:
            _handlers.remove(handler)


def log_event(event: Event) -> None:
    """Gives an event to all handlers."""
    with _lock:
        handlers = list(_handlers)
    for handle in handlers:
        handle._handler(event)


class Stat:
    """Values collected over windows of time that follow each other by the clock. When a window ends (at the next value) or has
    max_samples values, an event tells its aggregations; values beyond max_samples are not counted."""

    def __init__(
        self, name: str, aggregations: Sequence[Aggregation], window_size: timedelta, max_samples: int | None = None
    ) -> None:
        if window_size <= timedelta(0):
            raise ValueError(f"Stat(): window_size must be positive; got {window_size}")
        self.name, self._aggregations = name, list(dict.fromkeys(aggregations))
        self._seconds, self._most = window_size.total_seconds(), max_samples
        self._mutex = threading.Lock()
        self._values: list[float] = []
        self._shown: list[float] = []
        self._window, self._logged = self._now(), -1

    def _now(self) -> int:
        return int(time.monotonic() / self._seconds)

    @property
    def count(self) -> int:
        """The number of values in this window."""
        self._close_if_over()
        return len(self._values)

    def add(self, v: float) -> None:
        """Takes a value."""
        self._close_if_over()
        with self._mutex:
            if self._logged == self._now():
                return
            self._values.append(float(v))
        self._close_if_over()

    def _close_if_over(self) -> None:
        with self._mutex:
            now = self._now()
            full = self._most is not None and len(self._values) >= self._most
            if now == self._window and not full or self._logged == now:
                return
            self._logged, self._window = (now if full and now == self._window else self._window), now
            closed = self._take()
        self._tell(closed)

    def _take(self) -> list[float]:
        self._shown, self._values = self._values, []
        return self._shown

    def _tell(self, values: list[float]) -> None:
        if values:
            data = {f"{self.name}.{a.name.lower()}": v for a, v in self._aggregated(values).items()}
            log_event(Event(STAT_EVENT, datetime.now(timezone.utc).replace(tzinfo=None), data))

    def _aggregated(self, values: list[float]) -> dict[Aggregation, float]:
        total, n = sum(values), len(values)
        results = {MEAN: total / n if n else 0.0, COUNT: float(n), SUM: float(total), MAX: max(values, default=0.0),
                   MIN: min(values, default=0.0)}  # fmt: skip
        if values:
            results[VALUE] = values[-1]
        return {a: results[a] for a in self._aggregations if a in results}

    def get(self) -> dict[Aggregation, float]:
        """The aggregations of the last window that is over."""
        self._close_if_over()
        return self._aggregated(self._shown)

    def __del__(self) -> None:
        if getattr(self, "_values", None):
            self._tell(self._take())


class TensorboardEventHandler:
    """A handler that gives the numbers of Stats to a SummaryWriter, as scalars."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def __call__(self, event: Event) -> None:
        if event.name == STAT_EVENT:
            for key, value in event.data.items():
                self._writer.add_scalar(key, value, walltime=event.timestamp.timestamp())
