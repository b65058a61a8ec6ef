"""Adafactor (Shazeer & Stern 2018): second moments kept as a row and a column."""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import Tensor

from .optimizer import as_float, options, zeros
from .per_parameter import Group, PerParameter, State, _tick


class Adafactor(PerParameter):
    """State of a matrix (rows x cols, over the last two dims) is row_var and col_var, of a vector variance."""

    _late_options: dict[str, Any] = {"foreach": None}

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        super().__init__(params, options(locals(), "lr beta2_decay eps d weight_decay foreach maximize"))

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        if p.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        state["step"] = rt.tensor(0.0, dtype=rt.float32)
        if p.dim() > 1:
            kw: Any = {"dtype": p.dtype, "device": p.device}
            state["row_var"] = rt.zeros((*p.shape[:-1], 1), **kw)
            state["col_var"] = rt.zeros((*p.shape[:-2], 1, p.shape[-1]), **kw)
        else:
            state["variance"] = zeros(p)

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = _tick(state)
        lr = as_float(group["lr"])
        eps1, eps2 = group["eps"]
        if eps1 is None:
            eps1 = rt.finfo(p.dtype).eps
        weight = t ** group["beta2_decay"]
        rms = float(p.norm(2)) / p.numel() ** 0.5
        alpha = max(eps2, rms) * min(lr, 1 / t**0.5)
        if group["weight_decay"]:
            p.mul_(1 - lr * group["weight_decay"])
        if g.dim() > 1:
            row, col = state["row_var"], state["col_var"]
            square = g * g
            row.lerp_(square.mean(-1, keepdim=True), weight)
            col.lerp_(square.mean(-2, keepdim=True), weight)
            estimate = (row @ col).div_(row.mean(-2, keepdim=True).clamp_(min=eps1))
        else:
            variance = state["variance"]
            variance.lerp_(g * g, weight)
            estimate = variance.clone()
        update = estimate.clamp_(min=eps1 * eps1).rsqrt_().mul_(g)
        clip = max(1.0, float(update.norm(2)) / (update.numel() ** 0.5 * group["d"]))
        p.add_(update, alpha=-alpha / clip)
