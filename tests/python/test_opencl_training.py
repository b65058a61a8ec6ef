"""Training on OpenCL equals training on the CPU: a convolutional network, recurrent ones, a small GPT; memory; threads.

The networks are tiny and share their kernels with test_opencl_families.py: compiling takes most of the time.
"""

import os
import threading
import warnings

import pytest

import rustorch as rt
from rustorch import errors, nn

F = nn.functional

pytestmark = pytest.mark.skipif(
    not rt.opencl.is_available() and not os.environ.get("RUSTORCH_REQUIRE_OPENCL"),
    reason=f"no OpenCL device: {rt.opencl.unavailable_reason()}",
)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn, self.out = getattr(nn, kind)(6, 8, batch_first=True), nn.Linear(8, 10)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


class Gpt(nn.Module):
    """One block: tokens and places, causal attention, a wide layer; logits of the next token."""

    def __init__(self, words=10, width=16, length=12):
        super().__init__()
        self.tokens, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.head = nn.Linear(width, words, bias=False)

    def forward(self, x):
        b, n = x.shape
        h = self.tokens(x) + self.places(rt.arange(n, device=x.device))
        q, k, v = self.qkv(self.norm1(h)).reshape(b, n, 3, 2, -1).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.proj(a.transpose(1, 2).reshape(b, n, -1))
        h = h + self.down(F.gelu(self.up(self.norm2(h))))
        return self.head(self.norm3(h)).flatten(0, 1)


def train(model, batches, device, steps=2):
    model.to(device)
    optimizer = rt.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for x, y in batches[:steps]:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    grads = [p.grad.cpu().clone() for p in model.parameters()]
    return losses, grads, {k: v.cpu().clone() for k, v in model.state_dict().items()}


def numbers(*shape):
    return [(rt.randn(*shape), rt.randint(0, 10, (shape[0],))) for _ in range(2)]


def texts():
    return [(t[:, :-1], t[:, 1:].flatten()) for t in (rt.randint(0, 10, (3, 13)) for _ in range(2))]


CASES = {
    "lenet": (LeNet, lambda: numbers(5, 1, 12, 12)),
    "lstm": (lambda: Recurrent("LSTM"), lambda: numbers(4, 7, 6)),
    "gru": (lambda: Recurrent("GRU"), lambda: numbers(4, 7, 6)),
    "gpt": (Gpt, texts),
}


@pytest.mark.parametrize("name", CASES)
def test_a_step_equals_that_of_the_cpu(name):
    make, data = CASES[name]
    rt.manual_seed(0)
    model, batches = make(), data()
    start = {k: v.clone() for k, v in model.state_dict().items()}
    want = train(model, batches, "cpu")
    model.to("cpu").load_state_dict(start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the layers of LSTM and GRU run on the CPU
        got = train(model, batches, "opencl")
    assert got[0] == pytest.approx(want[0], rel=1e-4)
    for g, w in zip(got[1], want[1]):
        assert rt.allclose(g, w, rtol=1e-3, atol=2e-4), (g - w).abs().max()
    for k, w in want[2].items():
        assert (got[2][k] - w).abs().mean().item() < 1e-4, k


def test_memory_statistics_and_limit():
    rt.opencl.empty_cache()
    before = rt.opencl.memory_allocated()
    x = rt.zeros(1000, device="opencl")
    assert rt.opencl.memory_allocated() == before + 4000
    assert rt.opencl.memory_reserved() >= rt.opencl.memory_allocated()
    rt.opencl.reset_peak_memory_stats()
    y = rt.zeros(5000, device="opencl")
    del y
    assert rt.opencl.max_memory_allocated() >= before + 24000 > rt.opencl.memory_allocated()
    assert rt.opencl.empty_cache() > 0 and rt.opencl.empty_cache() == 0
    rt.opencl.set_memory_limit(rt.opencl.memory_allocated() + 4096)
    try:
        with pytest.raises(errors.OutOfMemoryError):
            rt.empty(1 << 20, device="opencl")
    finally:
        rt.opencl.set_memory_limit(0)
    assert x.sum().item() == 0
    stats = rt.opencl.memory_stats()
    assert stats["allocated_bytes.all.current"] == rt.opencl.memory_allocated() >= 4000
    assert stats["reserved_bytes.all.peak"] == rt.opencl.max_memory_reserved() >= rt.opencl.memory_reserved()
    free, total = rt.opencl.mem_get_info()
    assert 0 < free < total == rt.opencl.get_device_properties()["total_memory"]
    assert "bytes now" in rt.opencl.memory_summary()
    with pytest.raises(ValueError, match="Invalid fraction value"):
        rt.opencl.set_per_process_memory_fraction(1.5)


def test_current_device_and_seeds():
    with rt.opencl.device(0), rt.opencl.device_of(rt.zeros(1)):
        assert rt.opencl.current_device() == 0
    with pytest.raises(errors.DeviceError, match="invalid device ordinal"), rt.opencl.device(30):
        pass
    assert rt.opencl.current_device() == 0
    rt.opencl.manual_seed(7)
    state = rt.opencl.get_rng_state()
    a = rt.rand(5, device="opencl")
    rt.opencl.set_rng_state(state)
    assert rt.opencl.initial_seed() == 7 and rt.equal(rt.rand(5, device="opencl"), a)


def test_threads_share_a_device():
    x = rt.randn(32, 16)
    want = (x.to("opencl") @ x.t().to("opencl")).relu().sum(0).cpu()
    wrong = []

    def work():
        for _ in range(10):
            d = x.to("opencl")
            if not rt.equal((d @ d.t()).relu().sum(0).cpu(), want):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
