"""Timer: runs a statement often enough to know its time."""

from __future__ import annotations

import textwrap
import timeit
from collections.abc import Callable
from typing import Any

from ._measurement import Measurement, TaskSpec

__all__ = ["Timer", "timer"]

timer = timeit.default_timer


class _Threads:
    """Inside, loops run on so many threads."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> None:
        import rustorch

        self.before = rustorch.get_num_threads()
        rustorch.set_num_threads(self.count)

    def __exit__(self, *exc: Any) -> None:
        import rustorch

        rustorch.set_num_threads(self.before)


class Timer:
    """Like timeit.Timer, for tensors: the statement sees `rustorch` and `torch` (the same package) beside `globals`, runs
    on num_threads threads (1 unless told), and once before the clock starts.

    label, sub_label, description and env say in Compare where a measurement belongs.
    """

    def __init__(
        self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Callable[[], float] = timer,
        globals: dict[str, Any] | None = None, label: str | None = None, sub_label: str | None = None,
        description: str | None = None, env: str | None = None, num_threads: int = 1, language: Any = "python",
    ) -> None:  # fmt: skip
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if str(getattr(language, "value", language)).lower() in ("c++", "cpp", "1"):
            raise NotImplementedError("Timer: statements in C++ are not measured; hint: language='python'")
        if global_setup:
            raise ValueError(f"global_setup is C++ only, got `{global_setup}`. Most likely this code can simply be moved to `setup`.")  # fmt: skip
        import rustorch

        space = {"rustorch": rustorch, "torch": rustorch, **(globals or {})}
        stmt, setup = (textwrap.dedent(code).strip("\n").rstrip() or "pass" for code in (stmt, setup))
        self._task_spec = TaskSpec(stmt, setup, global_setup, label, sub_label, description, env, num_threads)
        self._timer = timeit.Timer(stmt=stmt, setup=setup, timer=timer, globals=space)
        self._clock = timer

    def _time(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One measurement of `number` runs."""
        with _Threads(self._task_spec.num_threads):
            self._time(max(number // 100, 2))
            return Measurement(number, [self._time(number)], self._task_spec)

    def repeat(self, repeat: int = -1, number: int = -1) -> None:
        """Not there, as in PyTorch: see blocked_autorange()."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback: Any = None) -> None:
        """Not there, as in PyTorch: see blocked_autorange()."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block_size(self, min_run_time: float) -> int:
        """Runs that take so long together that the clock's own time does not matter."""
        overhead = sorted(self._time_of_nothing() for _ in range(5))[2]
        number = 1
        while True:
            taken = self._time(number)
            if taken >= min_run_time / 1000 and overhead / taken <= 1e-4 or taken >= min_run_time:
                return number
            number *= 10

    def _time_of_nothing(self) -> float:
        start = self._clock()
        return self._clock() - start

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Blocks of runs until min_run_time seconds have gone; the median of the blocks is a robust time."""
        with _Threads(self._task_spec.num_threads):
            number = self._block_size(min_run_time)
            return self._blocks(number, min_run_time, callback, lambda m: True, min_run_time)

    def adaptive_autorange(
        self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:  # fmt: skip
        """Like blocked_autorange, but until the quartiles are within a share of the median of each other, or max_run_time."""
        with _Threads(self._task_spec.num_threads):
            number = self._block_size(0.05)
            return self._blocks(number, min_run_time, callback, lambda m: m.meets_confidence(threshold), max_run_time)

    def _blocks(
        self, number: int, min_run_time: float, callback: Any, enough: Callable[[Measurement], bool], limit: float
    ) -> Measurement:
        times: list[float] = []
        total = 0.0
        while True:
            taken = self._time(number)
            times.append(taken)
            total += taken
            if callback is not None:
                callback(number, taken)
            done = total >= min_run_time and (len(times) > 3 and enough(self._result(number, times)))
            if done or total >= limit:
                return self._result(number, times)

    def _result(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, list(times), self._task_spec)
