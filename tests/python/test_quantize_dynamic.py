"""Dynamic quantization of linear layers: the arithmetic against plain integers, what is exchanged, state, errors."""

import copy
import pickle

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt
from rustorch import nn
from rustorch.ao.nn.quantized import dynamic
from rustorch.ao.quantization import default_dynamic_qconfig, quantize_dynamic


def by_hand(layer, x):
    """The same in double precision, with the integers written out."""
    scale = max(layer.weight.detach().abs().max().item() / 127.5, 2.0**-23)
    weight = (layer.weight.detach().double() / scale).round().clamp(-128, 127)
    low, high = min(x.min().item(), 0.0), max(x.max().item(), 0.0)
    step = (high - low) / 127
    zero = min(max(round(-low / step), 0), 127)
    integers = (x.double() / step + zero).round().clamp(0, 127)
    y = (integers - zero) @ weight.t() * (scale * step)
    return (y if layer.bias is None else y + layer.bias.detach().double()), step


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3, 20), (20,), (2, 5, 20), (70, 20)])
@pytest.mark.parametrize("shift", [0.0, 2.5, 40.0, -40.0])
def test_arithmetic(bias, shape, shift):
    rt.manual_seed(0)
    layer = nn.Linear(20, 13, bias=bias)
    x = rt.randn(shape) + shift
    quantized = dynamic.Linear.from_float(layer)
    y = quantized(x)
    expected, step = by_hand(layer, x)
    assert y.shape == expected.shape and y.dtype == rt.float32 and not y.requires_grad
    # an element halfway between two integers may go either way
    largest = layer.weight.detach().abs().max().item()
    assert (y - expected).abs().max() <= 1.01 * step * largest
    assert ((y - expected).abs() > 1e-3 * largest).float().mean() < 0.1
    assert (quantized.weight() - layer.weight).abs().max() <= largest / 127.5
    if shift == 0:
        assert (y - layer(x)).abs().max() < 0.1


def test_what_is_exchanged():
    rt.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2)))
    x = rt.randn(4, 6)
    small = quantize_dynamic(model, {nn.Linear}, dtype=rt.qint8)
    assert "DynamicQuantizedLinear(in_features=6, out_features=8, dtype=rustorch.qint8)" in repr(small)
    assert not small.training and model.training and type(model[0]) is nn.Linear
    assert all(type(m) is dynamic.Linear for m in (small[0], small[2][0], small[2][1]))
    assert (small(x) - model(x)).abs().max() < 0.1
    some = quantize_dynamic(model, {"2": default_dynamic_qconfig, "2.1": None})
    assert [type(m) for m in (some[0], some[2][0], some[2][1])] == [nn.Linear, dynamic.Linear, nn.Linear]
    half = quantize_dynamic(model, {nn.Linear}, dtype=rt.float16)
    assert half[0].weight_values.dtype == rt.float16 and (half(x) - model(x)).abs().max() < 1e-2
    assert rt.quantization.quantize_dynamic(model, inplace=True) is model and type(model[0]) is dynamic.Linear
    attention = quantize_dynamic(nn.TransformerEncoderLayer(8, 2, 16), {nn.Linear})
    assert type(attention.linear1) is dynamic.Linear and type(attention.self_attn.out_proj) is not dynamic.Linear


def test_state_copies_and_hooks():
    rt.manual_seed(2)
    model = nn.Sequential(nn.Linear(5, 3))
    seen = []
    model[0].register_forward_hook(lambda m, given, result: seen.append(tuple(result.shape)))
    x = rt.randn(2, 5)
    small = quantize_dynamic(model)
    y = small(x)
    assert seen == [(2, 3)]
    other = quantize_dynamic(nn.Sequential(nn.Linear(5, 3)))
    other(x)
    other.load_state_dict(small.state_dict())
    assert (other(x) == y).all()
    fresh = pickle.loads(pickle.dumps(other))
    assert (fresh(x) == y).all() and (copy.deepcopy(small)(x) == y).all() and fresh[0].dtype is rt.qint8
    assert small(x.double()).dtype == rt.float64 and small(x[:0]).shape == (0, 3)
    assert (small(rt.zeros(2, 5)) == model[0].bias).all()


def test_errors():
    with pytest.raises(RuntimeError, match="Unknown dtype"):
        quantize_dynamic(nn.Linear(2, 2), {nn.Linear}, dtype=rt.int8)
    with pytest.raises(NotImplementedError, match="lstm is a LSTM"):
        quantize_dynamic(nn.ModuleDict({"lstm": nn.LSTM(2, 2)}))
    with pytest.raises(TypeError, match="unknown configuration"):
        quantize_dynamic(nn.Linear(2, 2), {nn.Linear: 3})
    layer = dynamic.Linear.from_float(nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match="finite"):
        layer(rt.tensor([1.0, float("nan")]))
    with pytest.raises(RuntimeError):
        layer(rt.ones(3, 5))


def test_threads_do_not_change_bits():
    rt.manual_seed(3)
    layer = dynamic.Linear.from_float(nn.Linear(300, 257))
    x = rt.randn(130, 300)
    equal_on_threads(lambda: layer(x))
