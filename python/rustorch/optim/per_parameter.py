"""Optimizers that step parameter by parameter.

Each class names its state in `_init_state` and, in `_update`, hands parameter, gradient and state to the operator that
holds its formula (ops/optim.ops: one pass over memory; with `differentiable`, recorded by autograd).  Complex parameters
are updated through their real view, as two real numbers each.
"""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import Tensor
from rustorch.nn._ops import op

from .optimizer import (
    GroupOptimizer,
    as_float,
    check_eps,
    check_lr,
    check_options,
    check_tensor_lr,
    check_weight_decay,
    no_sparse,
    options,
    step_tensor,
    zeros,
)

fused_adadelta = op("_fused_adadelta_")
fused_adagrad = op("_fused_adagrad_")
fused_adamax = op("_fused_adamax_")
fused_nadam = op("_fused_nadam_")
fused_radam = op("_fused_radam_")
fused_asgd = op("_fused_asgd_")
fused_rmsprop = op("_fused_rmsprop_")
fused_rmsprop_momentum = op("_fused_rmsprop_momentum_")
fused_rmsprop_centered = op("_fused_rmsprop_centered_")
fused_rmsprop_both = op("_fused_rmsprop_both_")
fused_rprop = op("_fused_rprop_")

State = dict[str, Any]
Group = dict[str, Any]


def _scalar(value: float, p: Tensor) -> Tensor:
    dtype = rt.float64 if rt.get_default_dtype() == rt.float64 else rt.float32
    return rt.tensor(float(value), dtype=dtype, device=p.device)


class PerParameter(GroupOptimizer):
    """Loops over the parameters of a group; subclasses define the state and the formula."""

    _late_options: dict[str, Any] = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }
    _allows_sparse = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for key, value in self._late_options.items():
                if key in self.defaults:
                    group.setdefault(key, value)
            for p in group["params"]:
                s = self.state.get(p, {})
                if "step" in s and not isinstance(s["step"], Tensor):
                    s["step"] = rt.tensor(float(s["step"]), dtype=rt.float32)

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        raise NotImplementedError

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        raise NotImplementedError

    def _update_group(self, group: Group) -> None:
        maximize = group.get("maximize", False)
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if not self._allows_sparse:
                no_sparse(g, type(self).__name__)
            state = self.state[p]
            if not state:
                new: State = {}
                self._init_state(p, new, group)
                state.update(new)  # at once: memory may run out above
            self._step(p, -g if maximize else g, state, group)

    def _step(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        """The formula on a parameter, or on the real and imaginary parts of a complex one."""
        if p.is_complex():
            parts = {k: rt.view_as_real(v) if isinstance(v, Tensor) and v.is_complex() else v for k, v in state.items()}
            self._update(rt.view_as_real(p), rt.view_as_real(g), parts, group)
        else:
            self._update(p, g, state, group)


def _tick(state: State) -> float:
    """Count the step; gives its number."""
    step = state["step"]
    step += 1
    return float(step)


def _shrink(group: Group) -> tuple[float, float]:
    """(weight decay of the gradient, what decoupled decay leaves of a parameter)."""
    decay = group["weight_decay"]
    return (0.0, 1 - as_float(group["lr"]) * decay) if group.get("decoupled_weight_decay") else (decay, 1.0)


class AdamLike(PerParameter):
    """Keeps moving averages of the gradient (exp_avg) and of its square (exp_avg_sq)."""

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["step"] = step_tensor(group, p)
        state["exp_avg"] = zeros(p)
        state["exp_avg_sq"] = zeros(p)


class Adadelta(PerParameter):
    """Zeiler 2012: steps scaled by the ratio of running RMS of updates and of gradients."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_options(eps=eps, weight_decay=weight_decay)
        super().__init__(
            params, options(locals(), "lr rho eps weight_decay maximize capturable foreach differentiable")
        )

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["step"] = step_tensor(group, p)
        state["square_avg"] = zeros(p)
        state["acc_delta"] = zeros(p)

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        _tick(state)
        rho, eps = group["rho"], group["eps"]
        lr, decay = as_float(group["lr"]), group["weight_decay"]
        states = [state["square_avg"]], [state["acc_delta"]]
        fused_adadelta([p], [g], *states, lr=lr, rho=rho, eps=eps, weight_decay=decay)


class Adagrad(PerParameter):
    """Duchi et al. 2011: steps divided by the root of the sum of squared gradients."""

    _allows_sparse = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= lr_decay:
            raise ValueError(f"Invalid lr_decay value: {lr_decay}")
        check_weight_decay(weight_decay)
        if not 0.0 <= initial_accumulator_value:
            raise ValueError(f"Invalid initial_accumulator_value value: {initial_accumulator_value}")
        check_eps(eps)
        if fused and differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if fused and foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        super().__init__(
            params,
            options(
                locals(), "lr lr_decay eps weight_decay initial_accumulator_value foreach maximize differentiable fused"
            ),
        )
        for group in self.param_groups:  # the sums exist from the start
            for p in group["params"]:
                self._init_state(p, self.state[p], group)

    def share_memory(self) -> None:
        """Put the sums into shared memory."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["step"] = step_tensor(group, p)
        start = group["initial_accumulator_value"]
        state["sum"] = rt.full_like(p, complex(start, start) if p.is_complex() else start).detach()

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = _tick(state)
        rate = as_float(group["lr"]) / (1 + (t - 1) * group["lr_decay"])
        total = state["sum"]
        if g.is_sparse:
            if group["weight_decay"]:
                raise RuntimeError("weight_decay option is not compatible with sparse gradients")
            g = g.coalesce()
            index, values = g._indices(), g._values()
            total.add_(rt.sparse_coo_tensor(index, values.pow(2), g.size()))
            std = total.sparse_mask(g)._values().sqrt_().add_(group["eps"])
            p.add_(rt.sparse_coo_tensor(index, values / std, g.size()), alpha=-rate)
            return
        fused_adagrad([p], [g], [total], rate=rate, eps=group["eps"], weight_decay=group["weight_decay"])


class Adamax(PerParameter):
    """Kingma & Ba 2015: Adam with the infinity norm."""

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        super().__init__(
            params, options(locals(), "lr betas eps weight_decay foreach maximize differentiable capturable")
        )

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["step"] = step_tensor(group, p)
        state["exp_avg"] = zeros(p)
        state["exp_inf"] = zeros(p)

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = _tick(state)
        beta1, beta2 = group["betas"]
        states = [state["exp_avg"]], [state["exp_inf"]]
        rate = as_float(group["lr"]) / (1 - beta1**t)
        decay, eps = group["weight_decay"], group["eps"]
        fused_adamax([p], [g], *states, rate=rate, beta1=beta1, beta2=beta2, eps=eps, weight_decay=decay)


class NAdam(AdamLike):
    """Dozat 2016: Adam with Nesterov momentum."""

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        if not 0.0 <= momentum_decay:
            raise ValueError(f"Invalid momentum_decay value: {momentum_decay}")
        super().__init__(
            params,
            options(
                locals(),
                "lr betas eps weight_decay momentum_decay decoupled_weight_decay maximize foreach capturable differentiable",
            ),
        )

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state.update(step=None, mu_product=_scalar(1.0, p))
        super()._init_state(p, state, group)

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = _tick(state)
        beta1, beta2 = group["betas"]
        lr, decay = as_float(group["lr"]), group["momentum_decay"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (t * decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * decay))
        state["mu_product"] *= mu
        product = float(state["mu_product"])
        rate_grad = lr * (1.0 - mu) / (1.0 - product)
        rate_avg = lr * mu_next / (1.0 - product * mu_next)
        correction = 1 - beta2**t
        weight_decay, shrink = _shrink(group)
        fused_nadam(
            [p],
            [g],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            rate_grad=rate_grad,
            rate_avg=rate_avg,
            correction=correction,
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=weight_decay,
            shrink=shrink,
        )


class RAdam(AdamLike):
    """Liu et al. 2020: Adam whose adaptive rate is rectified in the first steps."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        super().__init__(
            params,
            options(
                locals(), "lr betas eps weight_decay maximize foreach capturable decoupled_weight_decay differentiable"
            ),
        )

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = _tick(state)
        beta1, beta2 = group["betas"]
        correction1, correction2 = 1 - beta1**t, 1 - beta2**t
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / correction2
        rate = as_float(group["lr"]) / correction1
        adaptive = rho > 5.0
        if adaptive:
            rate *= correction2**0.5 * ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
        weight_decay, shrink = _shrink(group)
        fused_radam(
            [p],
            [g],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            rate=rate,
            adaptive=adaptive,
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=weight_decay,
            shrink=shrink,
        )


class ASGD(PerParameter):
    """Polyak & Juditsky 1992: SGD with an average of the parameters in the state (`ax`)."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_options(lr=lr, weight_decay=weight_decay)
        if not 0.0 <= lambd:
            raise ValueError(f"Invalid lambd value: {lambd}")
        if not 0.0 <= alpha:
            raise ValueError(f"Invalid alpha value: {alpha}")
        check_tensor_lr(lr, foreach, capturable)
        super().__init__(
            params, options(locals(), "lr lambd alpha t0 weight_decay foreach maximize differentiable capturable")
        )

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["step"] = step_tensor(group, p)
        state["eta"] = _scalar(as_float(group["lr"]), p)
        state["mu"] = _scalar(1.0, p)
        state["ax"] = zeros(p)

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        t = _tick(state)
        lr, lambd = as_float(group["lr"]), group["lambd"]
        eta, mu, ax = float(state["eta"]), float(state["mu"]), state["ax"]
        fused_asgd([p], [g], [ax], eta=eta, mu=mu, shrink=1 - lambd * eta, weight_decay=group["weight_decay"])
        # both pass through the default dtype, as PyTorch's
        state["eta"].copy_(_scalar(lr / ((1 + lambd * lr * t) ** group["alpha"]), p))
        state["mu"].copy_(_scalar(1 / max(1, t - group["t0"]), p))


class RMSprop(PerParameter):
    """Hinton 2012: steps divided by the root of a running average of squared gradients."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps)
        if not 0.0 <= momentum:
            raise ValueError(f"Invalid momentum value: {momentum}")
        check_weight_decay(weight_decay)
        if not 0.0 <= alpha:
            raise ValueError(f"Invalid alpha value: {alpha}")
        super().__init__(
            params,
            options(locals(), "lr momentum alpha eps centered weight_decay capturable foreach maximize differentiable"),
        )

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["step"] = step_tensor(group, p)
        state["square_avg"] = zeros(p)
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros(p)
        if group["centered"]:
            state["grad_avg"] = zeros(p)

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        _tick(state)
        numbers = {"lr": as_float(group["lr"]), **options(group, "alpha eps weight_decay")}
        lists = [[p], [g], [state["square_avg"]]]
        if group["centered"]:
            lists.append([state["grad_avg"]])
        if group["momentum"] > 0:
            lists.append([state["momentum_buffer"]])
            numbers["momentum"] = group["momentum"]
            (fused_rmsprop_both if group["centered"] else fused_rmsprop_momentum)(*lists, **numbers)
        else:
            (fused_rmsprop_centered if group["centered"] else fused_rmsprop)(*lists, **numbers)


class Rprop(PerParameter):
    """Riedmiller & Braun 1993: steps that grow and shrink with the sign of the gradient."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, options(locals(), "lr etas step_sizes foreach maximize differentiable capturable"))

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["step"] = step_tensor(group, p)
        state["prev"] = zeros(p)
        lr = as_float(group["lr"])
        state["step_size"] = rt.full_like(p, complex(lr, lr) if p.is_complex() else lr).detach()

    def _update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        _tick(state)
        down, up = group["etas"]
        low, high = group["step_sizes"]
        prev, size = state["prev"], state["step_size"]
        fused_rprop([p], [g], [prev], [size], down=down, up=up, low=low, high=high)
