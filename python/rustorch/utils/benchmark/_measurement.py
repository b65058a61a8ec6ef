"""Measurement: the times of one statement, and what describes it."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

__all__ = ["Measurement", "TaskSpec", "ordered_unique", "select_unit", "trim_sigfig", "unit_to_english"]

# Numbers are rounded to what the spread of the times supports: at least 1, at most 4 significant figures.
_MIN_CONFIDENCE = 0.01
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def select_unit(seconds: float) -> tuple[str, float]:
    """The name and size of the unit in which a time reads well."""
    at = int(min(max(-math.floor(math.log10(seconds) / 3), 0), 3)) if seconds > 0 else 3
    name = ("s", "ms", "us", "ns")[at]
    return name, _UNITS[name]


def unit_to_english(unit: str) -> str:
    """ "us" is "microsecond"."""
    return {"ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "s": "second"}[unit]


def trim_sigfig(x: float, n: int) -> float:
    """x rounded to n significant figures."""
    if x == 0:
        return 0.0
    scale = 10 ** (int(math.floor(math.log10(abs(x)))) + 1 - n)
    return float(math.floor(x / scale + 0.5) * scale)


def ordered_unique(elements: Iterable[Any]) -> list[Any]:
    """The different elements in the order of their first appearance."""
    return list(dict.fromkeys(elements))


@dataclasses.dataclass(init=True, repr=False, eq=True, frozen=True)
class TaskSpec:
    """What was measured. Measurements of equal specs may be merged."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, or the statement, with the sub-label."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        if "\n" not in self.stmt:
            return self.stmt + (f": {self.sub_label}" if self.sub_label else "")
        return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n" + "\n".join(
            "  " + line for line in self.stmt.splitlines()
        )

    def setup_str(self) -> str:
        """The setup as it is printed."""
        if self.setup in ("", "pass"):
            return ""
        lines = self.setup.strip().splitlines()
        return f"setup: {lines[0]}" if len(lines) == 1 else "setup:\n" + "\n".join("  " + line for line in lines)

    def summarize(self) -> str:
        """Description, setup and number of threads, line by line."""
        parts = [self.description or "", self.setup_str()]
        return "\n".join([self.title, *(p for p in parts if p)])


@dataclasses.dataclass(init=True, repr=False)
class Measurement:
    """The times of a statement: raw_times are seconds for number_per_run runs each."""

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[Any, Any] | None = None

    @property
    def times(self) -> list[float]:
        """Seconds of one run."""
        return [t / self.number_per_run for t in self.raw_times]

    def _need(self) -> list[float]:
        if not self.raw_times:
            raise ValueError("No measurements have been recorded.")
        return sorted(self.times)

    def _quantile(self, q: float) -> float:
        times = self._need()
        at = q * (len(times) - 1)
        low = math.floor(at)
        high = min(low + 1, len(times) - 1)
        return times[low] + (times[high] - times[low]) * (at - low)

    @property
    def median(self) -> float:
        """Seconds, the middle one."""
        return self._quantile(0.5)

    @property
    def mean(self) -> float:
        """Seconds, on the average."""
        return statistics.fmean(self._need())

    @property
    def iqr(self) -> float:
        """The distance between the quartiles."""
        return self._quantile(0.75) - self._quantile(0.25)

    @property
    def significant_figures(self) -> int:
        """How many figures the spread of the times supports."""
        times = self._need()
        deviation = max(statistics.stdev(times) if len(times) > 1 else 0.0, 1e-9) / math.sqrt(len(times))
        relative = max(1.645 * deviation / max(self.median, 1e-12), _MIN_CONFIDENCE)
        return min(max(-int(math.floor(math.log10(relative))), 1), 4)

    @property
    def has_warnings(self) -> bool:
        """Whether the times differ so much that they are to be doubted."""
        return self.iqr / self.median > 0.1 if self.median > 0 else False

    def meets_confidence(self, threshold: float = 0.1) -> bool:
        """Whether the distance between the quartiles is below a share of the median."""
        return self.iqr / self.median < threshold

    def __getattr__(self, name: str) -> Any:
        if name != "task_spec" and "task_spec" in self.__dict__ and hasattr(self.task_spec, name):
            return getattr(self.task_spec, name)  # title, env, as_row_name and what else the task says of itself
        raise AttributeError(f"'Measurement' object has no attribute '{name}'")

    @property
    def as_row_name(self) -> str:
        """The name of its row in Compare."""
        return self.task_spec.sub_label or self.task_spec.stmt or "[Unknown]"

    def __repr__(self) -> str:
        unit, scale = select_unit(self.median)
        lines = [f"{super().__repr__()}", self.task_spec.summarize()]
        runs = f"{len(self.raw_times)} measurement{'s' if len(self.raw_times) > 1 else ''}, {self.number_per_run} runs"
        threads = f", {self.task_spec.num_threads} thread{'s' if self.task_spec.num_threads > 1 else ''}"
        if len(self.raw_times) == 1:
            lines.append(f"  {self.median / scale:.2f} {unit}")
        else:
            quarter = f"(p25-p75 = {self._quantile(0.25) / scale:.2f}-{self._quantile(0.75) / scale:.2f} {unit})"
            lines.append(f"  Median: {self.median / scale:.2f} {unit}  IQR: {self.iqr / scale:.2f} {unit} {quarter}")
        lines.append(f"  {runs} per measurement{threads}")
        if self.has_warnings:
            lines.append(
                f"  WARNING: Interquartile range is {self.iqr / self.median * 100:.1f}% of the median measurement."
            )
        return "\n".join(lines)

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """One measurement per task, with the times of all of it (each for one run)."""
        groups: dict[TaskSpec, list[Measurement]] = defaultdict(list)
        for m in measurements:
            groups[m.task_spec].append(m)
        return [Measurement(1, [t for m in group for t in m.times], task) for task, group in groups.items()]
