"""Recurrent layers composed of per-step operators: one function that a fused operator can replace.

`rnn(mode, data, state, weights, ...)` takes time-major data (T, N, F), or packed data (total, F)
with the batch size of every step, and weights as a list in cuDNN's order: per layer and direction
w_ih, w_hh[, b_ih, b_hh][, w_hr].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import rustorch as rt
from rustorch import Tensor

from ._ops import op

_linear = op("linear")
_dropout = op("dropout")
_relu = op("relu")

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], State]


def _lstm_step(w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> Step:
    def step(gates: Tensor, state: State) -> State:
        h, c = state
        i, f, g, o = (gates + _linear(h, w_hh, b_hh)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return (h if w_hr is None else _linear(h, w_hr)), c

    return step


def _gru_step(w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> Step:
    def step(gates: Tensor, state: State) -> State:
        (h,) = state
        xr, xz, xn = gates.chunk(3, -1)
        hr, hz, hn = _linear(h, w_hh, b_hh).chunk(3, -1)
        n = (xn + (xr + hr).sigmoid() * hn).tanh()
        return (n + (xz + hz).sigmoid() * (h - n),)

    return step


def _tanh_step(w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> Step:
    return lambda gates, state: ((gates + _linear(state[0], w_hh, b_hh)).tanh(),)


def _relu_step(w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> Step:
    return lambda gates, state: (_relu(gates + _linear(state[0], w_hh, b_hh)),)


STEPS = {"LSTM": _lstm_step, "GRU": _gru_step, "RNN_TANH": _tanh_step, "RNN_RELU": _relu_step}


def _run(step: Step, gates: Tensor, state: State, reverse: bool) -> tuple[Tensor, State]:
    """All time steps of (T, N, G)."""
    steps = gates.unbind(0)
    out = []
    for x in reversed(steps) if reverse else steps:
        state = step(x, state)
        out.append(state[0])
    if reverse:
        out.reverse()
    return rt.stack(out), state


def _run_packed(step: Step, gates: Tensor, state: State, sizes: Sequence[int], reverse: bool) -> tuple[Tensor, State]:
    """All time steps of packed (total, G); the batch shrinks, or grows when going backwards."""
    parts = gates.split(list(sizes))
    out = []
    if reverse:
        first = state
        state = tuple(s[: sizes[-1]] for s in first)
        for x, n in zip(reversed(parts), reversed(sizes)):
            have = state[0].size(0)
            if n > have:
                state = tuple(rt.cat([s, f[have:n]]) for s, f in zip(state, first))
            state = step(x, state)
            out.append(state[0])
        out.reverse()
        return rt.cat(out), state
    done: list[State] = []
    for x, n in zip(parts, sizes):
        if n < state[0].size(0):
            done.append(tuple(s[n:] for s in state))
            state = tuple(s[:n] for s in state)
        state = step(x, state)
        out.append(state[0])
    done.append(state)
    done.reverse()
    return rt.cat(out), tuple(rt.cat(list(parts)) for parts in zip(*done))


def rnn(
    mode: str,
    data: Tensor,
    state: State,
    weights: Sequence[Tensor],
    bias: bool,
    num_layers: int,
    dropout: float,
    training: bool,
    bidirectional: bool,
    projected: bool = False,
    batch_sizes: Sequence[int] | None = None,
) -> tuple[Tensor, State]:
    """(output, final state): output (T, N, D * H) or packed, states (layers * D, N, H)."""
    directions = 2 if bidirectional else 1
    per = 2 + (2 if bias else 0) + (1 if projected else 0)
    final: list[State] = []
    for layer in range(num_layers):
        outs = []
        for d in range(directions):
            k = layer * directions + d
            w = list(weights[k * per : (k + 1) * per])
            w_hr = w.pop() if projected else None
            b_ih, b_hh = (w[2], w[3]) if bias else (None, None)
            step = STEPS[mode](w[1], b_hh, w_hr)
            gates = _linear(data, w[0], b_ih)
            start = tuple(s[k] for s in state)
            if batch_sizes is None:
                out, end = _run(step, gates, start, d == 1)
            else:
                out, end = _run_packed(step, gates, start, batch_sizes, d == 1)
            outs.append(out)
            final.append(end)
        data = outs[0] if directions == 1 else rt.cat(outs, -1)
        if dropout and training and layer < num_layers - 1:
            data = _dropout(data, dropout, True)
    return data, tuple(rt.stack(list(parts)) for parts in zip(*final))
