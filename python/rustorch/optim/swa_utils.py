"""Averages of weights: stochastic weight averaging (Izmailov et al. 2018) and exponential averages."""

from __future__ import annotations

import itertools
import math
from copy import deepcopy
from typing import Any

import rustorch as rt
from rustorch import Tensor
from rustorch.nn.modules.module import Module

from ._lr_base import LRScheduler, _per_group

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_multi_avg_fn(decay: float = 0.999) -> Any:
    """f(averages, params, count): the exponential average with `decay`, on lists in place."""
    _check_decay(decay)

    def update(ema: Any, current: Any, _: Any) -> None:
        with rt.no_grad():
            for e, c in zip(ema, current):
                if e.is_floating_point() or e.is_complex():
                    e.lerp_(c, 1 - decay)
                else:
                    e.copy_(e * decay + c * (1 - decay))

    return update


def get_swa_multi_avg_fn() -> Any:
    """f(averages, params, count): the equal-weights average, on lists in place."""

    def update(averages: Any, current: Any, count: Any) -> None:
        with rt.no_grad():
            for a, c in zip(averages, current):
                if a.is_floating_point() or a.is_complex():
                    a.lerp_(c, 1 / (float(count) + 1))
                else:
                    a.add_((c - a) // (int(count) + 1))

    return update


def get_ema_avg_fn(decay: float = 0.999) -> Any:
    """f(average, param, count): the exponential average with `decay`."""
    _check_decay(decay)

    def update(ema: Tensor, current: Tensor, count: Any) -> Tensor:
        with rt.no_grad():
            return decay * ema + (1 - decay) * current

    return update


def get_swa_avg_fn() -> Any:
    """f(average, param, count): the equal-weights average."""

    def update(average: Tensor, current: Tensor, count: Any) -> Tensor:
        with rt.no_grad():
            return average + (current - average) / (count + 1)

    return update


class AveragedModel(Module):
    """A copy of a model whose parameters (and buffers on request) are averages.

    `update_parameters(model)` takes the model's current values in; the default is the equal
    average.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Any = None,
        multi_avg_fn: Any = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", rt.tensor(0, dtype=rt.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _averaged(self, model: Any) -> list[Tensor]:
        if self.use_buffers:
            return list(itertools.chain(model.parameters(), model.buffers()))
        return list(model.parameters())

    def update_parameters(self, model: Module) -> None:
        """Take the current values of `model` into the averages."""
        mine = [p.detach() for p in self._averaged(self.module)]
        theirs = [t.detach().to(m.device) for t, m in zip(self._averaged(model), mine)]
        if int(self.n_averaged) == 0:
            for m, t in zip(mine, theirs):
                m.copy_(t)
        elif self.avg_fn is not None:
            for m, t in zip(mine, theirs):
                m.copy_(self.avg_fn(m, t, self.n_averaged.to(m.device)))
        else:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(mine, theirs, self.n_averaged)
        if not self.use_buffers:
            for b, other in zip(self.module.buffers(), model.buffers()):
                b.detach().copy_(other.detach().to(b.device))
        self.n_averaged += 1


def update_bn(loader: Any, model: Module, device: Any = None) -> None:
    """Recompute the running statistics of batch normalization over one pass of `loader`."""
    from rustorch.nn.modules.batchnorm import _BatchNorm

    momenta: dict[Any, Any] = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None
    with rt.no_grad():
        for batch in loader:
            if isinstance(batch, (list, tuple)):
                batch = batch[0]
            model(batch if device is None else batch.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneal lr to swa_lr in anneal_epochs, by a cosine or linearly, and keep it there."""

    def __init__(
        self,
        optimizer: Any,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for lr, group in zip(_per_group("swa_lr", swa_lr, optimizer), optimizer.param_groups):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must by one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, t: float) -> float:
        t = max(0.0, min(1.0, t))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        self._warn_outside_step()
        step = self._step_count - 1
        n = max(1, self.anneal_epochs)
        before = self._share((step - 1) / n) if self.anneal_epochs else 1.0
        if step == 0:
            before = 0.0
        share = self._share(step / n) if self.anneal_epochs else 1.0
        values = []
        for group in self.optimizer.param_groups:
            target, lr = group["swa_lr"], group["lr"]
            start = target if before == 1 else (lr - before * target) / (1 - before)
            values.append(start + (target - start) * share)
        return values
