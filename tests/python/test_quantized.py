"""Quantized tensors: integers, scales and results are those of PyTorch; operators that do not know them refuse."""

import copy
import gc
import io
import json
import math
import pathlib
import pickle
import sys
import warnings

import pytest

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import quantized_cases as cases  # noqa: E402

WANTED = json.loads((GOLDEN / "quantized.json").read_text())
# Where names of this package make lines break elsewhere, or PyTorch has an answer by accident.
SKIPPED = {"repr"}


@pytest.mark.parametrize("group", cases.GROUPS)
def test_results_are_those_of_pytorch(group):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: cases.run(rt, group, name) for name in WANTED[group]}
    wrong = {k: (f, WANTED[group][k]) for k, f in found.items() if f != WANTED[group][k] and k not in SKIPPED}
    assert not wrong


def test_what_is_printed():
    q = rt.quantize_per_tensor(rt.tensor([1.0, 2.5]), 0.1, 10, rt.quint8)
    assert repr(q) == (
        "tensor([1.0000, 2.5000], size=(2,), dtype=rustorch.quint8,\n"
        "       quantization_scheme=rustorch.per_tensor_affine, scale=0.1, zero_point=10)"
    )
    c = rt.quantize_per_channel(rt.ones(2, 1), rt.tensor([0.5, 0.25]), rt.tensor([0, 1]), 0, rt.qint8)
    assert "scale=tensor([0.5000, 0.2500], dtype=rustorch.float64),\n       zero_point=tensor([0, 1]), axis=0)" in repr(
        c
    )


def test_refusals_say_what_to_do():
    q = rt.quantize_per_tensor(rt.ones(2), 0.1, 0, rt.qint8)
    with pytest.raises(NotImplementedError, match="Could not run 'exp'.*QuantizedCPU.*qint8.*dequantize"):
        q.exp()
    with pytest.raises(NotImplementedError, match="q_scale.*not quantized"):
        rt.ones(2).q_scale()
    with pytest.raises(RuntimeError, match="zero_point 200 is above upper bound"):
        rt.quantize_per_tensor(rt.ones(2), 0.1, 200, rt.qint8)
    with pytest.raises(RuntimeError, match="Quantize only works on Float Tensor, got Double"):
        rt.quantize_per_tensor(rt.ones(2).double(), 0.1, 0, rt.qint8)


def test_no_operator_reads_the_integers_as_numbers():
    """Every method without further arguments either knows quantized tensors or refuses them."""
    q = rt.quantize_per_tensor(rt.tensor([[1.0, -2.0], [3.0, 0.5]]), 0.1, 10, rt.quint8)
    numbers = q.dequantize()
    for name in dir(rt.Tensor):
        if name.startswith("_") or name.endswith("_") or name in ("data_ptr", "storage", "untyped_storage", "int_repr"):
            continue
        method = getattr(rt.Tensor, name)
        if not callable(method):
            continue
        try:
            got = getattr(q.clone(), name)()
        except Exception:
            continue
        if not isinstance(got, rt.Tensor) or name in ("data", "detach"):
            continue
        if got.is_quantized:
            assert got.qscheme() is rt.per_tensor_affine
            got = got.dequantize()
        try:
            want = getattr(numbers, name)()
        except Exception:
            continue
        if isinstance(want, rt.Tensor) and want.shape == got.shape and want.dtype == got.dtype and got.numel():
            assert (want.double() - got.double()).abs().max() < 0.06, name


def test_quantization_is_within_half_a_step():
    x = rt.randn(1000, generator=rt.Generator().manual_seed(1))
    for dtype, steps in ((rt.quint8, 255), (rt.qint8, 255), (rt.quint4x2, 15), (rt.quint2x4, 3)):
        low = -128 if dtype is rt.qint8 else 0
        scale = (x.max() - x.min()).item() / steps
        point = low + round(-x.min().item() / scale)
        q = rt.quantize_per_tensor(x, scale, point, dtype)
        assert (q.dequantize() - x).abs().max().item() <= scale * 1.001
        assert q.shape == x.shape and q.dtype is dtype


def test_views_share_memory_and_live_on_their_own():
    q = rt.quantize_per_tensor(rt.arange(12.0).view(3, 4), 1.0, 0, rt.quint8)
    row, corner = q[1], q[:2, :2].t()
    row.fill_(200.0)
    assert q.int_repr()[1].tolist() == [200] * 4 and corner.int_repr().tolist() == [[0, 200], [1, 200]]
    copied = q.clone()
    q.fill_(1.0)
    assert copied.int_repr()[1].tolist() == [200] * 4
    del q, copied
    gc.collect()
    assert row.int_repr().tolist() == [1] * 4
    assert row.data_ptr() == corner.data_ptr() + 4


@pytest.mark.parametrize("dtype", ["quint4x2", "quint2x4"])
def test_packed_integers(dtype):
    d, n = getattr(rt, dtype), 2 if dtype == "quint4x2" else 4
    x = rt.tensor([1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0])
    q = rt.quantize_per_tensor(x, 1.0, 0, d)
    assert q.dequantize().tolist() == x.tolist() and q.int_repr().numel() == -(-7 // n)
    assert q.clone().dequantize().tolist() == x.tolist()
    assert copy.deepcopy(q).dequantize().tolist() == x.tolist()
    assert rt.quantize_per_tensor(x[:6], 1.0, 0, d).view(2, 3).dequantize().tolist() == x[:6].view(2, 3).tolist()
    with pytest.raises(NotImplementedError, match=dtype):
        q[0]


def test_reads_what_pytorch_wrote():
    state = rt.load(GOLDEN / "formats" / "quantized.pt")
    given = cases.Given(rt)
    for name in "qsicfn":
        assert cases.text(state[name]) == cases.text(getattr(given, name)), name
    assert cases.text(state["part"]) == cases.text(given.s.t()[1:])
    assert state["part"].data_ptr() == state["s"].data_ptr() + 1
    for name in ("bcomplex32", "bits8", "bits16", "float4_e2m1fn_x2"):
        assert state[name].dtype is getattr(rt, name) and state[name].view(rt.uint8).tolist() == list(range(16))


def test_files_that_were_damaged_are_refused():
    q = rt.quantize_per_channel(rt.ones(2, 3), rt.tensor([0.1, 0.2]), rt.tensor([0, 1]), 0, rt.qint8)
    file = io.BytesIO()
    rt.save([q, rt.quantize_per_tensor(rt.ones(5), 0.1, 0, rt.quint4x2)], file)
    whole = file.getvalue()
    place = whole.index(b"per_channel_affine")
    for at in range(place - 120, place + 200):
        for value in (0, 0x4B, 0x85, 0xFF):
            bad = bytearray(whole)
            bad[at] = value
            try:
                for t in rt.load(io.BytesIO(bytes(bad))):
                    if isinstance(t, rt.Tensor):
                        repr(t)
            except (RuntimeError, TypeError, ValueError, pickle.UnpicklingError):
                pass


def test_module_buffers_and_state_dicts():
    class Layer(rt.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", rt.quantize_per_tensor(rt.ones(2, 3), 0.5, 1, rt.qint8))

    a, b = Layer(), Layer()
    b.weight.fill_(3.0)
    a.load_state_dict(b.state_dict())
    assert a.weight.dequantize().tolist() == [[3.0] * 3] * 2 and a.weight.q_scale() == 0.5


def test_schemes_are_single_objects():
    assert repr(rt.per_tensor_affine) == "rustorch.per_tensor_affine" and isinstance(rt.per_tensor_affine, rt.qscheme)
    assert copy.deepcopy(rt.per_channel_symmetric) is rt.per_channel_symmetric
    assert pickle.loads(pickle.dumps(rt.per_tensor_symmetric)) is rt.per_tensor_symmetric
    assert len({rt.per_tensor_affine, rt.per_channel_affine, rt.per_channel_affine_float_qparams}) == 3


# ---- simulated quantization


def test_gradients_of_gradients_pass_where_the_gradient_does():
    x = rt.tensor([0.1, 5.0, -0.3], requires_grad=True)
    y = rt.fake_quantize_per_tensor_affine(x, 0.1, 0, -8, 7)
    (g,) = rt.autograd.grad((y * y).sum(), x, create_graph=True)
    assert g.detach().tolist() == pytest.approx([0.2, 0.0, -0.6])
    (gg,) = rt.autograd.grad(g.sum(), x)
    assert gg.tolist() == [2.0, 0.0, 2.0]


def test_training_through_simulated_quantization():
    rt.manual_seed(0)
    x, w = rt.randn(64, 8), rt.randn(8, 1)
    layer = rt.nn.Linear(8, 1, bias=False)
    optimizer = rt.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        weight = rt.fake_quantize_per_tensor_affine(layer.weight, 0.05, 0, -128, 127)
        loss = (rt.nn.functional.linear(x, weight) - x @ w).square().mean()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def test_vmap_and_forward_mode_of_simulated_quantization():
    x = rt.tensor([[0.12, 9.0], [-0.31, 0.5]])
    f = lambda t: rt.fake_quantize_per_tensor_affine(t, 0.1, 0, -8, 7)  # noqa: E731
    assert rt.vmap(f)(x).tolist() == f(x).tolist()
    value, tangent = rt.func.jvp(f, (x,), (rt.ones(2, 2),))
    assert value.tolist() == f(x).tolist() and tangent.tolist() == [[1, 0], [1, 1]]


def test_numbers_that_are_none():
    out = rt.fake_quantize_per_tensor_affine(rt.tensor([math.nan, math.inf, -math.inf]), 0.1, 0, -8, 7)
    assert not out.isnan().any()
