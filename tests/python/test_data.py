"""utils.data: data sets, samplers, collation, the DataLoader with and without worker threads."""

import collections
import os
import signal
import subprocess
import sys
import time

import pytest

import rustorch as rt
from rustorch.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)


class Squares(Dataset):
    def __init__(self, n=17):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(i)
        return rt.tensor([float(i)]), i * i


class Stream(IterableDataset):
    def __init__(self, start, end):
        self.start, self.end = start, end

    def __iter__(self):
        return iter(range(self.start, self.end))


def first_column(loader):
    return [int(x) for a, _ in loader for x in a.flatten().tolist()]


def test_datasets():
    x, y = rt.arange(6).reshape(3, 2), rt.tensor([7, 8, 9])
    t = TensorDataset(x, y)
    assert len(t) == 3 and t[1][0].tolist() == [2, 3] and t[1][1].item() == 8
    with pytest.raises(AssertionError):
        TensorDataset(x, y[:2])
    c = Squares(3) + Squares(4)
    assert isinstance(c, ConcatDataset) and len(c) == 7
    assert c[3][1] == 0 and c[6][1] == 9 and c[-1][1] == 9
    with pytest.raises(ValueError):
        c[-8]
    s = Subset(Squares(), [3, 5])
    assert len(s) == 2 and s[1][1] == 25 and [v for _, v in s.__getitems__([0, 1])] == [9, 25]
    assert list(ChainDataset([Stream(0, 2), Stream(5, 7)])) == [0, 1, 5, 6]
    st = StackDataset(Squares(3), [10, 20, 30])
    assert st[2][1] == 30 and len(st) == 3
    assert StackDataset(a=[1, 2], b=[3, 4])[0] == {"a": 1, "b": 3}
    with pytest.raises(ValueError):
        StackDataset(Squares(3), Squares(4))


def test_random_split():
    g = rt.Generator()
    g.manual_seed(3)
    parts = random_split(range(10), [0.5, 0.33, 0.17], generator=g)
    assert [len(p) for p in parts] == [6, 3, 1]
    assert sorted(x for p in parts for x in p) == list(range(10))
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(range(10), [3, 4])


def test_samplers():
    assert list(SequentialSampler(range(4))) == [0, 1, 2, 3]
    g = rt.Generator()
    g.manual_seed(1)
    a = list(RandomSampler(range(20), generator=g))
    g.manual_seed(1)
    assert a == list(RandomSampler(range(20), generator=g)) and sorted(a) == list(range(20))
    assert len(list(RandomSampler(range(3), num_samples=8))) == 8
    draws = list(RandomSampler(range(3), replacement=True, num_samples=100))
    assert set(draws) == {0, 1, 2} and len(draws) == 100
    assert sorted(SubsetRandomSampler([4, 7, 9])) == [4, 7, 9]
    assert set(WeightedRandomSampler([0.0, 1.0, 0.0], 10)) == {1}
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3 and len(BatchSampler(range(5), 2, True)) == 2
    with pytest.raises(ValueError):
        BatchSampler(range(5), 0, False)
    parts = [list(DistributedSampler(range(10), 4, r, shuffle=False)) for r in range(4)]
    assert parts == [[0, 4, 8], [1, 5, 9], [2, 6, 0], [3, 7, 1]]


def test_collate():
    Point = collections.namedtuple("Point", "x y")
    batch = [{"a": 1, "b": [0.5, "s"], "c": Point(1, rt.ones(2))} for _ in range(3)]
    out = default_collate(batch)
    assert out["a"].dtype == rt.int64 and out["a"].shape == (3,)
    assert out["b"][0].dtype == rt.float64 and out["b"][1] == ("s",) * 3
    assert isinstance(out["c"], Point) and out["c"].y.shape == (3, 2)
    np = pytest.importorskip("numpy")
    assert default_collate([np.float32(1), np.float32(2)]).dtype == rt.float32
    assert default_collate([np.zeros((2, 3)), np.ones((2, 3))]).shape == (2, 2, 3)
    assert isinstance(default_convert((np.zeros(2), "x"))[0], rt.Tensor)
    with pytest.raises(TypeError):
        default_collate([object()])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1, 2], [1]])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_loader_order(workers):
    loader = DataLoader(Squares(), batch_size=4, num_workers=workers)
    assert len(loader) == 5
    batches = list(loader)
    assert [b[1].tolist() for b in batches][-1] == [256]
    assert first_column(loader) == list(range(17))
    assert len(list(DataLoader(Squares(), batch_size=4, drop_last=True, num_workers=workers))) == 4
    assert [int(a) for a, _ in DataLoader(Squares(3), batch_size=None, num_workers=workers)] == [0, 1, 2]


@pytest.mark.parametrize("workers", [0, 2])
def test_shuffle_repeats(workers):
    def run():
        g = rt.Generator()
        g.manual_seed(11)
        return first_column(DataLoader(Squares(), 3, shuffle=True, generator=g, num_workers=workers))

    a = run()
    assert a == run() and sorted(a) == list(range(17)) and a != list(range(17))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("own", [True, False])
def test_resume_in_the_middle(workers, own):
    def make():
        g = None
        if own:
            g = rt.Generator()
            g.manual_seed(5)
        return DataLoader(Squares(), 3, shuffle=True, generator=g, num_workers=workers)

    rt.manual_seed(4)
    loader = make()
    it = iter(loader)
    head = [next(it)[1].tolist() for _ in range(2)]
    state = loader.state_dict()
    tail = [b[1].tolist() for b in it]
    rt.manual_seed(99)
    other = make()
    other.load_state_dict(state)
    assert [b[1].tolist() for b in other] == tail
    assert len(head) + len(tail) == 6
    # a finished epoch starts anew
    assert loader.state_dict()["num_batches"] == 0


def test_iterable_with_workers():
    def split(worker_id):
        info = get_worker_info()
        n = info.dataset.end - info.dataset.start
        part = -(-n // info.num_workers)
        start = info.dataset.start
        info.dataset.start = start + worker_id * part
        info.dataset.end = min(start + (worker_id + 1) * part, info.dataset.end)

    assert [b.tolist() for b in DataLoader(Stream(0, 5), batch_size=2)] == [[0, 1], [2, 3], [4]]
    loader = DataLoader(Stream(0, 7), batch_size=2, num_workers=2, worker_init_fn=split)
    assert sorted(x for b in loader for x in b.tolist()) == list(range(7))
    assert [b.tolist() for b in loader] == [[0, 1], [4, 5], [2, 3], [6]]


def test_persistent_workers():
    loader = DataLoader(Squares(), 4, num_workers=2, persistent_workers=True)
    assert first_column(loader) == first_column(loader) == list(range(17))
    it = iter(loader)
    next(it)  # leave in the middle: the next epoch starts from the beginning
    assert first_column(loader) == list(range(17))


def test_worker_errors_and_timeout():
    class Bad(Squares):
        def __getitem__(self, i):
            if i == 5:
                raise KeyError("five")
            return super().__getitem__(i)

    with pytest.raises(KeyError, match="five"):
        list(DataLoader(Bad(), 2, num_workers=2))

    class Slow(Squares):
        def __getitem__(self, i):
            time.sleep(1.0)
            return super().__getitem__(i)

    with pytest.raises(RuntimeError, match="timed out after 0.05"):
        next(iter(DataLoader(Slow(), 1, num_workers=1, timeout=0.05)))

    def broken(_):
        raise RuntimeError("no init")

    with pytest.raises(RuntimeError, match="no init"):
        list(DataLoader(Squares(), num_workers=1, worker_init_fn=broken))


def test_worker_generator_is_independent_of_workers():
    class Noisy(Squares):
        def __getitem__(self, i):
            return rt.rand((), generator=get_worker_info().generator).item()

    def run(workers):
        g = rt.Generator()
        g.manual_seed(0)
        return [b.tolist() for b in DataLoader(Noisy(), 4, num_workers=workers, generator=g)]

    assert run(1) == run(2) == run(3)
    assert get_worker_info() is None


def test_option_errors():
    with pytest.raises(ValueError, match="mutually exclusive with shuffle"):
        DataLoader(Squares(), sampler=SequentialSampler(range(3)), shuffle=True)
    with pytest.raises(ValueError, match="batch_sampler option"):
        DataLoader(Squares(), batch_sampler=[[0]], batch_size=2)
    with pytest.raises(ValueError, match="num_workers option"):
        DataLoader(Squares(), num_workers=-1)
    with pytest.raises(ValueError, match="prefetch_factor"):
        DataLoader(Squares(), prefetch_factor=2)
    with pytest.raises(ValueError, match="shuffle"):
        DataLoader(Stream(0, 3), shuffle=True)
    loader = DataLoader(Squares())
    with pytest.raises(ValueError, match="batch_size attribute"):
        loader.batch_size = 3
    assert [b[1].tolist() for b in DataLoader(Squares(4), batch_sampler=[[3, 1], [0]])] == [[9, 1], [0]]
    assert list(DataLoader(Squares(3), 2, collate_fn=lambda b: [v for _, v in b])) == [[0, 1], [4]]


class Fails(Squares):
    def __getitem__(self, i):
        if i == 5:
            raise self.error
        return super().__getitem__(i)


class TwoArguments(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


@pytest.mark.parametrize(
    "error", [ValueError("five"), KeyError("five"), TwoArguments("five", 5)], ids=lambda e: type(e).__name__
)
def test_errors_name_the_worker(error):
    data = Fails(12)
    data.error = error
    loader = iter(DataLoader(data, 2, num_workers=3))
    next(loader), next(loader)
    kind = RuntimeError if isinstance(error, TwoArguments) else type(error)
    with pytest.raises(
        kind, match=f"Caught {type(error).__name__} in DataLoader worker process 2.\nOriginal Traceback"
    ) as e:
        next(loader)
    assert e.value.__cause__ is error
    assert next(loader)[1].tolist() == [36, 49]  # the epoch goes on


def test_any_order():
    class Uneven(Squares):
        def __getitem__(self, i):
            time.sleep(0.3 if i == 0 else 0.0)
            return i

    loader = DataLoader(Uneven(8), None, num_workers=2, in_order=False)
    got = list(loader)
    assert sorted(got) == list(range(8)) and got[0] != 0
    assert list(DataLoader(Uneven(8), None, num_workers=2)) == list(range(8))


def test_each_worker_has_its_copy_of_a_stream():
    class Counting(Stream):
        def __iter__(self):
            info = get_worker_info()
            self.start += info.id
            return iter(range(self.start, self.end, info.num_workers))

    data = Counting(0, 9)
    loader = DataLoader(data, None, num_workers=3, multiprocessing_context="fork", pin_memory=True)
    assert sorted(loader) == list(range(9)) and data.start == 0
    seeds, ids = set(), []

    def init(worker):
        seeds.add(get_worker_info().seed - worker)
        ids.append((worker, get_worker_info().id, get_worker_info().num_workers))

    list(DataLoader(Stream(0, 3), num_workers=2, worker_init_fn=init))
    assert len(seeds) == 1 and sorted(ids) == [(0, 0, 2), (1, 1, 2)]


def test_context_errors():
    with pytest.raises(ValueError, match="only be used with multi-process"):
        DataLoader(Squares(), multiprocessing_context="fork")
    with pytest.raises(ValueError, match="valid start method"):
        DataLoader(Squares(), num_workers=1, multiprocessing_context="threads")


PROGRAM = """
import signal, time, rustorch as rt
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell gives its background jobs a deaf one
from rustorch.utils.data import DataLoader, Dataset
class Slow(Dataset):
    def __len__(self): return 100
    def __getitem__(self, i):
        time.sleep(0.05)
        return i
for batch in DataLoader(Slow(), 2, num_workers=2, prefetch_factor=50, multiprocessing_context={context!r}):
    print("got", flush=True)
    {then}
"""


@pytest.mark.parametrize("context", [None, "fork"])
@pytest.mark.parametrize("then", ["break", "raise SystemExit(0)", "pass"])
def test_leaving_early_does_not_hang(then, context):
    program = PROGRAM.format(then=then, context=context)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"got\n"
    start = time.monotonic()
    if then == "pass":
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # 100 samples of 50 ms each wait in the queues: they are left, not made
    assert time.monotonic() - start < 4.0
    if then == "pass":
        assert process.returncode != 0 and b"KeyboardInterrupt" in errors
    else:
        assert process.returncode == 0 and errors == b""


class Random(Dataset):
    """Module-level, so that it can be sent to a process."""

    def __len__(self):
        return 6

    def __getitem__(self, i):
        if i == 5 and getattr(self, "bad", False):
            raise KeyError("five")
        return {"i": i, "x": rt.full((2,), float(i)), "pid": os.getpid(), "noise": rt.rand(()).item()}


class Dies(Random):
    def __getitem__(self, i):
        os._exit(3)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_worker_processes(context):
    def run():
        loader = DataLoader(Random(), 2, num_workers=2, multiprocessing_context=context, persistent_workers=True)
        return [b for _ in range(2) for b in loader]

    rt.manual_seed(3)
    batches = run()
    assert [b["i"].tolist() for b in batches] == [[0, 1], [2, 3], [4, 5]] * 2
    assert [b["x"].tolist() for b in batches[:2]] == [[[0.0, 0.0], [1.0, 1.0]], [[2.0, 2.0], [3.0, 3.0]]]
    pids = {p for b in batches for p in b["pid"].tolist()}
    assert len(pids) == 2 and os.getpid() not in pids
    noise = [v for b in batches for v in b["noise"].tolist()]
    assert len(set(noise)) == 12
    if context == "fork":
        rt.manual_seed(3)
        assert [v for b in run() for v in b["noise"].tolist()] == noise
        bad = Random()
        bad.bad = True
        with pytest.raises(KeyError, match="Caught KeyError in DataLoader worker process 1.\nOriginal"):
            list(DataLoader(bad, 1, num_workers=2, multiprocessing_context="fork"))
        with pytest.raises(RuntimeError, match="exited unexpectedly"):
            list(DataLoader(Dies(), 1, num_workers=1, multiprocessing_context="fork"))
        loader = DataLoader(
            Random(), None, num_workers=1, multiprocessing_context="fork", collate_fn=lambda s: lambda: s
        )
        with pytest.raises(RuntimeError, match="cannot be sent"):
            next(iter(loader))
