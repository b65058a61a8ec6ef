"""What a recording holds, its sums by name, and their table."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

KINDS = ("cpu_op", "cpu_op", "user_annotation")  # of CallKind, as traces name them


def time_text(us: float) -> str:
    """Microseconds as text with a fitting unit."""
    if us >= 1e6:
        return f"{us / 1e6:.3f}s"
    return f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def bytes_text(n: int) -> str:
    """Bytes as text with a fitting unit."""
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(n) >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n} B"


class Interval:
    """Start and end in microseconds since the recording began."""

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        """The length."""
        return self.end - self.start

    def __repr__(self) -> str:
        return f"Interval(start={self.start:.3f}, end={self.end:.3f})"


class _Times:
    """What a call and a sum of calls have in common. Times are in microseconds."""

    key: str
    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    cpu_memory_usage: int
    self_cpu_memory_usage: int
    device_time = device_time_total = self_device_time_total = 0.0
    cuda_time = cuda_time_total = self_cuda_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0
    flops = 0
    node_id = -1
    is_async = is_remote = is_legacy = False
    use_device: str | None = None

    @property
    def cpu_time(self) -> float:
        """Average of one call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        """cpu_time as text."""
        return time_text(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        """cpu_time_total as text."""
        return time_text(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        """self_cpu_time_total as text."""
        return time_text(self.self_cpu_time_total)


class FunctionEvent(_Times):
    """One call."""

    count = 1

    def __init__(self, id: int, raw: tuple[Any, ...], origin: int) -> None:  # noqa: A002
        name, kind, start, end, own, thread, depth, memory, own_memory, shapes = raw
        self.id, self.name, self.key, self.thread, self.depth = id, name, name, thread, depth
        self.kind = KINDS[kind]
        self.is_user_annotation = kind == 2
        self.time_range = Interval((start - origin) / 1e3, (end - origin) / 1e3)
        self.cpu_time_total, self.self_cpu_time_total = (end - start) / 1e3, own / 1e3
        self.cpu_memory_usage, self.self_cpu_memory_usage = memory, own_memory
        self.input_shapes: list[list[int]] = shapes
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_str} thread={self.thread} "
            f"input_shapes={self.input_shapes}>"
        )


class FunctionEventAvg(_Times):
    """The sum of the calls of one name."""

    def __init__(self, key: str | None = None, input_shapes: Any = "") -> None:
        self.key: Any = key
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.input_shapes = input_shapes
        self.is_user_annotation = False
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_parent: FunctionEvent | None = None
        self.stack: list[str] = []

    def add(self, other: _Times) -> FunctionEventAvg:
        """Adds a call or a sum of calls."""
        if self.key is None:
            self.key = other.key
        self.count += other.count
        self.cpu_time_total += other.cpu_time_total
        self.self_cpu_time_total += other.self_cpu_time_total
        self.cpu_memory_usage += other.cpu_memory_usage
        self.self_cpu_memory_usage += other.self_cpu_memory_usage
        self.is_user_annotation = getattr(other, "is_user_annotation", False)
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} cpu_time={self.cpu_time_str} "
            f" input_shapes={self.input_shapes}>"
        )


# Columns of a table: heading, and the text of a row out of (event, total of self times).
_COLUMNS = {
    "Self CPU %": lambda e, total: f"{100 * e.self_cpu_time_total / total if total else 0:.2f}%",
    "Self CPU": lambda e, total: e.self_cpu_time_total_str,
    "CPU total %": lambda e, total: f"{100 * e.cpu_time_total / total if total else 0:.2f}%",
    "CPU total": lambda e, total: e.cpu_time_total_str,
    "CPU time avg": lambda e, total: e.cpu_time_str,
    "CPU Mem": lambda e, total: bytes_text(e.cpu_memory_usage),
    "Self CPU Mem": lambda e, total: bytes_text(e.self_cpu_memory_usage),
    "# of Calls": lambda e, total: str(e.count),
    "Input Shapes": lambda e, total: str(e.input_shapes),
}


class EventList(list):  # type: ignore[type-arg]
    """Calls, or sums of calls."""

    def __init__(self, events: Iterable[Any] = (), profile_memory: bool = False, with_shapes: bool = False) -> None:
        super().__init__(events)
        self._profile_memory, self._with_shapes = profile_memory, with_shapes

    @property
    def self_cpu_time_total(self) -> float:
        """All time spent in what was recorded, in microseconds."""
        return sum(e.self_cpu_time_total for e in self)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """Sums by name (and by the shapes of the arguments), in the order in which names first appear."""
        sums: dict[Any, FunctionEventAvg] = {}
        for event in self:
            shapes = event.input_shapes if group_by_input_shape else ""
            key = (event.key, str(shapes))
            if key not in sums:
                sums[key] = FunctionEventAvg(event.key, shapes)
            sums[key].add(event)
        return EventList(sums.values(), self._profile_memory, group_by_input_shape)

    def total_average(self) -> FunctionEventAvg:
        """The sum of everything."""
        total = FunctionEventAvg("Total")
        for event in self:
            total.add(event)
        return total

    def table(
        self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
        max_name_column_width: int = 55, max_shapes_column_width: int = 80, header: str | None = None,
        top_level_events_only: bool = False, time_unit: str | None = None,
    ) -> str:  # fmt: skip
        """The events as a table, the largest `sort_by` (an attribute, such as "cpu_time_total") first."""
        events = [e for e in self if not (top_level_events_only and getattr(e, "depth", 0))]
        if sort_by is not None:
            events.sort(key=lambda e: getattr(e, sort_by.replace("cuda", "device")), reverse=True)
        names = [n for n in _COLUMNS if self._profile_memory or not n.endswith("Mem")]
        if not self._with_shapes:
            names.remove("Input Shapes")
        total = self.self_cpu_time_total
        rows = [
            [_cut(e.key, max_name_column_width)] + [_COLUMNS[n](e, total) for n in names] for e in events[:row_limit]
        ]
        if self._with_shapes:
            rows = [[*r[:-1], _cut(r[-1], max_shapes_column_width)] for r in rows]
        headings = ["Name", *names]
        widths = [max([len(h), *(len(r[i]) for r in rows)]) + 2 for i, h in enumerate(headings)]
        rule = "  ".join("-" * w for w in widths)
        lines = ["  ".join(text.rjust(w) for text, w in zip(r, widths)) for r in [headings, *rows]]
        head = [] if header is None else ["=" * len(rule), header]
        return "\n".join(
            [*head, rule, lines[0], rule, *lines[1:], rule, f"Self CPU time total: {time_text(total)}", ""]
        )

    def __str__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: str | os.PathLike[str], extra: dict[str, Any] | None = None) -> None:
        """Writes the calls as a trace for chrome://tracing, Perfetto and TensorBoard."""
        pid = os.getpid()
        events: list[dict[str, Any]] = [
            {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": "rustorch"}}
        ]
        for e in self:
            events.append(
                {"ph": "X", "cat": e.kind, "name": e.name, "pid": pid, "tid": e.thread, "ts": e.time_range.start,
                 "dur": e.cpu_time_total, "args": {"Input Dims": e.input_shapes} if e.input_shapes else {}}
            )  # fmt: skip
        trace = {
            "schemaVersion": 1,
            "displayTimeUnit": "ms",
            "traceName": str(path),
            **(extra or {}),
            "traceEvents": events,
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump(trace, file)


def _cut(text: str, width: int) -> str:
    return text if width < 0 or len(text) <= width else text[: max(width - 3, 0)] + "..."


def make_events(raws: list[tuple[Any, ...]], profile_memory: bool) -> EventList:
    """The calls of a recording, each told which one it was inside of; times count from the first one."""
    origin = raws[0][2] if raws else 0
    events = EventList((FunctionEvent(i, raw, origin) for i, raw in enumerate(raws)), profile_memory)
    open_calls: dict[int, list[FunctionEvent]] = {}
    for event in events:
        stack = open_calls.setdefault(event.thread, [])
        while stack and (stack[-1].depth >= event.depth or stack[-1].time_range.end < event.time_range.end):
            stack.pop()
        if stack:
            event.cpu_parent = stack[-1]
            stack[-1].cpu_children.append(event)
        stack.append(event)
    return events
