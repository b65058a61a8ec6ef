"""autocast and GradScaler, against dtypes recorded from PyTorch (tests/golden/make_nn_golden.py)."""

import json
import math
import pathlib
import pickle
import sys
import warnings

import pytest

import rustorch as rt
from rustorch import nn
from rustorch.amp import GradScaler, autocast, custom_bwd, custom_fwd

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import autocast_cases  # noqa: E402

EXPECTED = json.loads((GOLDEN / "autocast.json").read_text())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lower", autocast_cases.LOWER)
def test_dtypes_of_operators(lower):
    want = EXPECTED[lower]
    got = autocast_cases.dtypes(rt, lower)
    assert list(got) == list(want)
    wrong = {k: (got[k], v) for k, v in want.items() if v is not None and got[k] != v}
    assert not wrong


def test_state_is_restored_and_nests():
    x = rt.ones(2, 2)
    assert not rt.is_autocast_enabled("cpu")
    with rt.autocast("cpu") as outer:
        assert rt.is_autocast_enabled("cpu") and rt.is_autocast_cpu_enabled()
        assert not rt.is_autocast_enabled("cuda") and not rt.is_autocast_enabled()
        assert (x @ x).dtype == rt.bfloat16
        with rt.autocast("cpu", dtype=rt.float16):
            assert rt.get_autocast_dtype("cpu") == rt.float16
            assert (x @ x).dtype == rt.float16
            with rt.autocast("cpu", enabled=False):
                assert (x @ x).dtype == rt.float32
            assert (x @ x).dtype == rt.float16
        assert (x @ x).dtype == rt.bfloat16
        with outer:
            assert (x @ x).dtype == rt.bfloat16
    assert not rt.is_autocast_enabled("cpu") and rt.get_autocast_dtype("cpu") == rt.bfloat16
    with pytest.raises(KeyError), rt.autocast("cpu"):
        raise KeyError
    assert (x @ x).dtype == rt.float32


def test_decorator():
    @autocast("cpu", dtype=rt.float16)
    def product(x, *, times=1):
        """Docs."""
        return x @ x * times

    assert product(rt.ones(2, 2), times=3).dtype == rt.float16
    assert product.__name__ == "product" and product.__doc__ == "Docs."
    assert not rt.is_autocast_enabled("cpu")


def test_arguments():
    with pytest.raises(RuntimeError, match="unsupported autocast device_type"):
        autocast("toaster")
    with pytest.raises(ValueError, match="of type `str`"):
        autocast(rt.device("cpu"))
    with pytest.warns(UserWarning, match="CPU Autocast only supports dtypes of"):
        context = autocast("cpu", dtype=rt.float64)
    with context:
        assert not rt.is_autocast_enabled("cpu")
    with pytest.warns(UserWarning, match="CUDA is not available"):
        autocast("cuda")
    assert rt.amp.is_autocast_available("cpu") and not rt.amp.is_autocast_available("toaster")


def test_inplace_and_out_keep_their_dtypes():
    x, y = rt.ones(2, 2), rt.zeros(2, 2)
    with autocast("cpu"):
        rt.mm(x, x, out=y)
        y.addmm_(x, x)
    assert y.dtype == rt.float32 and y.tolist() == [[4.0, 4.0], [4.0, 4.0]]


def test_weights_are_converted_once():
    layer = nn.Linear(3, 3)
    x = rt.randn(2, 3)
    with autocast("cpu"):
        layer(x)
        size = rt._C._amp.cache_size()
        assert size == 2
        first = layer(x)
        assert rt._C._amp.cache_size() == size
        with rt.no_grad():
            layer.weight.mul_(2)
            layer.bias.mul_(2)
        second = layer(x)
        assert rt._C._amp.cache_size() == size
        assert rt.equal(second, first * 2)
        with autocast("cpu"):
            layer(x)
        assert rt._C._amp.cache_size() == size
    assert rt._C._amp.cache_size() == 0
    with autocast("cpu", cache_enabled=False):
        layer(x)
        assert rt._C._amp.cache_size() == 0
    assert rt.is_autocast_cache_enabled()
    with autocast("cpu"):
        with rt.no_grad():
            layer(x)
        layer(x).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.dtype == rt.float32


def test_training_in_bfloat16_follows_float32():
    def losses(enabled):
        rt.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
        optimizer = rt.optim.Adam(model.parameters(), lr=0.05)
        x = rt.linspace(-1, 1, 64).reshape(16, 4)
        y = x.pow(2).sum(1, keepdim=True)
        found = []
        for _ in range(100):
            optimizer.zero_grad()
            with autocast("cpu", enabled=enabled):
                out = model(x)
                loss = nn.functional.mse_loss(out, y)
            assert out.dtype == (rt.bfloat16 if enabled else rt.float32) and loss.dtype == rt.float32
            loss.backward()
            assert all(p.grad.dtype == rt.float32 for p in model.parameters())
            optimizer.step()
            found.append(float(loss))
        return found

    low, full = losses(True), losses(False)
    assert low[-1] < 0.1 * low[0]
    assert abs(low[-1] - full[-1]) < 0.05 * full[0]


def test_custom_function():
    seen = []

    class Product(rt.autograd.Function):
        @staticmethod
        @custom_fwd(device_type="cpu")
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            out = a.mm(b)
            seen.append(out.dtype)
            return out

        @staticmethod
        @custom_bwd(device_type="cpu")
        def backward(ctx, grad):
            a, b = ctx.saved_tensors
            seen.append(rt.is_autocast_enabled("cpu"))
            return grad.mm(b.t()), a.t().mm(grad)

    class Exact(rt.autograd.Function):
        @staticmethod
        @custom_fwd(device_type="cpu", cast_inputs=rt.float32)
        def forward(ctx, a):
            seen.append((a.dtype, rt.is_autocast_enabled("cpu")))
            return a * 2

        @staticmethod
        @custom_bwd(device_type="cpu")
        def backward(ctx, grad):
            seen.append(rt.is_autocast_enabled("cpu"))
            return grad * 2

    x = rt.ones(2, 2, requires_grad=True)
    with autocast("cpu"):
        out = Exact.apply(Product.apply(x, x))
    assert not rt.is_autocast_enabled("cpu")
    out.sum().backward()
    assert seen == [rt.bfloat16, (rt.float32, False), False, True]
    assert x.grad.tolist() == [[8.0, 8.0], [8.0, 8.0]]


def one_parameter(value=1.0):
    p = nn.Parameter(rt.tensor([value, value]))
    return p, rt.optim.SGD([p], lr=0.5)


def test_scaler_scales_and_steps():
    p, optimizer = one_parameter()
    scaler = GradScaler("cpu", init_scale=8.0, growth_interval=2)
    loss = (p * rt.tensor([1.0, 2.0])).sum()
    scaler.scale(loss).backward()
    assert p.grad.tolist() == [8.0, 16.0]
    scaler.unscale_(optimizer)
    assert p.grad.tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    assert p.tolist() == [0.5, 0.0]
    with pytest.raises(RuntimeError, match="step\\(\\) has already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    scaler.update()
    assert scaler.get_scale() == 8.0 and scaler._get_growth_tracker() == 1
    p.grad = rt.tensor([8.0, 8.0])
    assert scaler.step(optimizer) is None
    scaler.update()
    assert p.tolist() == [0.0, -0.5] and scaler.get_scale() == 16.0
    outputs = scaler.scale([rt.ones(1), (rt.ones(1),)])
    assert outputs[0].item() == 16.0 and outputs[1][0].item() == 16.0
    with pytest.raises(ValueError, match="iterable of Tensors"):
        scaler.scale(3)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_scaler_skips_infinite_gradients(bad):
    p, optimizer = one_parameter()
    scaler = GradScaler("cpu", init_scale=4.0)
    scaler.scale(p.sum()).backward()
    p.grad[1] = bad
    scaler.step(optimizer)
    scaler.update()
    assert p.tolist() == [1.0, 1.0] and scaler.get_scale() == 2.0


def test_scaler_state():
    scaler = GradScaler("cpu", init_scale=4.0, growth_interval=5)
    with pytest.raises(AssertionError, match="_scale is None"):
        scaler.update()
    p, optimizer = one_parameter()
    scaler.scale(p.sum()).backward()
    scaler.step(optimizer)
    with pytest.raises(AssertionError, match="pickled"):
        pickle.dumps(scaler)
    scaler.update()
    state = scaler.state_dict()
    assert state == {
        "scale": 4.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 5, "_growth_tracker": 1,
    }  # fmt: skip
    other = GradScaler("cpu")
    other.load_state_dict(state)
    assert other.state_dict() == state
    assert pickle.loads(pickle.dumps(scaler)).state_dict() == state
    scaler.update(32.0)
    assert scaler.get_scale() == 32.0
    with pytest.raises(AssertionError, match="growth factor"):
        GradScaler("cpu", growth_factor=1.0)
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        scaler.load_state_dict({})
    off = GradScaler("cpu", enabled=False)
    assert off.scale(p) is p and off.get_scale() == 1.0 and off.state_dict() == {} and not off.is_enabled()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert not GradScaler().is_enabled()
    assert len(seen) == 1
