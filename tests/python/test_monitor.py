"""rustorch.monitor: events reach handlers, statistics close their windows."""

import time
from datetime import datetime, timedelta

import pytest

from rustorch import monitor
from rustorch.monitor import COUNT, MAX, MEAN, MIN, SUM, VALUE, Event, Stat


@pytest.fixture
def events():
    found = []
    handle = monitor.register_event_handler(found.append)
    yield found
    monitor.unregister_event_handler(handle)


def test_events(events):
    now = datetime(2020, 1, 2)
    monitor.log_event(Event("n", now, {"a": 1, "b": 2.5, "c": True, "d": "x"}))
    assert (events[0].name, events[0].timestamp, events[0].data["d"]) == ("n", now, "x")
    with pytest.raises(TypeError, match="strings and numbers"):
        Event("n", now, {"a": [1]})
    handle = monitor.register_event_handler(events.append)
    monitor.unregister_event_handler(handle)
    monitor.log_event(events[0])
    assert len(events) == 2


def test_a_window_ends_by_the_clock(events):
    stat = Stat("bar", [SUM, VALUE], timedelta(milliseconds=40))
    while stat._now() == stat._window:  # at the beginning of a window
        time.sleep(0.001)
    stat.add(1)
    stat.add(2)
    assert stat.count == 2 and stat.get() == {SUM: 0.0}
    time.sleep(0.1)
    assert stat.get() == {SUM: 3.0, VALUE: 2.0} and stat.count == 0
    assert events[0].name == "torch.monitor.Stat" and events[0].data == {"bar.sum": 3.0, "bar.value": 2.0}


def test_a_window_ends_by_the_number_of_values(events):
    stat = Stat("baz", [SUM, COUNT, MEAN, MAX, MIN], timedelta(seconds=10**6), 2)
    for value in (1, 2, 7):
        stat.add(value)
    assert stat.get() == {SUM: 3.0, COUNT: 2.0, MEAN: 1.5, MAX: 2.0, MIN: 1.0} and stat.count == 0
    assert len(events) == 1 and int(MEAN) == 2 and str(MEAN) == "Aggregation.MEAN"


def test_what_is_left_is_told_at_the_end(events):
    stat = Stat("rest", [COUNT], timedelta(seconds=10**6))
    stat.add(1)
    del stat
    assert events[0].data == {"rest.count": 1.0}


def test_scalars_for_a_board(events):
    rows = []

    class Writer:
        def add_scalar(self, key, value, walltime):
            rows.append((key, value, walltime))

    handler = monitor.TensorboardEventHandler(Writer())
    handler(Event("other", datetime.now(), {"a": 1}))
    handler(Event("torch.monitor.Stat", datetime.now(), {"a.sum": 1.0}))
    assert [r[:2] for r in rows] == [("a.sum", 1.0)]
