"""Recurrent layers: the weights and states of modules handed to the fused operators.

`rnn(mode, data, state, weights, ...)` takes time-major data (T, N, F), or packed data (total, F)
with the batch size of every step, and weights as a list in cuDNN's order: per layer and direction
w_ih, w_hh[, b_ih, b_hh][, w_hr].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rustorch import Tensor

from ._ops import op

_LAYERS = {"LSTM": op("lstm"), "GRU": op("gru"), "RNN_TANH": op("rnn_tanh"), "RNN_RELU": op("rnn_relu")}
_CELLS = {
    "LSTM": op("lstm_cell"),
    "GRU": op("gru_cell"),
    "RNN_TANH": op("rnn_tanh_cell"),
    "RNN_RELU": op("rnn_relu_cell"),
}

State = tuple[Tensor, ...]


def cell(
    mode: str, input: Tensor, state: State, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None, b_hh: Tensor | None
) -> State:
    """The state after one step."""
    lstm = mode == "LSTM"
    out = _CELLS[mode](input, state if lstm else state[0], w_ih, w_hh, b_ih, b_hh)
    return tuple(out) if lstm else (out,)


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
    batch_sizes: Tensor | None = None,
) -> tuple[Tensor, State]:
    """(output, final state): output (T, N, D * H) or packed, states (layers * D, N, H)."""
    states: Any = list(state) if mode == "LSTM" else state[0]
    common = (list(weights), bias, num_layers, dropout, training, bidirectional)
    run = _LAYERS[mode]
    out, *final = run(data, states, *common, False) if batch_sizes is None else run(data, batch_sizes, states, *common)
    return out, tuple(final)
