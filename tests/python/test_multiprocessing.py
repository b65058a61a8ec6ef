"""Tensors in shared memory between processes, and spawn()."""

import os
import subprocess
import sys

import pytest

import rustorch as rt
import rustorch.multiprocessing as mp

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="descriptors are passed on POSIX systems")


def double(queue, back):
    x = queue.get()
    x.mul_(2)
    back.put((x[1:], x.sum()))
    queue.get()  # the sender of a tensor lives until it has been taken


def add_in_place(i, x, weight):
    x[i] += i + 1.0
    weight.data.add_(1)


def fails(i):
    if i == 1:
        raise KeyError("broken part")


def dies(i):
    os._exit(3)


def test_moving_to_shared_memory():
    x = rt.arange(6.0).reshape(2, 3).t()
    view = x.detach()
    assert not x.is_shared()
    assert x.share_memory_() is x and x.is_shared() and x.untyped_storage().is_shared()
    assert x.tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]] and x.stride() == (1, 3) and x[1:].is_shared()
    assert not view.is_shared() and rt.equal(view, x)
    assert rt.empty(0).share_memory_().is_shared()
    layer = rt.nn.Linear(2, 2).share_memory()
    assert all(p.is_shared() for p in layer.parameters())
    layer(rt.ones(1, 2)).sum().backward()
    assert layer.weight.grad is not None


def test_a_queue_passes_memory_not_copies():
    context = mp.get_context("fork")
    queue, back = context.Queue(), context.Queue()
    process = context.Process(target=double, args=(queue, back))
    process.start()
    x = rt.ones(4)
    queue.put(x)
    tail, total = back.get(timeout=30)
    assert x.is_shared() and x.tolist() == [2.0] * 4 and total.item() == 8.0
    tail[0] = 5.0
    assert x[1].item() == 5.0  # the same memory came back
    queue.put(None)
    process.join(30)
    assert process.exitcode == 0
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf"):
        mp.reducer.ForkingPickler.dumps(rt.ones(1, requires_grad=True) * 2)


def test_spawn():
    x, weight = rt.zeros(2), rt.nn.Parameter(rt.zeros(1))
    x.share_memory_()
    weight.share_memory_()
    mp.spawn(add_in_place, args=(x, weight), nprocs=2)
    assert x.tolist() == [1.0, 2.0] and weight.item() == 2.0
    with pytest.raises(
        mp.ProcessRaisedException, match="(?s)Process 1 terminated with the following error.*broken part"
    ):
        mp.start_processes(fails, nprocs=2, start_method="fork")
    with pytest.raises(mp.ProcessExitedException, match="exit code 3") as caught:
        mp.start_processes(dies, nprocs=1, start_method="fork")
    assert caught.value.exit_code == 3
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    with pytest.raises(ValueError, match="set_sharing_strategy"):
        mp.set_sharing_strategy("none")


PROGRAM = """
import rustorch.compat
rustorch.compat.install_as_torch()
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from torch.optim.lr_scheduler import StepLR
import rustorch
assert torch is rustorch and F is rustorch.nn.functional and torch.linalg is rustorch.linalg
import torch.linalg
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
x = torch.randn(32, 2)
data = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
schedule = StepLR(optimizer, 10)
for epoch in range(15):
    for a, b in data:
        optimizer.zero_grad()
        loss = F.mse_loss(model(a), b)
        loss.backward()
        optimizer.step()
    schedule.step()
assert loss.item() < 0.5, loss
try:
    import torch.no_such_module
except ModuleNotFoundError as error:
    assert "torch.no_such_module" in str(error)
assert rustorch.__spec__.name == "rustorch"
rustorch.compat.uninstall_as_torch()
import sys
assert "torch" not in sys.modules and "torch.nn" not in sys.modules
sys.modules["torch"] = sys
try:
    rustorch.compat.install_as_torch()
except RuntimeError:
    print("done")
"""


def test_programs_that_import_torch():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "done", run.stderr
