"""Recurrent layers give the same bits with and without history, and on any number of threads."""

import pytest

import rustorch as rt
from rustorch import nn

# hidden sizes: below one task, one, several of one size, a last smaller one
SIZES = [(20, 20), (64, 64), (192, 128), (200, 30), (256, 256)]


def layer(kind, hidden, features, **options):
    rt.manual_seed(7)
    return kind(features, hidden, **options)


def flat(result):
    out, state = result
    out = out.data if isinstance(out, nn.utils.rnn.PackedSequence) else out
    return [out, *(state if isinstance(state, tuple) else (state,))]


def same(a, b):
    return all(rt.equal(x, y) for x, y in zip(flat(a), flat(b), strict=True))


@pytest.fixture
def threads():
    before = rt.get_num_threads()
    yield rt.set_num_threads
    rt.set_num_threads(before)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("hidden, features", SIZES)
def test_history_does_not_change_a_bit(kind, hidden, features):
    m = layer(kind, hidden, features, bidirectional=True)
    for steps, batch in ((9, 5), (40, 8), (2, 5), (6, 1), (1, 3)):
        x = rt.randn(steps, batch, features)
        with rt.no_grad():
            plain = m(x)
        assert same(m(x), plain)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("hidden, features", SIZES)
def test_threads_do_not_change_a_bit(kind, hidden, features, threads):
    m = layer(kind, hidden, features)
    x = rt.randn(24, 6, features)
    results, grads = [], []
    for n in (1, 2, 3, 4):
        threads(n)
        with rt.no_grad():
            results.append(m(x))
        m.zero_grad()
        m(x)[0].square().sum().backward()
        grads.append([p.grad.clone() for p in m.parameters()])
    for other, slopes in zip(results[1:], grads[1:], strict=True):
        assert same(other, results[0])
        assert all(rt.equal(a, b) for a, b in zip(slopes, grads[0], strict=True))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("hidden", [20, 130, 256])
@pytest.mark.parametrize("dtype", [rt.float32, rt.float64])
def test_equals_its_cell_step_by_step(kind, hidden, dtype):
    m = layer(kind, hidden, 30, dtype=dtype)
    cell = (nn.LSTMCell if kind is nn.LSTM else nn.GRUCell)(30, hidden, dtype=dtype)
    for name, p in cell.named_parameters():
        p.data.copy_(getattr(m, name + "_l0"))
    x = rt.randn(7, 4, 30, dtype=dtype, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    out, _ = m(x)
    state, outs = None, []
    for row in y:
        state = cell(row, state)
        outs.append(state[0] if kind is nn.LSTM else state)
    expected = rt.stack(outs)
    rt.testing.assert_close(out, expected)
    weight = rt.randn_like(out)
    (out * weight).sum().backward()
    (expected * weight).sum().backward()
    rt.testing.assert_close(x.grad, y.grad)
    for name, p in cell.named_parameters():
        rt.testing.assert_close(getattr(m, name + "_l0").grad, p.grad)


@pytest.mark.parametrize("proj", [0, 70])
def test_packed_rows_equal_single_sequences(proj):
    m = layer(nn.LSTM, 130, 30, proj_size=proj, bidirectional=True)
    rows = [rt.randn(n, 30) for n in (9, 9, 5, 1)]
    packed = nn.utils.rnn.pack_sequence(rows)
    with rt.no_grad():
        kept = flat(m(packed))
        out, _ = nn.utils.rnn.pad_packed_sequence(m(packed)[0])
        for i, row in enumerate(rows):
            rt.testing.assert_close(out[: len(row), i], m(row)[0])
    assert all(rt.equal(a, b) for a, b in zip(flat(m(packed)), kept, strict=True))
