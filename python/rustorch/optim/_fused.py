"""The multi-tensor steps of SGD, Adam and AdamW, composed of in-place operators.

`rustorch._C.ops._fused_*_` replaces these where the engine has them; README.md in this folder gives
the exact semantics.  The composed forms serve `differentiable=True` too.
"""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import Tensor
from rustorch.nn._ops import op_or

Tensors = list[Tensor]


def sgd(
    params: Tensors,
    grads: Tensors,
    momentum_buffers: Tensors,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    is_first_step: bool,
) -> None:
    """One step of SGD on lists of tensors of one dtype."""
    for i, (p, g) in enumerate(zip(params, grads)):
        if maximize:
            g = -g
        if weight_decay:
            g = g.add(p, alpha=weight_decay)
        if momentum:
            buf = momentum_buffers[i]
            if is_first_step:
                buf.copy_(g)
            else:
                buf.mul_(momentum).add_(g, alpha=1 - dampening)
            g = g.add(buf, alpha=momentum) if nesterov else buf
        p.add_(g, alpha=-lr)


def _adam(
    params: Tensors,
    grads: Tensors,
    exp_avgs: Tensors,
    exp_avg_sqs: Tensors,
    max_exp_avg_sqs: Tensors,
    state_steps: Tensors,
    lr: float,
    beta1: float,
    beta2: float,
    weight_decay: float,
    eps: float,
    amsgrad: bool,
    maximize: bool,
    decoupled: bool,
) -> None:
    for i, (p, g) in enumerate(zip(params, grads)):
        if maximize:
            g = -g
        state_steps[i] += 1
        t = float(state_steps[i])
        if weight_decay:
            if decoupled:
                p.mul_(1 - lr * weight_decay)
            else:
                g = g.add(p, alpha=weight_decay)
        m, v = exp_avgs[i], exp_avg_sqs[i]
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        correction2 = (1 - beta2**t) ** 0.5
        if amsgrad:
            highest = max_exp_avg_sqs[i]
            highest.copy_(rt.maximum(highest, v))
            v = highest
        p.addcdiv_(m, (v.sqrt() / correction2).add_(eps), value=-lr / (1 - beta1**t))


def _adam_step(name: str, decoupled: bool) -> Any:
    """`adam` or `adamw` in the form of the fused operator."""

    def step(
        params: Tensors,
        grads: Tensors,
        exp_avgs: Tensors,
        exp_avg_sqs: Tensors,
        max_exp_avg_sqs: Tensors,
        state_steps: Tensors,
        *,
        lr: float,
        beta1: float,
        beta2: float,
        weight_decay: float,
        eps: float,
        amsgrad: bool,
        maximize: bool,
    ) -> None:
        """One step on lists of tensors of one dtype; adds 1 to every step counter first."""
        lists = (params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps)
        _adam(*lists, lr, beta1, beta2, weight_decay, eps, amsgrad, maximize, decoupled)

    step.__name__ = step.__qualname__ = name
    return step


adam = _adam_step("adam", False)
adamw = _adam_step("adamw", True)  # weight decay scales p by 1 - lr * weight_decay first


def sgd_differentiable(p: Tensor, g: Tensor, buf: Tensor | None, first: bool, group: dict[str, Any]) -> None:
    """One SGD step that autograd records, through a tensor `lr` too."""
    if group["maximize"]:
        g = -g
    if group["weight_decay"]:
        g = g.add(p, alpha=group["weight_decay"])
    if buf is not None:
        if first:
            buf.copy_(g)
        else:
            buf.mul_(group["momentum"]).add_(g, alpha=1 - group["dampening"])
        g = g.add(buf, alpha=group["momentum"]) if group["nesterov"] else buf
    p.add_(g * -group["lr"])


def adam_differentiable(
    p: Tensor, g: Tensor, m: Tensor, v: Tensor, highest: Tensor | None, step: Tensor, group: dict[str, Any]
) -> None:
    """One Adam step that autograd records, through tensors `lr` and `betas` too."""
    lr, (beta1, beta2) = group["lr"], group["betas"]
    if group["maximize"]:
        g = -g
    step += 1
    if group["weight_decay"]:
        if group["decoupled_weight_decay"]:
            p.mul_(1 - lr * group["weight_decay"])
        else:
            g = g.add(p, alpha=group["weight_decay"])
    m.add_((g - m) * (1 - beta1))
    v.mul_(beta2).add_(g * g * (1 - beta2))
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step
    if highest is not None:
        highest.copy_(rt.maximum(highest.clone(), v))
        v = highest
    # where v is 0 the root has no derivative: its value 0 and slope 0 are taken there
    zero = v == 0
    root = v.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)
    p.sub_(m / (root / correction2.sqrt() + group["eps"]) * (lr / correction1))


fused_sgd: Any = op_or("_fused_sgd_", sgd)
fused_adam: Any = op_or("_fused_adam_", adam)
fused_adamw: Any = op_or("_fused_adamw_", adamw)
