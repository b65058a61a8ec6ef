"""What stands beside scripts: containers of one type, FileCheck, counters, dispatch keys, measuring calls."""

import threading

import pytest

import rustorch as rt
from rustorch import FileCheck, ScriptDict, ScriptList
from rustorch.jit import _logging


def test_lists_of_one_type():
    values = ScriptList([1, 2, 3])
    assert (len(values), values[-1], list(values), 2 in values, repr(values)) == (3, 3, [1, 2, 3], True, "[1, 2, 3]")
    values.append(4)
    values.insert(0, 9)
    values.extend([7])
    assert values.pop() == 7 and values.pop(0) == 9
    values.remove(2)
    values[0] = 5
    values[0:1] = [8]
    del values[0]
    assert list(values[0:2]) == [3, 4] and values.count(3) == 1 and type(iter(values)) is rt.ScriptListIterator
    for wrong in (lambda: values.append("a"), lambda: "a" in values, lambda: values.count(1.5)):
        with pytest.raises(TypeError, match="argument is of the wrong type"):
            wrong()
    with pytest.raises(rt.JITException, match="Found int and str"):
        ScriptList([1, "a"])
    with pytest.raises(IndexError):
        values[10]
    nested = ScriptList([[1], [2]])
    nested.append([])
    assert rt.jit.Error is rt.JITException and len(nested) == 3


def test_dicts_of_one_type():
    table = ScriptDict({"a": 1})
    table["b"] = 2
    assert "a" in table and 1 not in table and list(table) == ["a", "b"] and list(table.items()) == [("a", 1), ("b", 2)]
    assert repr(table) == "{a: 1, b: 2}" and isinstance(table.keys(), rt.ScriptDictKeyIterator)
    assert isinstance(table.items(), rt.ScriptDictIterator)
    del table["a"]
    with pytest.raises(KeyError):
        table["a"]
    with pytest.raises(TypeError, match="key is of the wrong type"):
        table[1] = 2
    with pytest.raises(TypeError, match="value is of the wrong type"):
        table["q"] = "x"
    with pytest.raises(RuntimeError, match="Cannot create dict for key type"):
        ScriptDict({(1, 2): 1})


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda: FileCheck().check("a").check_next("b"), "xx a\n b yy\n"),
        (lambda: FileCheck().check_count("a", 2), "a a a"),
        (lambda: FileCheck().check_dag("b").check_dag("a"), "a b"),
        (lambda: FileCheck().check_regex("a+b"), "aaab"),
        (lambda: FileCheck().check("a").check_same("b").check_not("q"), "a b"),
        (lambda: FileCheck().check_source_highlighted("foo"), "x = foo(a)\n    ~~~ <--- HERE"),
    ],
)
def test_texts_that_pass(check, text):
    check().run(text)


@pytest.mark.parametrize(
    ("check", "text", "message"),
    [
        (lambda: FileCheck().check("zz"), "xx a\n b", '(?s)Expected to find "zz" but did not find it.*From CHECK: zz'),
        (
            lambda: FileCheck().check("a").check_not("q").check("b"),
            "a q b",
            '(?s)not find "q" but found it.*CHECK-NOT: q',
        ),
        (lambda: FileCheck().check_count("a", 2, exactly=True), "a a a", "CHECK-NOT: a"),
        (lambda: FileCheck().check_count("a", 4), "a a a", "CHECK-COUNT-4: a"),
        (lambda: FileCheck().check("a").check_same("b"), "a \nb", "CHECK-SAME: b"),
        (lambda: FileCheck().check("a").check_next("b"), "a \n\nb", "CHECK-NEXT: b"),
        (lambda: FileCheck().check("a").check_next("b"), "a b", "CHECK-NEXT: b"),
        (lambda: FileCheck().check_regex("a+c"), "aaab", "CHECK-REGEX"),
        (lambda: FileCheck(), "abc", "No checks have been added"),
    ],
)
def test_texts_that_fail(check, text, message):
    with pytest.raises(RuntimeError, match=message):
        check().run(text)


def test_checks_in_comments():
    FileCheck().run("# CHECK: foo\n# CHECK-NEXT: bar\n# CHECK-COUNT-2: x\n# CHECK-NOT: z", "foo\nbar x x")
    with pytest.raises(RuntimeError, match="CHECK-NEXT: bar"):
        FileCheck().run("# CHECK: foo\n# CHECK-NEXT: bar", "foo\n\nbar")


def test_counters():
    logger = rt.LockingLogger()
    before = _logging.set_logger(logger)
    try:
        for value in (3, 4):
            _logging.add_stat_value("foo", value)
        assert logger.get_counter_val("foo") == 7 and logger.get_counter_val("none") == 0
        logger.set_aggregation_type("foo", rt.AVG)
        assert logger.get_counter_val("foo") == 3 and isinstance(before, rt.NoopLogger) and int(rt.SUM) == 0
    finally:
        assert _logging.set_logger(before) is logger
    with pytest.raises(TypeError, match="No constructor"):
        rt.LoggerBase()


def test_dispatch_keys():
    key, keys = rt.DispatchKey, rt._C._dispatch_keys
    mine = keys(rt.ones(2))
    assert (
        str(mine) == "DispatchKeySet(CPU, ADInplaceOrView, AutogradCPU, AutocastCPU)"
        and mine.raw_repr() == 635655225345
    )
    assert mine.has(key.CPU) and not mine.has(key.CUDA) and mine.highestPriorityTypeId() is key.AutocastCPU
    assert str(keys(rt.ones(2, device="meta"))) == "DispatchKeySet(Meta, ADInplaceOrView, AutogradMeta)"
    assert "SparseCPU" in str(keys(rt.eye(2).to_sparse()))
    both = rt.DispatchKeySet(key.CPU) | rt.DispatchKeySet(key.SparseMeta)
    assert str(both) == "DispatchKeySet(CPU, Meta, SparseCPU, SparseMeta)" and str(key.CPU) == "DispatchKey.CPU"
    assert (int(key.Meta), int(key.AutogradCPU), int(key.Autograd)) == (64, 134, 150)
    assert (
        mine.remove(key.CPU).raw_repr() == 635655159809 and repr(rt.DispatchKeySet(key.Autograd)) == "DispatchKeySet()"
    )
    x = rt.ones(2, requires_grad=True)
    with rt.ExcludeDispatchKeyGuard(rt.DispatchKeySet(key.AutogradCPU)) as nothing:
        assert nothing is None and not (x * 2).requires_grad
    assert (x * 2).requires_grad
    with rt.autocast("cpu"), rt.ExcludeDispatchKeyGuard(rt.DispatchKeySet(key.AutocastCPU)):
        assert (rt.ones(2, 2) @ rt.ones(2, 2)).dtype == rt.float32


def test_calls_from_several_threads_are_measured(tmp_path):
    seen = set()

    class Model(rt.nn.Module):
        def forward(self, x, k=1.0):
            seen.add(threading.get_ident())
            return x * k

    bench = rt.utils.ThroughputBenchmark(Model())
    with pytest.raises(RuntimeError, match="add_input"):
        bench.benchmark()
    bench.add_input(rt.ones(2), k=3.0)
    assert bench.run_once(rt.ones(1), k=2.0).item() == 2.0
    stats = bench.benchmark(num_calling_threads=2, num_warmup_iters=2, num_iters=20)
    assert stats.num_iters == 20 and stats.latency_avg_ms > 0 and "iterations: 20" in str(stats) and len(seen) == 3
    plain, config = rt.ThroughputBenchmark(Model()), rt.BenchmarkConfig()
    plain.add_input(rt.ones(2))
    config.num_iters, config.profiler_output_path = 3, str(tmp_path / "trace.json")
    assert isinstance(plain.benchmark(config), rt.BenchmarkExecutionStats) and (tmp_path / "trace.json").exists()
    failing = rt.ThroughputBenchmark(lambda: 1 / 0)
    failing.add_input()
    with pytest.raises(ZeroDivisionError):
        failing.benchmark(config)


def test_small_names():
    class Thing:
        @rt.classproperty
        def name(cls):  # noqa: N805
            return cls.__name__.lower()

    assert Thing.name == Thing().name == "thing" and rt.TYPE_CHECKING is False and "unique_dim" in rt.PRIVATE_OPS
    assert rt.get_file_path("a", "b").endswith("a/b") and rt.prepare_multiprocessing_environment("x") is None
    assert rt.get_autocast_ipu_dtype() == rt.float16 and rt.get_autocast_xla_dtype() == rt.bfloat16
    assert not rt.is_autocast_ipu_enabled() and not rt.is_autocast_enabled("xla")
    rt.set_autocast_xla_enabled(True)
    assert rt.is_autocast_xla_enabled() and rt.is_autocast_enabled("xla")
    rt.set_autocast_enabled("xla", False)
    rt.set_autocast_ipu_dtype(rt.bfloat16)
    assert rt.get_autocast_dtype("ipu") == rt.bfloat16 and not rt.is_autocast_xla_enabled()
    rt.set_autocast_ipu_dtype(rt.float16)
    assert isinstance(rt.ones(2).untyped_storage(), rt.StorageBase) and list(rt.Storage([1, 2])) == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="Cannot directly construct"):
        rt.StorageBase(4)
