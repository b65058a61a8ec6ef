"""Optimizers beyond torch.optim: Lion (Chen et al. 2023), LAMB (You et al. 2020), AdaBound (Luo et al. 2019)."""

from __future__ import annotations

from typing import Any

from rustorch import Tensor
from rustorch.nn._ops import op

from .optimizer import (
    as_float,
    check_options,
    options,
    zeros,
)
from .per_parameter import AdamLike, Group, PerParameter, State, _tick

fused_lion = op("_fused_lion_")
fused_adabound = op("_fused_adabound_")


class Lion(PerParameter):
    """p -= lr * (sign(beta1 m + (1 - beta1) g) + weight_decay * p); m is an average with beta2."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_options(lr=lr, betas=betas, weight_decay=weight_decay)
        super().__init__(params, options(locals(), "lr betas weight_decay maximize"))

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["exp_avg"] = zeros(p)

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        beta1, beta2 = group["betas"]
        lr = as_float(group["lr"])
        shrink = 1 - lr * group["weight_decay"]
        fused_lion([p], [g], [state["exp_avg"]], lr=lr, beta1=beta1, beta2=beta2, shrink=shrink)


class LAMB(AdamLike):
    """Adam's step scaled per tensor by |p| / |step|, for very large batches."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        super().__init__(params, options(locals(), "lr betas eps weight_decay maximize"))

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = _tick(state)
        beta1, beta2 = group["betas"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        update = (m / (1 - beta1**t)).div_((v / (1 - beta2**t)).sqrt_().add_(group["eps"]))
        if group["weight_decay"]:
            update.add_(p, alpha=group["weight_decay"])
        p_norm, u_norm = float(p.norm()), float(update.norm())
        trust = p_norm / u_norm if p_norm > 0 and u_norm > 0 else 1.0
        p.add_(update, alpha=-as_float(group["lr"]) * trust)


class AdaBound(AdamLike):
    """Adam with per-element rates clamped between bounds that close in on `final_lr`."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        final_lr: float = 0.1,
        gamma: float = 1e-3,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        if not 0.0 <= final_lr:
            raise ValueError(f"Invalid final learning rate: {final_lr}")
        if not 0.0 <= gamma < 1.0:
            raise ValueError(f"Invalid gamma parameter: {gamma}")
        super().__init__(params, options(locals(), "lr betas final_lr gamma eps weight_decay maximize"))
        self.base_lrs = [as_float(group["lr"]) for group in self.param_groups]

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = _tick(state)
        beta1, beta2 = group["betas"]
        lr = as_float(group["lr"])
        base = next(b for b, other in zip(self.base_lrs, self.param_groups) if other is group)
        final = group["final_lr"] * lr / base if base else group["final_lr"]
        low = final * (1 - 1 / (group["gamma"] * t + 1))
        high = final * (1 + 1 / (group["gamma"] * t)) if group["gamma"] else float("inf")
        size = lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
        fused_adabound(
            [p],
            [g],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            size=size,
            low=low,
            high=high,
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
        )
