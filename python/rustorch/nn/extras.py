"""Layers beyond torch.nn: positional encodings (sinusoidal, learned, rotary)."""

from __future__ import annotations

import math
from typing import Any

import rustorch as rt
from rustorch import Tensor

from . import init
from .modules.dropout import Dropout
from .modules.module import Module
from .parameter import Parameter

__all__ = ["LearnedPositionalEncoding", "RotaryEmbedding", "SinusoidalPositionalEncoding"]


class SinusoidalPositionalEncoding(Module):
    """Adds sin and cos of the position at d_model / 2 frequencies (Vaswani et al. 2017).

    (N, L, d_model), or (L, N, d_model) without `batch_first`; d_model is even.
    """

    table: Tensor

    def __init__(self, d_model: int, max_len: int = 5000, dropout: float = 0.0, batch_first: bool = True) -> None:
        super().__init__()
        if d_model % 2:
            raise ValueError(f"SinusoidalPositionalEncoding(): d_model must be even; got {d_model}")
        position = rt.arange(max_len, dtype=rt.float32).unsqueeze(1)
        rate = (rt.arange(0, d_model, 2, dtype=rt.float32) * (-math.log(10000.0) / d_model)).exp()
        angle = position * rate
        self.register_buffer("table", rt.stack([angle.sin(), angle.cos()], -1).flatten(1), persistent=False)
        self.batch_first = batch_first
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.batch_first:
            return self.dropout(x + self.table[: x.size(-2)].to(x.dtype))
        return self.dropout(x + self.table[: x.size(0)].unsqueeze(1).to(x.dtype))


class LearnedPositionalEncoding(Module):
    """Adds one trained vector per position to (N, L, d_model); weight (max_len, d_model)."""

    def __init__(self, d_model: int, max_len: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.weight = Parameter(rt.empty(max_len, d_model, device=device, dtype=dtype))
        init.normal_(self.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight[: x.size(-2)]


class RotaryEmbedding(Module):
    """Turns pairs of features of (..., L, dim) by angles that grow with the position (Su et al. 2021)."""

    inv_freq: Tensor

    def __init__(self, dim: int, base: float = 10000.0) -> None:
        super().__init__()
        if dim % 2:
            raise ValueError(f"RotaryEmbedding(): dim must be even; got {dim}")
        rate = base ** (rt.arange(0, dim, 2, dtype=rt.float32) * (-1.0 / dim))
        self.register_buffer("inv_freq", rate, persistent=False)

    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        position = rt.arange(offset, offset + x.size(-2), dtype=rt.float32, device=x.device)
        angle = position.unsqueeze(1) * self.inv_freq
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        a, b = x[..., 0::2], x[..., 1::2]
        return rt.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
