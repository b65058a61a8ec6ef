"""Optimizers that step parameter by parameter.

Each class names its state in `_init_state` and, in `_update`, hands parameter, gradient and state to the operator that
holds its formula (ops/optim.ops: one pass over memory). What follows under `differentiable` is the same formula in
operators that autograd records.  Complex parameters are updated through their real view, as two real numbers each.
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


def _decayed(p: Tensor, g: Tensor, group: Group) -> Tensor:
    """The gradient with weight decay in it; decoupled decay goes into the parameter at once."""
    decay = group["weight_decay"]
    if decay and group.get("decoupled_weight_decay"):
        p.mul_(1 - as_float(group["lr"]) * decay)
        return g
    return g.add(p, alpha=decay) if decay else g


class AdamLike(PerParameter):
    """Keeps moving averages of the gradient (exp_avg) and of its square (exp_avg_sq)."""

    def _init_state(self, p: Tensor, state: State, group: Group) -> None:
        state["step"] = step_tensor(group, p)
        state["exp_avg"] = zeros(p)
        state["exp_avg_sq"] = zeros(p)

    @staticmethod
    def _averages(g: Tensor, state: State, group: Group) -> tuple[Tensor, Tensor]:
        """Both averages with `g` in them."""
        beta1, beta2 = group["betas"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        return m, v


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
        square_avg, acc_delta = state["square_avg"], state["acc_delta"]
        if not group["differentiable"]:
            lr, decay = as_float(group["lr"]), group["weight_decay"]
            fused_adadelta([p], [g], [square_avg], [acc_delta], lr=lr, rho=rho, eps=eps, weight_decay=decay)
            return
        g = _decayed(p, g, group)
        square_avg.mul_(rho).addcmul_(g, g, value=1 - rho)
        std = square_avg.add(eps).sqrt_()
        delta = acc_delta.add(eps).sqrt_().clone().div_(std).mul_(g)
        acc_delta.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        p.add_(delta, alpha=-as_float(group["lr"]))


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
        if not group["differentiable"]:
            fused_adagrad([p], [g], [total], rate=rate, eps=group["eps"], weight_decay=group["weight_decay"])
            return
        g = _decayed(p, g, group)
        total.addcmul_(g, g, value=1)
        std = total.sqrt() + group["eps"]
        p.addcdiv_(g, std, value=-rate)


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
        exp_avg, exp_inf = state["exp_avg"], state["exp_inf"]
        rate = as_float(group["lr"]) / (1 - beta1**t)
        if not group["differentiable"]:
            decay, eps = group["weight_decay"], group["eps"]
            fused_adamax(
                [p], [g], [exp_avg], [exp_inf], rate=rate, beta1=beta1, beta2=beta2, eps=eps, weight_decay=decay
            )
            return
        g = _decayed(p, g, group)
        exp_avg.lerp_(g, 1 - beta1)
        exp_inf.copy_(rt.maximum(exp_inf.mul(beta2), g.abs().add(group["eps"])))
        p.addcdiv_(exp_avg, exp_inf, value=-rate)


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
        if not group["differentiable"]:
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
            return
        g = _decayed(p, g, group)
        exp_avg, exp_avg_sq = self._averages(g, state, group)
        denom = exp_avg_sq.div(correction).sqrt().add(group["eps"])
        p.addcdiv_(g, denom, value=-rate_grad)
        p.addcdiv_(exp_avg, denom, value=-rate_avg)


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
        if not group["differentiable"]:
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
            return
        g = _decayed(p, g, group)
        exp_avg, exp_avg_sq = self._averages(g, state, group)
        if adaptive:
            p.addcdiv_(exp_avg, exp_avg_sq.sqrt().add(group["eps"]), value=-rate)
        else:
            p.add_(exp_avg, alpha=-rate)


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
        if group["differentiable"]:
            g = _decayed(p, g, group)
            p.mul_(1 - lambd * eta)
            p.add_(g, alpha=-eta)
            if mu != 1:
                ax.add_(p.sub(ax).mul_(mu))
            else:
                ax.copy_(p)
        else:
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
        alpha, lr = group["alpha"], as_float(group["lr"])
        square_avg = state["square_avg"]
        if not group["differentiable"]:
            self._fused(p, g, state, group, {"lr": lr, "alpha": alpha})
            return
        g = _decayed(p, g, group)
        square_avg.mul_(alpha).addcmul_(g, g, value=1 - alpha)
        if group["centered"]:
            grad_avg = state["grad_avg"]
            grad_avg.lerp_(g, 1 - alpha)
            avg = square_avg.addcmul(grad_avg, grad_avg, value=-1).sqrt_()
        else:
            avg = square_avg.sqrt()
        avg = avg.add(group["eps"])
        if group["momentum"] > 0:
            buf = state["momentum_buffer"]
            buf.mul_(group["momentum"]).addcdiv_(g, avg)
            p.add_(buf, alpha=-lr)
        else:
            p.addcdiv_(g, avg, value=-lr)

    @staticmethod
    def _fused(p: Tensor, g: Tensor, state: State, group: Group, numbers: dict[str, float]) -> None:
        numbers.update(eps=group["eps"], weight_decay=group["weight_decay"])
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
        if not group["differentiable"]:
            fused_rprop([p], [g], [prev], [size], down=down, up=up, low=low, high=high)
            return
        product = g * prev
        shrink = product < 0
        factor = rt.ones_like(product).masked_fill_(product > 0, up).masked_fill_(shrink, down)
        size.mul_(factor).clamp_(low, high)
        g = g.masked_fill(shrink, 0)
        p.addcmul_(g.sign(), size, value=-1)
        prev.copy_(g)
