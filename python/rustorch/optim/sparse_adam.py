"""SparseAdam: Adam that touches only the rows that have a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .optimizer import Optimizer, as_float, check_betas, options, zeros


class SparseAdam(Optimizer):
    """Adam for sparse gradients; moments and parameters of untouched rows stay as they are."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 < lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, options(locals(), "lr betas eps maximize"))
        dense = []
        for i, group in enumerate(self.param_groups):
            for j, p in enumerate(group["params"]):
                if p.is_sparse:
                    dense.append([i, j])
                if p.is_complex():
                    raise ValueError("SparseAdam does not support complex parameters")
        if dense:
            raise ValueError(f"Sparse params at indices {dense}: SparseAdam requires dense parameter tensors")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with rt.enable_grad():
                loss = closure()
        with rt.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        if not p.grad.is_sparse:
                            raise RuntimeError(
                                "SparseAdam does not support dense gradients, please consider Adam instead"
                            )
                        self._update(p, p.grad, group)
        return loss

    def _update(self, p: Tensor, g: Any, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state["step"] = 0
            state["exp_avg"] = zeros(p)
            state["exp_avg_sq"] = zeros(p)
        state["step"] += 1
        self._apply(p, g, state, group)

    @staticmethod
    def _apply(p: Tensor, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        """The formula for the step that `state` counts."""
        t = state["step"]
        g = g.coalesce()
        if g._values().numel() == 0:
            return
        beta1, beta2 = group["betas"]
        index, values = g._indices(), g._values()
        if group["maximize"]:
            values = -values
        rows = tuple(index)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        new_m = m[rows] + (values - m[rows]) * (1 - beta1)
        new_v = v[rows] + (values * values - v[rows]) * (1 - beta2)
        m[rows] = new_m
        v[rows] = new_v
        rate = as_float(group["lr"]) * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
        p[rows] -= rate * new_m / (new_v.sqrt() + group["eps"])
