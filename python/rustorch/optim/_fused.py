"""The steps of SGD, Adam and AdamW: the multi-tensor operators, and compositions for `differentiable=True`.

The operators take numbers and record nothing. The compositions do one parameter, are recorded by autograd and take
tensors for `lr` and `betas`. README.md in this folder gives the exact semantics.
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
