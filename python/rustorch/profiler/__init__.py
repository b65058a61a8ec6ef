"""Where the time goes: operator calls, gradient nodes and named ranges, with sums, tables and Chrome traces.

    with profile() as p:
        with record_function("forward"):
            ...
    print(p.key_averages().table(sort_by="cpu_time_total"))

Recorded are the operators that a program calls (those inside a composed operator count for it), the nodes of backward
passes, and ranges. One recording runs at a time in a process; all threads come together in it. Device times are 0.
"""

from ._events import EventList, FunctionEvent, FunctionEventAvg, Interval
from ._profile import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval", "ProfilerAction", "ProfilerActivity", "profile",
           "record_function", "schedule", "supported_activities", "tensorboard_trace_handler"]  # fmt: skip
