"""The steps of SGD, Adam and AdamW: the multi-tensor operators, and compositions for `differentiable=True`.

The operators take numbers. The compositions do one parameter and take tensors for `lr` and `betas`, which gradients may
reach. README.md in this folder gives the exact semantics.
"""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import Tensor
from rustorch.nn._ops import op

fused_sgd = op("_fused_sgd_")
fused_adam = op("_fused_adam_")
fused_adamw = op("_fused_adamw_")


def sgd_differentiable(p: Tensor, g: Tensor, buf: Tensor | None, first: bool, group: dict[str, Any]) -> None:
    """One SGD step that autograd records, through a tensor `lr` too."""
    if group["maximize"]:
        g = -g
    if group["weight_decay"]:
        g = g.add(p, alpha=group["weight_decay"])
    if buf is not None:  # what is kept for backward is not what the next step writes
        moved = g.clone() if first else buf * group["momentum"] + g * (1 - group["dampening"])
        buf.copy_(moved)
        g = g.add(moved, alpha=group["momentum"]) if group["nesterov"] else moved
    p.add_(g * -group["lr"])


def adam_differentiable(
    p: Tensor, g: Tensor, m: Tensor, v: Tensor, highest: Tensor | None, step: Tensor, group: dict[str, Any]
) -> None:
    """One Adam step that autograd records, through tensors `lr` and `betas` too."""
    lr, (beta1, beta2) = group["lr"], group["betas"]
    if group["maximize"]:
        g = -g
    step += 1
    # what is kept for backward is not what this step and the next one write
    count, old = step.clone(), p.clone()
    if group["weight_decay"]:
        if group["decoupled_weight_decay"]:
            old = old * (1 - lr * group["weight_decay"])
        else:
            g = g.add(old, alpha=group["weight_decay"])
    avg = m + (g - m) * (1 - beta1)
    square = v.clone() * beta2 + g * g * (1 - beta2)
    m.copy_(avg)
    v.copy_(square)
    correction1, correction2 = 1 - beta1**count, 1 - beta2**count
    if highest is not None:
        square = rt.maximum(highest.clone(), square)
        highest.copy_(square)
    # where the square is 0 the root has no derivative: its value 0 and slope 0 are taken there
    zero = square == 0
    root = square.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)
    p.copy_(old - avg / (root / correction2.sqrt() + group["eps"]) * (lr / correction1))
