"""Counters by name: a LockingLogger keeps sums or averages of what jit._logging.add_stat_value() tells."""

from __future__ import annotations

import enum
import threading


class AggregationType(enum.Enum):
    """What a logger keeps of the values of a counter."""

    SUM = 0
    AVG = 1

    def __int__(self) -> int:
        return self.value


SUM, AVG = AggregationType.SUM, AggregationType.AVG


class LoggerBase:
    """What takes the values of counters: a LockingLogger or a NoopLogger."""

    def __init__(self) -> None:
        if type(self) is LoggerBase:
            raise TypeError("LoggerBase: No constructor defined!")

    def _add(self, name: str, value: int) -> None:
        """Takes a value."""


class NoopLogger(LoggerBase):
    """Keeps nothing."""


class LockingLogger(LoggerBase):
    """Keeps the sum of each counter, or the average where set_aggregation_type() says so. Threads may share it."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._sums: dict[str, tuple[int, int]] = {}
        self._kinds: dict[str, AggregationType] = {}

    def _add(self, name: str, value: int) -> None:
        with self._lock:
            total, n = self._sums.get(name, (0, 0))
            self._sums[name] = (total + value, n + 1)

    def get_counter_val(self, name: str) -> int:
        """The sum (or whole part of the average) so far; 0 for a counter without values."""
        with self._lock:
            total, n = self._sums.get(name, (0, 0))
            return total // max(n, 1) if self._kinds.get(name) is AVG else total

    def set_aggregation_type(self, name: str, type: AggregationType) -> None:  # noqa: A002
        """Chooses what is kept of a counter."""
        with self._lock:
            self._kinds[name] = type


_current: LoggerBase = NoopLogger()


def set_logger(logger: LoggerBase) -> LoggerBase:
    """Makes a logger the one of the program; gives the former."""
    global _current
    before, _current = _current, logger
    return before


def add_stat_value(name: str, value: int) -> None:
    """Gives a value to the program's logger."""
    _current._add(name, int(value))
