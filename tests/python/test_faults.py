"""Failing every allocation of a training step in turn: a typed error, nothing leaked, and a next step with the same bits
as an undisturbed one."""

import gc
import os

import pytest

import rustorch as rt
import rustorch.nn.functional as F
from rustorch import _C, errors, nn


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), rt.randn(10, 6)


def cnn():
    layers = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                           nn.Dropout(0.3), nn.Linear(48, 3))  # fmt: skip
    return layers, rt.randn(4, 1, 8, 8)


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
@pytest.mark.parametrize("make", [mlp, cnn])
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
