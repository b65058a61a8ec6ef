"""rustorch.profiler: what is recorded, the sums, the table, the trace file, the schedule, and what goes wrong."""

import json
import threading

import pytest

import rustorch as rt
from rustorch.profiler import ProfilerAction, ProfilerActivity, profile, record_function, schedule


def _run():
    w = rt.ones(4, 3, requires_grad=True)
    with record_function("forward"):
        loss = (rt.nn.functional.linear(rt.ones(2, 3), w) + 1).sum()
    with record_function("backward"):
        loss.backward()


def test_operators_nodes_and_ranges_are_counted_with_their_times():
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True) as p:
        _run()
        _run()
    sums = {e.key: e for e in p.key_averages()}
    assert {
        k: sums[k].count for k in ("forward", "backward", "aten::linear", "aten::add", "LinearBackward0")
    } == dict.fromkeys(("forward", "backward", "aten::linear", "aten::add", "LinearBackward0"), 2)
    forward = sums["forward"]
    assert forward.cpu_time_total >= forward.self_cpu_time_total + sums["aten::linear"].cpu_time_total > 0
    assert forward.cpu_time == forward.cpu_time_total / 2
    assert sums["aten::linear"].cpu_memory_usage > 0
    shapes = [e.input_shapes for e in p.key_averages(group_by_input_shape=True) if e.key == "aten::linear"]
    assert shapes == [[[2, 3], [4, 3]]]
    by_name = {e.name: e for e in p.events()}
    assert by_name["aten::linear"].cpu_parent is by_name["forward"]
    assert by_name["LinearBackward0"].cpu_parent is by_name["backward"]
    assert p.total_average().count == len(p.events())


def test_table_and_trace(tmp_path):
    with profile() as p:
        _run()
    lines = p.key_averages().table(sort_by="cpu_time_total", row_limit=2).splitlines()
    assert lines[1].split()[:4] == ["Name", "Self", "CPU", "%"]
    assert len(lines) == 7
    assert lines[3].split()[0] in ("forward", "backward")
    assert lines[-1].startswith("Self CPU time total: ")
    for name in ("trace.json", "trace.json.gz"):
        p.export_chrome_trace(str(tmp_path / name))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    forward = next(e for e in events if e["name"] == "forward")
    inner = next(e for e in events if e["name"] == "aten::linear")
    assert forward["ts"] <= inner["ts"] and inner["ts"] + inner["dur"] <= forward["ts"] + forward["dur"]


def test_schedule_and_steps():
    plan = schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)
    none, warm, record, save = ProfilerAction
    assert [plan(i) for i in range(11)] == [none, none, warm, record, save, none, warm, record, save, none, none]
    ready = []
    with profile(schedule=schedule(wait=1, warmup=0, active=2, repeat=1), on_trace_ready=ready.append) as p:
        for _ in range(5):
            rt.ones(2).sum()
            p.step()
    assert ready == [p]
    assert [e.count for e in p.key_averages() if e.key == "aten::sum"] == [2]
    with pytest.raises(AssertionError):
        schedule(wait=-1, warmup=0, active=1)


def test_threads_decorators_and_errors():
    @record_function("named")
    def work():
        return rt.ones(3) + 1

    with profile() as p:
        other = threading.Thread(target=work)
        other.start()
        other.join()
        work()
    events = [e for e in p.events() if e.name == "named"]
    assert len({e.thread for e in events}) == 2
    work()  # nothing is recorded, nothing happens
    with profile(), pytest.raises(RuntimeError, match="runs already"):
        profile().start()
    with rt.autograd.profiler.profile(enabled=False):
        work()
    with rt.autograd.profiler.profile() as old:
        work()
    assert old.key_averages()[0].key == "named"


def test_ranges_across_the_ends_of_a_recording():
    p = profile()
    with record_function("before"):
        p.start()
        with record_function("inside"):
            rt.ones(2).add(1)
        after = record_function("after").__enter__()
        p.stop()
    after.__exit__()
    assert [e.name for e in p.events()] == ["inside", "aten::ones", "aten::add"]
    with profile() as again:
        rt.ones(2)
    assert [e.name for e in again.events()] == ["aten::ones"]
