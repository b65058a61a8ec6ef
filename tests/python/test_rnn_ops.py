"""Fused recurrent layers against the same layers composed of one operator per step and gate."""

import itertools

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt
from rustorch.autograd import gradcheck, gradgradcheck

LAYERS = {"lstm": (rt.lstm, 4), "gru": (rt.gru, 3), "rnn_tanh": (rt.rnn_tanh, 1), "rnn_relu": (rt.rnn_relu, 1)}


def step(mode, x, state, w_ih, w_hh, b_ih, b_hh, w_hr=None):
    linear = rt.nn.functional.linear
    sums, recurrent = linear(x, w_ih, b_ih), linear(state[0], w_hh, b_hh)
    if mode == "rnn_tanh":
        return ((sums + recurrent).tanh(),)
    if mode == "rnn_relu":
        return ((sums + recurrent).relu(),)
    if mode == "lstm":
        i, f, g, o = (sums + recurrent).chunk(4, -1)
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return (h if w_hr is None else linear(h, w_hr)), c
    xr, xz, xn = sums.chunk(3, -1)
    hr, hz, hn = recurrent.chunk(3, -1)
    n = (xn + (xr + hr).sigmoid() * hn).tanh()
    return (n + (xz + hz).sigmoid() * (state[0] - n),)


def reference(mode, x, states, weights, directions, lengths):
    """Output (T, N, D * P), zero behind each sequence's end, and final states, one sequence at a time."""
    finals = []
    for layer in range(len(weights) // directions):
        outs = []
        for d in range(directions):
            k = layer * directions + d
            rows, ends = [], []
            for r, length in enumerate(lengths):
                state = tuple(s[k][r : r + 1] for s in states)
                line = {}
                for t in range(length - 1, -1, -1) if d else range(length):
                    state = step(mode, x[t, r : r + 1], state, *weights[k])
                    line[t] = state[0]
                blank = rt.zeros_like(state[0])
                rows.append(rt.stack([line.get(t, blank) for t in range(x.size(0))]))
                ends.append(state)
            outs.append(rt.cat(rows, 1))
            finals.append(tuple(rt.cat(list(parts)) for parts in zip(*ends)))
        x = rt.cat(outs, -1)
    return x, tuple(rt.stack(list(parts)) for parts in zip(*finals))


def make(mode, features, hidden, layers, directions, bias=True, proj=0, dtype=rt.float64, seed=0):
    rt.manual_seed(seed)
    gates = LAYERS[mode][1]
    width = proj or hidden
    weights = []
    for layer in range(layers):
        for _ in range(directions):
            inputs = width * directions if layer else features
            w = [rt.randn(gates * hidden, size, dtype=dtype) * 0.4 for size in (inputs, width)]
            w += [rt.randn(gates * hidden, dtype=dtype) for _ in range(2)] if bias else []
            w += [rt.randn(proj, hidden, dtype=dtype) * 0.5] if proj else []
            weights.append([t.requires_grad_() for t in w])
    return weights


def start(mode, count, batch, hidden, proj=0, dtype=rt.float64):
    states = [rt.randn(count, batch, proj or hidden, dtype=dtype)]
    if mode == "lstm":
        states.append(rt.randn(count, batch, hidden, dtype=dtype))
    return [s.requires_grad_() for s in states]


def call(mode, x, states, weights, bias, layers, directions, batch_sizes=None):
    flat = [t for w in weights for t in w]
    hx = states if mode == "lstm" else states[0]
    options = (hx, flat, bias, layers, 0.0, True, directions == 2)
    run = LAYERS[mode][0]
    return run(x, *options, False) if batch_sizes is None else run(x, batch_sizes, *options)


def padded_weights(weights, bias):
    """As step() takes them: without biases None stands in their place."""
    return [w if bias else [w[0], w[1], None, None, *w[2:]] for w in weights]


CASES = [(*options, 0) for options in itertools.product(LAYERS, (1, 2), (1, 2), (True, False))]
CASES += [("lstm", 2, 2, True, 2), ("lstm", 1, 1, False, 3)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mode,layers,directions,bias,proj", CASES)
def test_layers_match_steps(mode, layers, directions, bias, proj, packed):
    steps, batch, features, hidden = 5, 3, 4, 7
    lengths = [5, 4, 2] if packed else [steps] * batch
    weights = make(mode, features, hidden, layers, directions, bias, proj)
    states = start(mode, layers * directions, batch, hidden, proj)
    x = rt.randn(steps, batch, features, dtype=rt.float64, requires_grad=True)
    leaves = [x, *states, *(t for w in weights for t in w)]
    data, sizes = x, None
    if packed:
        sizes = rt.tensor([sum(n > t for n in lengths) for t in range(steps)])
        data = rt.cat([x[t, : int(sizes[t])] for t in range(steps)])
    out, *final = call(mode, data, states, weights, bias, layers, directions, sizes)
    want, want_final = reference(mode, x, states, padded_weights(weights, bias), directions, lengths)
    if packed:
        want = rt.cat([want[t, : int(sizes[t])] for t in range(steps)])
    scale = rt.linspace(-1, 1, out.numel(), dtype=rt.float64).reshape(out.shape)

    def total(output, last):
        return (output * scale).sum() + sum((s * s).sum() for s in last)

    assert len(final) == len(want_final)
    assert all(rt.allclose(a, b, 1e-10, 1e-12) for a, b in zip([out, *final], [want, *want_final]))
    got = rt.autograd.grad(total(out, final), leaves)
    expected = rt.autograd.grad(total(want, want_final), leaves)
    assert all(rt.allclose(a, b, 1e-9, 1e-11) for a, b in zip(got, expected))


@pytest.mark.parametrize("mode", LAYERS)
def test_gradients_of_gradients(mode):
    weights = make(mode, 2, 3, 1, 1)
    states = start(mode, 1, 2, 3)
    x = rt.randn(3, 2, 2, dtype=rt.float64, requires_grad=True)
    leaves = [x, *states, *weights[0]]

    def run(x, *rest):
        inner = list(rest[: len(states)])
        return call(mode, x, inner, [list(rest[len(states) :])], True, 1, 1)[:2]

    assert gradcheck(run, leaves)
    if mode != "rnn_relu":
        assert gradgradcheck(run, leaves)


def test_second_gradients_of_packed_reverse():
    sizes = rt.tensor([2, 1])
    weights = make("lstm", 1, 2, 1, 2, proj=1)
    states = start("lstm", 2, 2, 2, 1)
    x = rt.randn(3, 1, dtype=rt.float64, requires_grad=True)

    def run(x, h, c, *flat):
        return call("lstm", x, [h, c], [list(flat[:5]), list(flat[5:])], True, 1, 2, sizes)

    assert gradgradcheck(run, [x, *states, *(t for w in weights for t in w)])


@pytest.mark.parametrize("mode", LAYERS)
def test_cells(mode):
    weights = make(mode, 4, 6, 1, 1)[0]
    states = [s[0] for s in start(mode, 1, 3, 6)]
    x = rt.randn(3, 4, dtype=rt.float64)
    cell = getattr(rt, mode + "_cell")
    got = cell(x, states if mode == "lstm" else states[0], *weights)
    got = got if mode == "lstm" else (got,)
    for a, b in zip(got, step(mode, x, states, *weights), strict=True):
        assert rt.allclose(a, b, 1e-12, 1e-13)
    first = rt.autograd.grad(got[-1].sum(), weights)
    second = rt.autograd.grad(step(mode, x, states, *weights)[-1].sum(), weights)
    assert all(rt.allclose(a, b, 1e-10, 1e-12) for a, b in zip(first, second))


@pytest.mark.parametrize("mode", LAYERS)
def test_bits_do_not_depend_on_threads(mode):
    weights = make(mode, 48, 160, 2, 2, dtype=rt.float32)
    states = start(mode, 4, 40, 160, dtype=rt.float32)
    x = rt.randn(6, 40, 48, requires_grad=True)
    leaves = [x, *states, *(t for w in weights for t in w)]

    def run():
        out, *final = call(mode, x, states, weights, True, 2, 2)
        return [out, *final, *rt.autograd.grad(out.sum(), leaves)]

    equal_on_threads(run, (1, 2, 3, 8))


@pytest.mark.parametrize("dtype", [rt.float16, rt.bfloat16])
def test_half_follows_float(dtype):
    weights = make("gru", 5, 8, 1, 1, dtype=rt.float32)
    states = start("gru", 1, 2, 8, dtype=rt.float32)
    x = rt.randn(4, 2, 5)
    low = [[t.detach().to(dtype).requires_grad_() for t in weights[0]]]
    out, h = call("gru", x.to(dtype), [states[0].to(dtype)], low, True, 1, 1)
    want = call("gru", x, states, weights, True, 1, 1)[0]
    assert out.dtype == dtype and h.dtype == dtype
    assert rt.allclose(out.float(), want, 0.05, 0.05)
    out.sum().backward()
    assert all(t.grad is not None and t.grad.dtype == dtype for t in low[0])


def test_errors_and_empty_batches():
    weights = make("lstm", 4, 6, 1, 1)
    h, c = start("lstm", 1, 3, 6)
    with pytest.raises(RuntimeError, match="two hidden states"):
        rt.lstm(rt.zeros(2, 3, 4, dtype=rt.float64), [h], weights[0], True, 1, 0.0, False, False, False)
    with pytest.raises(RuntimeError, match="larger than 0"):
        call("lstm", rt.zeros(0, 3, 4, dtype=rt.float64), [h, c], weights, True, 1, 1)
    with pytest.raises(RuntimeError, match="w_ih"):
        call("lstm", rt.zeros(2, 3, 5, dtype=rt.float64), [h, c], weights, True, 1, 1)
    with pytest.raises((RuntimeError, ValueError), match="batch sizes"):
        call("lstm", rt.zeros(4, 4, dtype=rt.float64), [h, c], weights, True, 1, 1, rt.tensor([1, 3]))
    out, last_h, last_c = call("lstm", rt.zeros(2, 0, 4, dtype=rt.float64), [h[:, :0], c[:, :0]], weights, True, 1, 1)
    assert out.shape == (2, 0, 6) and last_h.shape == (1, 0, 6) and last_c.shape == (1, 0, 6)
