"""Failing every allocation of a training step in turn: a typed error, nothing leaked, and a next step with the same bits
as an undisturbed one."""

import copy
import gc
import os
import time

import pytest

import rustorch as rt
import rustorch.nn.functional as F
from rustorch import _C, errors, nn


@pytest.fixture(autouse=True)
def quick_collections():
    """gc.collect() after every failure looks at what the test made, not at all that was imported."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), rt.randn(10, 6)


def cnn():
    layers = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                           nn.Dropout(0.3), nn.Linear(48, 3))  # fmt: skip
    return layers, rt.randn(4, 1, 8, 8)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(7, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.layer(self.words(x)).mean(1))


def transformer():
    return Classifier(), rt.randint(0, 7, (4, 5))


def recurrent():
    class Last(nn.LSTM):
        def forward(self, x):
            return super().forward(x)[0][:, -1]

    return Last(4, 3, batch_first=True), rt.randn(5, 6, 4)


def bits(tensors):
    return [t.detach().cpu().tolist() for t in tensors]


class Training:
    """A model and its optimizer, which can be put back to where they were."""

    def __init__(self, make, optimizer, device="cpu"):
        rt.manual_seed(5)
        model, x = make()
        self.model, self.x = model.to(device), x.to(device)
        self.y = rt.randint(0, 3, (len(x),)).to(device)
        self.optimizer = optimizer(self.model.parameters())
        self.start = {k: v.clone() for k, v in self.model.state_dict().items()}

    def gradients(self):
        rt.manual_seed(6)
        self.model.zero_grad()
        F.cross_entropy(self.model(self.x), self.y).backward()

    def step(self):
        self.gradients()
        self.optimizer.step()

    def buffers_back(self):
        with rt.no_grad():
            for name, buffer in self.model.named_buffers():
                buffer.copy_(self.start[name])


def fail_all(action, limit=3000, rest=False):
    """Runs `action` with each allocation failing in turn, until it passes; yields after every failure."""
    for n in range(limit):
        _C._fail_allocation(n, rest)
        try:
            action()
        except errors.OutOfMemoryError:
            failed = True
        else:
            failed = False
        finally:
            triggered = _C._fail_allocation(-1)
        assert failed == triggered, "a failed allocation was swallowed"
        if not failed:
            return
        yield n  # outside of the handler, whose traceback holds the locals of the step
    raise AssertionError("no end")


@pytest.mark.parametrize("rest", [False, True])
@pytest.mark.parametrize("make", [mlp, cnn, transformer, recurrent])
def test_forward_and_backward(make, rest):
    t = Training(make, lambda p: rt.optim.SGD(p, lr=0.1))
    t.gradients()
    expected = bits(p.grad for p in t.model.parameters())
    t.model.zero_grad()
    t.buffers_back()
    gc.collect()
    before = rt.memory_stats()["allocated_bytes"]
    count = 0
    for n in fail_all(t.gradients, rest=rest):
        count += 1
        t.model.zero_grad()
        assert rt.memory_stats()["allocated_bytes"] == before, f"allocation {n} leaked"
        t.buffers_back()
        if n % 3 == 0:
            t.gradients()
            assert bits(p.grad for p in t.model.parameters()) == expected, f"after failing allocation {n}"
            t.model.zero_grad()
            t.buffers_back()
    assert count > 10


OPTIMIZERS = {
    "SGD": lambda p: rt.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "Adam": lambda p: rt.optim.Adam(p, lr=0.01, weight_decay=0.01, amsgrad=True),
    "AdamW": lambda p: rt.optim.AdamW(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_step(name):
    """A step that fails changes nothing that a retry would not set right."""
    reference = Training(mlp, OPTIMIZERS[name])
    for _ in range(2):
        reference.step()
    expected = bits(reference.model.parameters())
    failures = 0
    for first in (True, False):  # the step that makes the state, and one that finds it
        for n in range(200):
            t = Training(mlp, OPTIMIZERS[name])
            if not first:
                t.step()
            t.gradients()
            _C._fail_allocation(n)
            try:
                t.optimizer.step()
            except errors.OutOfMemoryError:
                assert _C._fail_allocation(-1)
            else:
                assert not _C._fail_allocation(-1)
                break
            failures += 1
            t.optimizer.step()
            if first:
                t.step()
            assert bits(t.model.parameters()) == expected, f"after failing allocation {n} of a step"
    assert failures > 0


def matrices(p):
    return [q for q in p if q.dim() == 2]


# Their steps write as they go: one that fails stays half done, and whoever wants to go on restores what was saved.
OTHERS = {
    "Adadelta": lambda p: rt.optim.Adadelta(p, lr=0.1, weight_decay=0.01),
    "Adagrad": lambda p: rt.optim.Adagrad(p, lr=0.1, lr_decay=0.1),
    "Adamax": lambda p: rt.optim.Adamax(p),
    "NAdam": lambda p: rt.optim.NAdam(p),
    "RAdam": lambda p: rt.optim.RAdam(p),
    "ASGD": lambda p: rt.optim.ASGD(p, t0=0),
    "RMSprop": lambda p: rt.optim.RMSprop(p, momentum=0.9, centered=True),
    "Rprop": lambda p: rt.optim.Rprop(p),
    "Adafactor": lambda p: rt.optim.Adafactor(p),
    "Muon": lambda p: rt.optim.Muon(matrices(p), lr=0.01),
    "LBFGS": lambda p: rt.optim.LBFGS(p, lr=0.1, max_iter=3),
    "Lion": lambda p: rt.optim.Lion(p),
    "LAMB": lambda p: rt.optim.LAMB(p),
    "AdaBound": lambda p: rt.optim.AdaBound(p),
}


@pytest.mark.parametrize("name", OTHERS)
def test_optimizers_go_on_from_what_was_saved(name):
    """A failed step raises the typed error; after load_state_dict of what was there before it, nothing is left of it."""

    def step(t):
        if name == "LBFGS":
            return t.optimizer.step(lambda: (t.gradients(), F.cross_entropy(t.model(t.x), t.y))[1])
        t.gradients()
        return t.optimizer.step()

    def saved(t):
        return copy.deepcopy((t.model.state_dict(), t.optimizer.state_dict()))

    reference = Training(mlp, OTHERS[name])
    for _ in range(3):
        step(reference)
    expected = bits(reference.model.parameters())
    t, failures = Training(mlp, OTHERS[name]), 0
    start = saved(t)
    for steps in (0, 1):  # the step that makes the state, and one that finds it
        n, level = 0, None
        while True:
            t.model.load_state_dict(start[0])
            t.optimizer.load_state_dict(copy.deepcopy(start[1]))  # it takes the tensors over
            for _ in range(steps):
                step(t)
            t.model.zero_grad()
            before = saved(t)
            gc.collect()
            memory = rt.memory_stats()["allocated_bytes"]
            assert level in (None, memory), f"the failing allocation before {n} leaked"
            level = memory if n > 0 else None
            _C._fail_allocation(n)
            failed = False
            try:
                step(t)
            except errors.OutOfMemoryError:
                failed = True
            assert _C._fail_allocation(-1) == failed, "a failed allocation was swallowed"
            if not failed:
                break
            failures += 1
            t.model.zero_grad()
            t.model.load_state_dict(before[0])
            t.optimizer.load_state_dict(before[1])
            for _ in range(3 - steps):
                step(t)
            assert bits(t.model.parameters()) == expected, f"after failing allocation {n}"
            n += 1 if n < 8 else n // 3
    assert failures > 10


def test_double_backward():
    rt.manual_seed(3)
    w, x = rt.randn(5, 6, requires_grad=True), rt.randn(7, 6)

    def second():
        h = x @ w.t()
        h.narrow(1, 1, 3).tanh_()
        (g,) = rt.autograd.grad((h.softmax(1) * h).sum(), [w], create_graph=True)
        return rt.autograd.grad(g.pow(2).sum(), [w])[0]

    expected = second().tolist()
    gc.collect()
    before = rt.memory_stats()["allocated_bytes"]
    for n in fail_all(second):
        assert rt.memory_stats()["allocated_bytes"] == before, f"allocation {n} leaked"
    assert second().tolist() == expected


@pytest.mark.skipif(
    not rt.opencl.is_available() and not os.environ.get("RUSTORCH_REQUIRE_OPENCL"), reason="no OpenCL device"
)
def test_memory_of_a_device():
    """The same on OpenCL, by a limit that rises until the step fits."""
    t = Training(mlp, lambda p: rt.optim.SGD(p, lr=0.1), "opencl")
    t.gradients()
    expected = bits(p.grad for p in t.model.parameters())
    t.model.zero_grad()
    gc.collect()
    before = rt.memory_stats("opencl")["allocated_bytes"]
    failures = 0
    try:
        for extra in range(1, 1 << 20, 64):
            rt.set_memory_limit(before + extra, "opencl")
            try:
                t.gradients()
                break
            except errors.OutOfMemoryError:
                failures += 1
            t.model.zero_grad()
            assert rt.memory_stats("opencl")["allocated_bytes"] == before
    finally:
        rt.set_memory_limit(0, "opencl")
    assert failures > 5
    t.gradients()
    assert bits(p.grad for p in t.model.parameters()) == expected


def test_saving_and_loading(tmp_path):
    path = tmp_path / "model.pt"
    model, _ = cnn()
    rt.save(model.state_dict(), path)
    whole = path.read_bytes()
    other, _ = cnn()
    for _ in fail_all(lambda: rt.save(other.state_dict(), path)):
        assert path.read_bytes() == whole and [p.name for p in tmp_path.iterdir()] == ["model.pt"]
    rt.save(model.state_dict(), path)
    for _ in fail_all(lambda: rt.load(path)):
        pass
    loaded = rt.load(path)
    assert bits(loaded.values()) == bits(model.state_dict().values())


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_of_a_loader(workers):
    from rustorch.utils.data import DataLoader, TensorDataset

    data = TensorDataset(rt.arange(24.0).reshape(12, 2), rt.arange(12))

    def epoch():
        return [[t.tolist() for t in batch] for batch in DataLoader(data, 4, num_workers=workers)]

    expected = epoch()
    gc.collect()
    before = rt.memory_stats()["allocated_bytes"]
    for n in fail_all(epoch):
        end = time.monotonic() + 5
        while gc.collect() >= 0 and rt.memory_stats()["allocated_bytes"] != before:  # workers end a little later
            assert time.monotonic() < end, f"allocation {n} leaked"
            time.sleep(0.01)
    assert epoch() == expected
