"""profile, record_function, and the schedule by which a long run is recorded in parts."""

from __future__ import annotations

import enum
import functools
import json
import os
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from rustorch import _C

from ._events import EventList, FunctionEventAvg, make_events

_core: Any = _C._profiler  # type: ignore[attr-defined]


class ProfilerActivity(enum.Enum):
    """What can be recorded. Here: the CPU."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a profile does in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """The CPU."""
    return {ProfilerActivity.CPU}


class record_function:  # noqa: N801
    """A named range: `with record_function("forward"): ...`, or as a decorator. Costs next to nothing when nothing is
    recorded.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"record_function(): the name must be a str; got {type(name).__name__}")
        self.name, self.args = name, args

    def __enter__(self) -> record_function:
        _core.enter(self.name)
        return self

    def __exit__(self, *error: object) -> None:
        _core.leave()

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return fn(*args, **kwargs)

        return wrapped


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """What to do in which step: after `skip_first` steps, `repeat` times (0: without end) `wait` steps nothing, `warmup`
    steps recorded and dropped, `active` steps recorded. skip_first_wait != 0 leaves out the first `wait`.
    """
    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError("Invalid profiler schedule arguments")
    cycle = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError("Step must be non-negative")
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False) -> Any:
    """For `on_trace_ready`: writes each recording as a file of its own into a folder."""

    def handler(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        end = ".pt.trace.json.gz" if use_gzip else ".pt.trace.json"
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}{end}"))

    return handler


class profile:  # noqa: N801
    """Records what happens inside `with`, or between start() and stop(). With a `schedule`, step() ends a step of the
    program, and on_trace_ready(profile) is called when a recording is complete. activities, with_stack, with_flops and
    what concerns other devices are accepted; only the CPU's times are recorded.
    """

    def __init__(
        self, activities: Iterable[ProfilerActivity] | None = None, schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None, record_shapes: bool = False, profile_memory: bool = False,
        with_stack: bool = False, with_flops: bool = False, with_modules: bool = False, **other: Any,
    ) -> None:  # fmt: skip
        self.activities = set(activities) if activities is not None else supported_activities()
        self.record_shapes, self.profile_memory = record_shapes, profile_memory
        self.on_trace_ready = on_trace_ready
        self.schedule = schedule or _always
        self.record_steps = schedule is not None
        self.step_num = 0
        self.current_action = self.schedule(0)
        self._events: EventList | None = None
        self._recording = False
        self._step_range: record_function | None = None
        self._metadata: dict[str, Any] = {}

    # ---- the recording

    def start(self) -> None:
        """Begins."""
        self._enter_action(ProfilerAction.NONE, self.current_action)
        self._begin_step()

    def stop(self) -> None:
        """Ends."""
        self._end_step()
        self._finish(self.current_action is not ProfilerAction.WARMUP)

    def step(self) -> None:
        """Ends a step of the program; the schedule says what happens next."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        self._enter_action(before, self.current_action)
        self._begin_step()

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _begin_step(self) -> None:
        if self.record_steps:
            self._step_range = record_function(f"ProfilerStep#{self.step_num}")
            self._step_range.__enter__()

    def _end_step(self) -> None:
        if self._step_range is not None:
            self._step_range.__exit__()
            self._step_range = None

    def _enter_action(self, before: ProfilerAction, after: ProfilerAction) -> None:
        records = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if before is ProfilerAction.RECORD_AND_SAVE:
            self._finish(True)
        elif before in records and after not in records:
            self._finish(False)
        if after in records and not self._recording:
            _core.start(self.record_shapes, self.profile_memory)
            self._recording = True

    def _finish(self, save: bool) -> None:
        if not self._recording:
            return
        self._recording = False
        self._events = make_events(_core.stop(), self.profile_memory)
        if save and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    # ---- what was recorded

    def _need(self) -> EventList:
        if self._events is None:
            raise AssertionError("Profiler must be initialized before getting key averages")
        return self._events

    def events(self) -> EventList:
        """The calls of the last recording, in the order in which they began."""
        return self._need()

    @property
    def function_events(self) -> EventList:
        """The calls of the last recording."""
        return self._need()

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, **other: Any) -> EventList:
        """Their sums by name."""
        return self._need().key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self) -> FunctionEventAvg:
        """The sum of all of them."""
        return self._need().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """All time spent in what was recorded, in microseconds."""
        return self._need().self_cpu_time_total

    def table(self, *args: Any, **kwargs: Any) -> str:
        """The calls as a table."""
        return self._need().table(*args, **kwargs)

    def add_metadata(self, key: str, value: str) -> None:
        """A text for the trace file."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """A JSON value for the trace file."""
        self._metadata[key] = json.loads(value)

    def preset_metadata_json(self, key: str, value: str) -> None:
        """A JSON value for the trace file."""
        self.add_metadata_json(key, value)

    def export_chrome_trace(self, path: str) -> None:
        """Writes the recording for chrome://tracing and Perfetto; a name that ends in .gz is compressed."""
        extra = {
            "record_shapes": int(self.record_shapes), "profile_memory": int(self.profile_memory), **self._metadata,
        }  # fmt: skip
        if not str(path).endswith(".gz"):
            self._need().export_chrome_trace(path, extra)
            return
        import gzip
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "trace.json")
            self._need().export_chrome_trace(plain, extra)
            with open(plain, "rb") as source, gzip.open(path, "wb") as target:
                target.write(source.read())

    def __repr__(self) -> str:
        return repr(self._events) if self._events is not None else "<unfinished profiler.profile>"
