"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from typing import Any

import rustorch as rt

from . import _fused
from .optimizer import GroupOptimizer, as_float, check_fused, check_lr, check_weight_decay, options


class SGD(GroupOptimizer):
    """p -= lr * (momentum buffer of grad + weight_decay * p); Nesterov form on request.

    State per parameter: momentum_buffer.  ValueError for negative options, and for nesterov without
    momentum or with dampening.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        check_weight_decay(weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_fused(fused, foreach, differentiable)
        super().__init__(
            params,
            options(locals(), "lr momentum dampening weight_decay nesterov maximize foreach differentiable fused"),
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("differentiable", False)
            group.setdefault("fused", False)

    def _update_group(self, group: dict[str, Any]) -> None:
        momentum = group["momentum"]
        state = self.state
        # (dtype, first step) -> lists: one fused call for each
        calls: dict[Any, tuple[list[Any], list[Any], list[Any]]] = {}
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if g.is_sparse:
                self._sparse_step(p, g, group)
                continue
            buf, first = None, False
            if momentum:
                buf = state[p].get("momentum_buffer")
                if buf is None:
                    first = True
                    buf = rt.empty_like(p).detach()
            if group["differentiable"]:
                _fused.sgd_differentiable(p, g, buf, first, group)
                if first:
                    state[p]["momentum_buffer"] = buf
                continue
            key = (p.dtype, p.device, first)
            lists = calls.get(key)
            if lists is None:
                lists = calls[key] = ([], [], [])
            lists[0].append(p)
            lists[1].append(g)
            if buf is not None:
                lists[2].append(buf)
        for (_, _, first), lists in calls.items():
            _fused.fused_sgd(
                *lists,
                lr=as_float(group["lr"]),
                momentum=momentum,
                dampening=group["dampening"],
                weight_decay=group["weight_decay"],
                nesterov=group["nesterov"],
                maximize=group["maximize"],
                is_first_step=first,
            )
            if first:  # only now: the buffers had no values before
                for p, buf in zip(lists[0], lists[2]):
                    state[p]["momentum_buffer"] = buf

    def _sparse_step(self, p: Any, g: Any, group: dict[str, Any]) -> None:
        if group["momentum"] or group["weight_decay"]:
            g = g.to_dense()
            first = "momentum_buffer" not in self.state[p]
            buf = self.state[p].setdefault("momentum_buffer", rt.zeros_like(p)) if group["momentum"] else None
            _fused.fused_sgd(
                [p],
                [g],
                [] if buf is None else [buf],
                lr=as_float(group["lr"]),
                momentum=group["momentum"],
                dampening=group["dampening"],
                weight_decay=group["weight_decay"],
                nesterov=group["nesterov"],
                maximize=group["maximize"],
                is_first_step=first,
            )
            return
        lr = as_float(group["lr"])
        p.add_(g, alpha=lr if group["maximize"] else -lr)
