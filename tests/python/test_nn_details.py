"""Small behaviours of layers in which programs rely on PyTorch (tests/differential/random_modules.py finds more)."""

import pytest

import rustorch as rt
from rustorch import nn


def encoder(**options):
    layer = nn.TransformerEncoderLayer(4, 2, 5, dropout=0.0, batch_first=True, **options)
    return nn.TransformerEncoder(layer, 2, nn.LayerNorm(4))


def test_encoder_gives_zeros_for_padding_in_inference():
    x, pad = rt.randn(2, 3, 4), rt.tensor([[False, False, True], [False, True, True]])
    model = encoder().eval()
    model.norm = None
    with rt.no_grad():
        out = model(x, src_key_padding_mask=pad)
        assert (out[pad] == 0).all() and (out[~pad] != 0).all()
        dense = encoder(norm_first=True).eval()
        dense.norm = None
        assert (dense(x, src_key_padding_mask=pad)[pad] != 0).all()
        holes = rt.tensor([[True, False, False], [False, True, False]])
        assert (model(x, src_key_padding_mask=holes)[holes] != 0).all()
    trained = model(x, src_key_padding_mask=pad)  # gradients are recorded: no zeros
    assert (trained[pad] != 0).all() and rt.allclose(trained[~pad], out[~pad], atol=1e-6)


def test_functional_call_sets_and_removes_new_names():
    class Net(nn.Module):
        def forward(self, x):
            return x * self.scale

    net = Net()
    assert nn.utils.stateless.functional_call(net, {"scale": rt.tensor(3.0)}, (rt.ones(2),)).tolist() == [3.0, 3.0]
    assert not hasattr(net, "scale")


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_sizes(kind):
    with pytest.raises(ValueError, match="input_size must be greater than zero"):
        kind(0, 3)
    with pytest.raises(TypeError, match="input_size should be of type int"):
        kind(2.5, 3)
    with pytest.raises(ValueError, match="hidden_size must be greater than zero"):
        kind(3, 0)


def test_householder_stays_orthogonal_in_training():
    layer = nn.utils.parametrizations.orthogonal(nn.Linear(5, 3))
    optimizer = rt.optim.SGD(layer.parameters(), lr=0.5, weight_decay=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        layer(rt.randn(8, 5)).square().sum().backward()
        optimizer.step()
    assert rt.allclose(layer.weight @ layer.weight.T, rt.eye(3), atol=1e-5)


def test_names_of_nn():
    assert len(set(nn.__all__)) == len(nn.__all__) > 160
    assert all(hasattr(nn, name) for name in nn.__all__)
    assert set(nn.modules.__all__) < set(nn.__all__)
    assert nn.grad.conv2d_weight.__name__ == "conv2d_weight"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_convolutions(n):
    conv = getattr(nn.functional, f"conv{n}d")
    x = rt.randn(2, 4, *[7] * n, dtype=rt.float64, requires_grad=True)
    w = rt.randn(6, 2, *[3] * n, dtype=rt.float64, requires_grad=True)
    sizes = (2, 1, 1, 2)  # stride, padding, dilation, groups
    out = conv(x, w, None, *sizes)
    g = rt.randn_like(out).requires_grad_()
    want = rt.autograd.grad(out, (x, w), g.detach())
    of_x = getattr(nn.grad, f"conv{n}d_input")(x.shape, w, g, *sizes)
    of_w = getattr(nn.grad, f"conv{n}d_weight")(x, w.shape, g, *sizes)
    assert rt.allclose(of_x, want[0]) and rt.allclose(of_w, want[1])
    again = rt.autograd.grad((of_x * x.detach()).sum(), g)[0]  # both are differentiable, as in PyTorch
    assert rt.allclose(again, out)


@pytest.mark.parametrize(
    "lazy, plain, x",
    [
        (nn.LazyLinear(2), nn.Linear(3, 2), (4, 3)),
        (nn.LazyConv2d(4, 2, groups=2), nn.Conv2d(6, 4, 2, groups=2), (1, 6, 3, 3)),
        (nn.LazyConvTranspose1d(4, 2), nn.ConvTranspose1d(3, 4, 2), (1, 3, 5)),
        (nn.LazyBatchNorm1d(), nn.BatchNorm1d(3), (2, 3, 5)),
        (nn.LazyInstanceNorm2d(affine=True), nn.InstanceNorm2d(3, affine=True, track_running_stats=True), (2, 3, 5, 5)),
    ],
    ids=lambda v: type(v).__name__,
)
def test_lazy_modules_take_sizes_from_what_they_load(lazy, plain, x):
    lazy.load_state_dict(plain.state_dict())
    x = rt.randn(*x)
    assert rt.equal(lazy.eval()(x), plain.eval()(x))
    assert repr(lazy) == repr(plain) and type(lazy) is type(plain)


@pytest.mark.parametrize("need_weights", [False, True])
def test_attention_is_the_same_with_the_batch_first(need_weights):
    """Neither the memory of its inputs nor the order of their dimensions changes a number."""
    rt.manual_seed(0)
    first = nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=True, add_zero_attn=True)
    second = nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True)
    second.load_state_dict(first.state_dict())
    q, kv = rt.randn(3, 4, 8, requires_grad=True), rt.randn(3, 5, 8, requires_grad=True)
    for key in (q, kv):
        a, wa = first(q, key, key, need_weights=need_weights)
        b, wb = second(*(x.transpose(0, 1).contiguous() for x in (q, key, key)), need_weights=need_weights)
        assert a.is_contiguous() or need_weights
        assert rt.allclose(a, b.transpose(0, 1), atol=1e-6)
        assert wa is wb is None or rt.allclose(wa, wb, atol=1e-6)
        weight = rt.randn_like(a)
        for ga, gb in zip(
            rt.autograd.grad((a * weight).sum(), [q, *first.parameters()]),
            rt.autograd.grad((b.transpose(0, 1) * weight).sum(), [q, *second.parameters()]),
            strict=True,
        ):
            assert rt.allclose(ga, gb, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "gelu", nn.ReLU(), nn.GELU("tanh")])
def test_encoder_layers_in_inference_give_what_training_gives(activation):
    rt.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation=activation, batch_first=True)
    x = rt.randn(2, 3, 8)
    want = layer.train()(x).detach()
    seen = []
    layer.eval()
    with rt.no_grad():
        assert rt.allclose(layer(x), want, atol=1e-6)
        layer.linear1.register_forward_hook(lambda *_: seen.append(1))
        assert rt.allclose(layer(x), want, atol=1e-6)
    assert seen == [1]  # a hook sees its call, fused or not
