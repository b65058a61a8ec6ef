"""Optimizer steps as functions on lists of parameters, gradients and state, with the arguments of PyTorch's.

Every function runs the formula of the optimizer class of that name. `foreach`, `fused`, `capturable`, `has_complex`
and `has_sparse_grad` are accepted: they choose between kernels elsewhere and mean nothing here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import rustorch as rt

from . import _fused
from .adafactor import Adafactor
from .muon import Muon
from .optimizer import as_float
from .per_parameter import ASGD, Adadelta, Adagrad, Adamax, NAdam, PerParameter, RAdam, RMSprop, Rprop
from .sparse_adam import SparseAdam

_EITHER = inspect.Parameter.POSITIONAL_OR_KEYWORD
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_FLAGS = {"has_complex": False, "foreach": None, "fused": None, "grad_scale": None, "found_inf": None,
          "decoupled_weight_decay": False, "has_sparse_grad": False}  # fmt: skip
# options that the classes take as pairs
_PAIRS = {
    "betas": ("beta1", "beta2"),
    "step_sizes": ("step_size_min", "step_size_max"),
    "etas": ("etaminus", "etaplus"),
    "eps": ("eps1", "eps2"),
}

Run = Callable[[dict[str, Any], dict[str, Any], dict[str, str]], None]


def _signature(text: str) -> inspect.Signature:
    """`a b=flag * c`: names, those with `=` with PyTorch's default, keywords after the star."""
    kind = _EITHER
    parameters = []
    for word in text.split():
        if word == "*":
            kind = _KEYWORD
            continue
        name, flag, _ = word.partition("=")
        default = _FLAGS.get(name, False) if flag else inspect.Parameter.empty
        parameters.append(inspect.Parameter(name, kind, default=default))
    return inspect.Signature(parameters)


def _group(values: dict[str, Any]) -> dict[str, Any]:
    group = dict(values)
    for pair, (first, second) in _PAIRS.items():
        if first in values:
            group[pair] = (values[first], values[second])
    return group


def _scaled(g: Any, values: dict[str, Any]) -> Any:
    scale = values.get("grad_scale")
    return g if scale is None else g / scale.to(g.device)


def _per_parameter(cls: type[PerParameter]) -> Run:
    def run(values: dict[str, Any], group: dict[str, Any], lists: dict[str, str]) -> None:
        optimizer = object.__new__(cls)
        for i, p in enumerate(values["params"]):
            state = {key: values[name][i] for name, key in lists.items() if i < len(values[name])}
            g = _scaled(values["grads"][i], values)
            optimizer._step(p, -g if values.get("maximize") else g, state, group)

    return run


def _run_sgd(values: dict[str, Any], group: dict[str, Any], lists: dict[str, str]) -> None:
    names = ("momentum", "dampening", "weight_decay", "nesterov", "maximize")
    options = {"lr": as_float(values["lr"]), **{k: values[k] for k in names}}
    for i, p in enumerate(values["params"]):
        buffers = values["momentum_buffer_list"]
        first = bool(values["momentum"]) and buffers[i] is None
        if first:
            buffers[i] = rt.empty_like(p).detach()
        used = [buffers[i]] if values["momentum"] else []
        _fused.fused_sgd([p], [_scaled(values["d_p_list"][i], values)], used, **options, is_first_step=first)


def _run_adam(values: dict[str, Any], group: dict[str, Any], lists: dict[str, str]) -> None:
    step = _fused.fused_adamw if values["decoupled_weight_decay"] else _fused.fused_adam
    names = ("beta1", "beta2", "lr")
    options = {**{k: as_float(values[k]) for k in names}, "weight_decay": values["weight_decay"]}
    options.update({k: values[k] for k in ("eps", "amsgrad", "maximize")})
    for i, p in enumerate(values["params"]):
        tensors = [p, _scaled(values["grads"][i], values), values["exp_avgs"][i], values["exp_avg_sqs"][i]]
        highest = [values["max_exp_avg_sqs"][i]] if values["amsgrad"] else []
        if p.is_complex():
            tensors = [rt.view_as_real(t) for t in tensors]
            highest = [rt.view_as_real(t) for t in highest]
        step(*([t] for t in tensors), highest, [values["state_steps"][i]], **options)


def _run_adamw(values: dict[str, Any], group: dict[str, Any], lists: dict[str, str]) -> None:
    _run_adam({**values, "decoupled_weight_decay": True}, group, lists)


def _run_sparse_adam(values: dict[str, Any], group: dict[str, Any], lists: dict[str, str]) -> None:
    for i, p in enumerate(values["params"]):
        state = {key: values[name][i] for name, key in lists.items()}
        SparseAdam._apply(p, values["grads"][i], state, group)


def _make(name: str, run: Run, arguments: str, **lists: str) -> Any:
    """The function of a name, an argument text and {list argument: key of the optimizer's state}."""
    signature = _signature(arguments)

    def function(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        values = bound.arguments
        if values.get("found_inf") is not None and float(values["found_inf"]):
            return
        run(values, _group(values), lists)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"One step of {name} on lists of tensors; state and `state_steps` are updated in place."
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


_STEPS = {"state_steps": "step"}
_MOMENTS = {"exp_avgs": "exp_avg", "exp_avg_sqs": "exp_avg_sq", **_STEPS}

adadelta = _make(
    "adadelta", _per_parameter(Adadelta),
    "params grads square_avgs acc_deltas state_steps capturable= foreach= differentiable= has_complex= "
    "* lr rho eps weight_decay maximize",
    square_avgs="square_avg", acc_deltas="acc_delta", **_STEPS,
)  # fmt: skip
adafactor = _make(
    "adafactor", _per_parameter(Adafactor),
    "params grads row_vars col_vars variances state_steps foreach= grad_scale= found_inf= has_complex= "
    "* d lr beta2_decay weight_decay eps1 eps2 maximize",
    row_vars="row_var", col_vars="col_var", variances="variance", **_STEPS,
)  # fmt: skip
adagrad = _make(
    "adagrad", _per_parameter(Adagrad),
    "params grads state_sums state_steps fused= grad_scale= found_inf= has_sparse_grad= foreach= differentiable= "
    "has_complex= * lr weight_decay lr_decay eps maximize",
    state_sums="sum", **_STEPS,
)  # fmt: skip
adam = _make(
    "adam", _run_adam,
    "params grads exp_avgs exp_avg_sqs max_exp_avg_sqs state_steps foreach= capturable= differentiable= fused= "
    "grad_scale= found_inf= has_complex= decoupled_weight_decay= * amsgrad beta1 beta2 lr weight_decay eps maximize",
    **_MOMENTS,
)  # fmt: skip
adamax = _make(
    "adamax", _per_parameter(Adamax),
    "params grads exp_avgs exp_infs state_steps foreach= maximize= differentiable= capturable= has_complex= "
    "* eps beta1 beta2 lr weight_decay",
    exp_avgs="exp_avg", exp_infs="exp_inf", **_STEPS,
)  # fmt: skip
adamw = _make(
    "adamw", _run_adamw,
    "params grads exp_avgs exp_avg_sqs max_exp_avg_sqs state_steps foreach= capturable= differentiable= fused= "
    "grad_scale= found_inf= has_complex= * amsgrad beta1 beta2 lr weight_decay eps maximize",
    **_MOMENTS,
)  # fmt: skip
asgd = _make(
    "asgd", _per_parameter(ASGD),
    "params grads axs mus etas state_steps foreach= maximize= differentiable= capturable= has_complex= "
    "* lambd lr t0 alpha weight_decay",
    axs="ax", mus="mu", etas="eta", **_STEPS,
)  # fmt: skip
muon = _make(
    "muon", _per_parameter(Muon),
    "params grads muon_momentum_bufs * foreach= lr weight_decay momentum nesterov ns_coefficients ns_steps eps "
    "adjust_lr_fn has_complex",
    muon_momentum_bufs="momentum_buffer",
)  # fmt: skip
nadam = _make(
    "nadam", _per_parameter(NAdam),
    "params grads exp_avgs exp_avg_sqs mu_products state_steps decoupled_weight_decay= foreach= capturable= "
    "differentiable= has_complex= maximize= * beta1 beta2 lr weight_decay momentum_decay eps",
    mu_products="mu_product", **_MOMENTS,
)  # fmt: skip
radam = _make(
    "radam", _per_parameter(RAdam),
    "params grads exp_avgs exp_avg_sqs state_steps decoupled_weight_decay= foreach= differentiable= capturable= "
    "has_complex= maximize= * beta1 beta2 lr weight_decay eps",
    **_MOMENTS,
)  # fmt: skip
rmsprop = _make(
    "rmsprop", _per_parameter(RMSprop),
    "params grads square_avgs grad_avgs momentum_buffer_list state_steps foreach= maximize= differentiable= "
    "capturable= has_complex= * lr alpha eps weight_decay momentum centered",
    square_avgs="square_avg", grad_avgs="grad_avg", momentum_buffer_list="momentum_buffer", **_STEPS,
)  # fmt: skip
rprop = _make(
    "rprop", _per_parameter(Rprop),
    "params grads prevs step_sizes state_steps foreach= capturable= maximize= differentiable= has_complex= "
    "* step_size_min step_size_max etaminus etaplus",
    prevs="prev", step_sizes="step_size", **_STEPS,
)  # fmt: skip
sgd = _make(
    "sgd", _run_sgd,
    "params d_p_list momentum_buffer_list has_sparse_grad= foreach= fused= grad_scale= found_inf= "
    "* weight_decay momentum lr dampening nesterov maximize",
)  # fmt: skip
sparse_adam = _make(
    "sparse_adam", _run_sparse_adam,
    "params grads exp_avgs exp_avg_sqs state_steps * eps beta1 beta2 lr maximize",
    **_MOMENTS,
)  # fmt: skip

__all__ = [
    "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "asgd", "muon", "nadam", "radam", "rmsprop", "rprop",
    "sgd", "sparse_adam",
]  # fmt: skip
