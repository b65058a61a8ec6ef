"""Adam (Kingma & Ba 2015), AMSGrad (Reddi et al. 2018) and AdamW (Loshchilov & Hutter 2019)."""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import Tensor

from . import _fused
from .optimizer import (
    GroupOptimizer,
    as_float,
    check_fused,
    check_options,
    check_tensor_lr,
    no_sparse,
    options,
    step_tensor,
    zeros,
)


class Adam(GroupOptimizer):
    """p -= lr * m / (sqrt(v) + eps) with bias-corrected moving averages m of g and v of g^2.

    State per parameter: step, exp_avg, exp_avg_sq, and max_exp_avg_sq with `amsgrad`.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_tensor_lr(lr, foreach, capturable)
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        self._check_tensor_betas(betas, foreach, capturable)
        check_fused(fused, foreach, differentiable)
        super().__init__(
            params,
            options(
                locals(),
                "lr betas eps weight_decay amsgrad maximize foreach capturable differentiable fused decoupled_weight_decay",
            ),
        )

    @staticmethod
    def _check_tensor_betas(betas: Any, foreach: bool | None, capturable: bool) -> None:
        tensors = [isinstance(b, Tensor) for b in betas]
        if not any(tensors):
            return
        if not all(tensors):
            raise ValueError("betas must be either both floats or both Tensors")
        for i, beta in enumerate(betas):
            if not capturable and foreach:
                raise ValueError(f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True")
            if beta.numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("amsgrad", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("capturable", False)
            group.setdefault("differentiable", False)
            group.setdefault("decoupled_weight_decay", False)
            group.setdefault("fused", None)
            for p in group["params"]:
                s = self.state.get(p, {})
                if s and not isinstance(s["step"], Tensor):
                    s["step"] = rt.tensor(float(s["step"]), dtype=rt.float32)

    def _new_state(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        no_sparse(p.grad, "Adam")
        new = {"step": step_tensor(group, p), "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}
        if group["amsgrad"]:
            new["max_exp_avg_sq"] = zeros(p)
        state: dict[str, Any] = self.state[p]
        state.update(new)  # at once: memory may run out above
        return state

    def _update_group(self, group: dict[str, Any]) -> None:
        amsgrad = group["amsgrad"]
        states = self.state
        calls: dict[Any, tuple[list[Any], ...]] = {}
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            s = states[p] or self._new_state(p, group)
            if group["differentiable"]:
                real = rt.view_as_real if p.is_complex() else (lambda t: t)
                highest = real(s["max_exp_avg_sq"]) if amsgrad else None
                tensors = (real(p), real(g), real(s["exp_avg"]), real(s["exp_avg_sq"]), highest, s["step"])
                _fused.adam_differentiable(*tensors, group)
                continue
            key = (p.dtype, p.device)
            lists = calls.get(key)
            if lists is None:
                lists = calls[key] = ([], [], [], [], [], [])
            lists[0].append(p)
            lists[1].append(g)
            lists[2].append(s["exp_avg"])
            lists[3].append(s["exp_avg_sq"])
            if amsgrad:
                lists[4].append(s["max_exp_avg_sq"])
            lists[5].append(s["step"])
        decoupled = group["decoupled_weight_decay"]
        beta1, beta2 = group["betas"]
        for key, lists in calls.items():
            if key[0].is_complex:  # the two parts of a complex number are two real ones
                lists = (*([rt.view_as_real(t) for t in ts] for ts in lists[:5]), lists[5])
            step = _fused.fused_adamw if decoupled else _fused.fused_adam
            step(
                *lists,
                lr=as_float(group["lr"]),
                beta1=as_float(beta1),
                beta2=as_float(beta2),
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=amsgrad,
                maximize=group["maximize"],
            )


class AdamW(Adam):
    """Adam with decoupled weight decay: p is scaled by 1 - lr * weight_decay before the step."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
