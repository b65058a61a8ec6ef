"""optim.functional against the classes, and swapping parameters into an optimizer."""

import inspect

import pytest

import rustorch as rt
from rustorch import optim
from rustorch.optim import functional

LISTS = {
    "square_avgs": "square_avg", "acc_deltas": "acc_delta", "row_vars": "row_var", "col_vars": "col_var",
    "variances": "variance", "state_sums": "sum", "exp_avgs": "exp_avg", "exp_avg_sqs": "exp_avg_sq",
    "max_exp_avg_sqs": "max_exp_avg_sq", "exp_infs": "exp_inf", "axs": "ax", "mus": "mu", "etas": "eta",
    "muon_momentum_bufs": "momentum_buffer", "mu_products": "mu_product", "grad_avgs": "grad_avg", "prevs": "prev",
    "step_sizes": "step_size", "state_steps": "step", "momentum_buffer_list": "momentum_buffer",
}  # fmt: skip
PAIRS = {
    "beta1": ("betas", 0), "beta2": ("betas", 1), "step_size_min": ("step_sizes", 0), "step_size_max": ("step_sizes", 1),
    "etaminus": ("etas", 0), "etaplus": ("etas", 1), "eps1": ("eps", 0), "eps2": ("eps", 1),
}  # fmt: skip
CASES = {
    "adadelta": optim.Adadelta, "adafactor": optim.Adafactor, "adagrad": optim.Adagrad, "adam": optim.Adam,
    "adamax": optim.Adamax, "adamw": optim.AdamW, "asgd": optim.ASGD, "muon": optim.Muon, "nadam": optim.NAdam,
    "radam": optim.RAdam, "rmsprop": optim.RMSprop, "rprop": optim.Rprop, "sgd": optim.SGD,
}  # fmt: skip
OPTIONS = {
    "rmsprop": {"momentum": 0.9, "centered": True}, "sgd": {"momentum": 0.9}, "adam": {"amsgrad": True, "maximize": True},
}  # fmt: skip


def start():
    return [rt.linspace(-1, 1, 6).reshape(2, 3), rt.linspace(0.5, 2, 4).reshape(2, 2)]


def gradients(params, step):
    return [(p * (step + 1)).sin() + 0.1 for p in params]


@pytest.mark.parametrize("name", CASES)
def test_equals_the_class(name):
    params = [rt.nn.Parameter(p) for p in start()]
    optimizer = CASES[name](params, **OPTIONS.get(name, {}))
    function = getattr(functional, name)
    arguments = inspect.signature(function).parameters
    plain, state = start(), None
    for step in range(4):
        values = gradients(plain, step)
        for p, g in zip(params, values):
            p.grad = g.clone()
        if step == 1:  # take over what the first step made
            states = [optimizer.state[p] for p in params]
            state = {
                k: [s[LISTS[k]].clone() for s in states if s.get(LISTS[k]) is not None] for k in arguments if k in LISTS
            }
        optimizer.step()
        if step == 0:
            plain = [p.detach().clone() for p in params]
            continue
        group = optimizer.param_groups[0]
        options = {k: group[k] for k in arguments if k in group and k not in ("params", "step_sizes")}
        options.update((k, group[pair][i]) for k, (pair, i) in PAIRS.items() if k in arguments)
        if name == "muon":
            options["has_complex"] = False
        function(plain, values, *state.values(), **options)
        for p, q in zip(params, plain):
            assert rt.equal(p, q)


def test_first_step_of_sgd_and_found_inf():
    p, buffers = rt.ones(2), [None]
    options = {"weight_decay": 0, "momentum": 0.5, "lr": 0.1, "dampening": 0, "nesterov": False, "maximize": False}
    functional.sgd([p], [rt.ones(2)], buffers, found_inf=rt.tensor(1.0), **options)
    assert p.tolist() == [1.0, 1.0] and buffers == [None]
    functional.sgd([p], [rt.full((2,), 4.0)], buffers, grad_scale=rt.tensor(4.0), **options)
    assert rt.allclose(p, rt.full((2,), 0.9)) and buffers[0].tolist() == [1.0, 1.0]
    with pytest.raises(TypeError):
        functional.sgd([p], [p])


def test_swap_in():
    live = rt.nn.Parameter(rt.ones(3))
    optimizer = optim.Adam([live], lr=0.1)
    live.grad = rt.ones(3)
    optimizer.step()
    before = optimizer.state_dict()
    kept = live.detach().clone()
    saved = optimizer.state_dict()
    saved["state"] = {0: {k: v.clone() for k, v in saved["state"][0].items()}}
    saved["param_groups"][0]["lr"] = 0.5
    other = rt.zeros(3)
    other.grad = rt.ones(3)
    with optim.swap_in_optimizer_params_and_state(optimizer, {"w": other}, saved):
        assert optimizer.param_groups[0]["params"][0] is other
        optimizer.step()
    assert rt.allclose(other, rt.full((3,), -0.5), atol=1e-4)
    assert float(saved["state"][0]["step"]) == 2
    assert optimizer.param_groups[0]["params"][0] is live and optimizer.param_groups[0]["lr"] == 0.1
    assert rt.equal(live, kept) and float(before["state"][0]["step"]) == float(optimizer.state[live]["step"]) == 1
    with pytest.raises(RuntimeError, match="number of parameter groups"):
        with optim.swap_in_optimizer_params_and_state(optimizer, {"w": other}, {**saved, "param_groups": []}):
            pass
    with pytest.raises(RuntimeError, match="extra keys"):
        with optim.swap_in_optimizer_params_and_state(optimizer, {"w": other}, {**saved, "state": {7: {}}}):
            pass
