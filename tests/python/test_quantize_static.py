"""Observers, fake quantization and models quantized module by module: as PyTorch."""

import io
import json
import math
import pathlib
import sys
import warnings

import pytest

import rustorch as rt
from rustorch.ao import quantization as q

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import observer_cases as cases  # noqa: E402

WANTED = json.loads((GOLDEN / "observers.json").read_text())


def same(found, wanted, step=0.0):
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(same(f, w, step) for f, w in zip(found, wanted, strict=True))
    if isinstance(wanted, (int, float)):
        return math.isclose(found, wanted, rel_tol=2e-5, abs_tol=1e-6 + step * 1.01)
    return found == wanted


@pytest.mark.parametrize("name", WANTED)
def test_results_are_those_of_pytorch(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cases.CASES[name](rt)
    wanted = WANTED[name]
    if name.startswith("static"):  # a sum between two integers may be rounded to the other one
        step = wanted[0][2][0]
        assert same(found[2], wanted[2], step)
        del found[2], wanted[2]
    if name == "fused static":
        assert same(found[2], wanted[2], wanted[0][1][0])
        del found[2], wanted[2]
    assert same(found, wanted, 0.05 if "qat" in name else 0.0), (found, wanted)


def quantized_model():
    model = cases.network(rt).eval()
    model.qconfig = q.get_default_qconfig("x86")
    ready = q.prepare(model)
    for x in cases.images(rt):
        ready(x)
    return model, q.convert(ready)


def test_a_quantized_model_is_near_the_model():
    model, small = quantized_model()
    for x in cases.images(rt):
        a, b = model(x), small(x)
        assert (a - b).abs().max() < 0.1 * a.abs().max()
    assert not any(hasattr(m, "qconfig") for m in small.modules())


def test_the_state_of_a_quantized_model():
    _, small = quantized_model()
    _, other = quantized_model()
    other[4].set_weight_bias(rt.empty_like(other[4].weight()).copy_(other[4].weight().dequantize() * 0.5), None)
    file = io.BytesIO()
    rt.save(small.state_dict(), file)
    file.seek(0)
    other.load_state_dict(rt.load(file))
    x = cases.images(rt)[0]
    assert other(x).equal(small(x))
    assert other[4].weight().qscheme() is rt.per_channel_affine and other[4].bias() is not None


def test_switches_of_fake_quantization():
    f = q.FakeQuantize(quant_min=0, quant_max=15)
    x = rt.tensor([0.11, 0.52, 1.0])
    y = f(x)
    assert not y.equal(x)
    f.apply(q.disable_observer)
    f(x * 100)
    assert f(x).equal(y)
    f.apply(q.disable_fake_quant)
    assert f(x).equal(x)
    f.apply(q.enable_fake_quant)
    f.apply(q.enable_observer)
    assert f(x).shape == x.shape and f.scale.shape == (1,)
    twin = q.FakeQuantize(quant_min=0, quant_max=15)
    twin.load_state_dict(f.state_dict())
    assert twin.scale.equal(f.scale)


def test_mistakes():
    with pytest.raises(ValueError, match="observer instance"):
        q.QConfig(q.MinMaxObserver(), q.MinMaxObserver)
    with pytest.raises(NotImplementedError, match="per_tensor_symmetric"):
        q.MinMaxObserver(qscheme=rt.per_channel_affine)
    with pytest.raises(AssertionError, match="training mode"):
        q.prepare_qat(cases.network(rt).eval())
    with pytest.raises(AssertionError, match="unknown backend"):
        q.get_default_qconfig("abacus")
    with pytest.warns(UserWarning, match="must run observer"):
        q.HistogramObserver().calculate_qparams()
    assert isinstance(q.add_quant_dequant(with_qconfig(rt.nn.Linear(2, 2))), q.QuantWrapper)


def with_qconfig(module):
    module.qconfig = q.default_qconfig
    return module


def test_what_cannot_be_fused():
    model = rt.nn.Sequential(rt.nn.Linear(2, 2), rt.nn.Sigmoid(), rt.nn.BatchNorm1d(2))
    with pytest.raises(NotImplementedError, match="Linear, Sigmoid"):
        q.fuse_modules(model, ["0", "1"])
    with pytest.raises(NotImplementedError, match=r"eval\(\)"):
        q.fuse_modules(model, ["0", "2"])
    folded = q.fuse_modules(model.eval(), ["0", "2"])
    assert isinstance(folded[2], rt.nn.Identity) and isinstance(model[2], rt.nn.BatchNorm1d)


def test_quantize_in_one_call():
    small = q.quantize(with_qconfig(cases.network(rt)), lambda m, x: m(x), [cases.images(rt)[0]])
    assert isinstance(small[4], rt.ao.nn.quantized.Linear) and small(cases.images(rt)[0]).shape == (2, 5)
    trained = q.quantize_qat(with_qat(cases.network(rt)), lambda m, x: m(x), [cases.images(rt)[0]])
    assert isinstance(trained[1], rt.ao.nn.quantized.Conv2d)


def with_qat(module):
    module.qconfig = q.get_default_qat_qconfig("fbgemm")
    return module
