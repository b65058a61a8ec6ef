"""Optimizers and schedulers shared by make_nn_golden.py and tests/python/test_optim.py.

The problem: three arrays p with the loss sum(0.5 * a * p^2 + cos(p)); its gradient a * p - sin(p) is
computed with plain tensors, so autograd plays no part.
"""

from nn_cases import numbers, values

SHAPES = [(3, 4), (5,), (2, 2)]


def parameters(t):
    out = []
    for k, shape in enumerate(SHAPES):
        n = 1
        for s in shape:
            n *= s
        out.append(t.nn.Parameter(t.tensor(values(n, k), dtype=t.float64).reshape(shape)))
    return out


def set_grads(t, params):
    loss = 0.0
    with t.no_grad():
        for k, p in enumerate(params):
            a = 0.5 + k
            p.grad = a * p - p.sin()
            loss += float((0.5 * a * p * p + p.cos()).sum())
    return loss


def trajectory(t, make, steps=12):
    """Parameters after each third step, the sorted keys of state and options, and the text."""
    params = parameters(t)
    if "matrices" in make:
        params = [params[0], params[2]]
    opt = eval(make.replace("matrices", ""), {"optim": t.optim, "params": params, "t": t})
    out = []
    for step in range(steps):
        if "LBFGS" in make:
            opt.step(lambda: t.tensor(set_grads(t, params), dtype=t.float64))
        else:
            set_grads(t, params)
            opt.step()
        if step % 3 == 2:
            out.append([v for p in params for v in numbers(p)])
    state = opt.state_dict()
    return {
        "params": out,
        "state": sorted(map(str, state["state"][0])) if state["state"] else [],
        "options": sorted(state["param_groups"][0]),
        "repr": repr(opt),
    }


def rates(t, make, steps=25):
    """Learning rate, and momentum where the optimizer has one, after each step."""
    opt = t.optim.SGD(parameters(t), lr=0.1, momentum=0.9)
    scheduler = eval(make, {"S": t.optim.lr_scheduler, "opt": opt})
    out = []
    for step in range(steps):
        set_grads(t, opt.param_groups[0]["params"])
        opt.step()
        if "Plateau" in make:
            scheduler.step(1.0 / (1 + min(step, 5)))
        else:
            scheduler.step()
        out.append([float(f"{float(opt.param_groups[0][k]):.12g}") for k in ("lr", "momentum")])
    return out


OPTIMIZERS = [
    (text, f"optim.{text}")
    for text in (
        "SGD(params, lr=0.1)",
        "SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01)",
        "SGD(params, lr=0.1, momentum=0.9, nesterov=True, maximize=True)",
        "SGD(params, lr=0.1, momentum=0.5, dampening=0.2)",
        "Adam(params, lr=0.05)",
        "Adam(params, lr=0.05, amsgrad=True, weight_decay=0.1)",
        "AdamW(params, lr=0.05, betas=(0.8, 0.95))",
        "AdamW(params, lr=0.05, amsgrad=True, maximize=True)",
        "Adamax(params, weight_decay=0.1)",
        "NAdam(params, decoupled_weight_decay=True, weight_decay=0.1)",
        "RAdam(params, lr=0.05)",
        "Adadelta(params, weight_decay=0.1)",
        "Adagrad(params, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.1)",
        "Adafactor(params, lr=0.05, weight_decay=0.1)",
        "ASGD(params, t0=4, lambd=0.01)",
        "RMSprop(params, momentum=0.5, centered=True)",
        "Rprop(params)",
        "LBFGS(params, max_iter=3)",
        "LBFGS(params, lr=0.8, max_iter=4, line_search_fn='strong_wolfe')",
    )
]
SCHEDULERS = [
    (text, f"S.{text}")
    for text in (
        "StepLR(opt, 4, 0.5)",
        "MultiStepLR(opt, [3, 3, 9])",
        "ConstantLR(opt, 0.5, 4)",
        "LinearLR(opt, 0.25, 0.8, 6)",
        "ExponentialLR(opt, 0.9)",
        "PolynomialLR(opt, 8, 2.0)",
        "CosineAnnealingLR(opt, 7, 0.01)",
        "CosineAnnealingWarmRestarts(opt, 3, 2)",
        "LambdaLR(opt, lambda e: 0.95 ** e)",
        "MultiplicativeLR(opt, lambda e: 0.9)",
        "CyclicLR(opt, 0.01, 0.2, 4, mode='triangular2')",
        "CyclicLR(opt, 0.01, 0.2, 3, 5, mode='exp_range', gamma=0.9)",
        "OneCycleLR(opt, 0.3, total_steps=25)",
        "OneCycleLR(opt, 0.3, total_steps=25, three_phase=True, anneal_strategy='linear')",
        "ReduceLROnPlateau(opt, patience=2, cooldown=1)",
        "SequentialLR(opt, [S.ConstantLR(opt, 0.1, 3), S.ExponentialLR(opt, 0.9)], [3])",
        "ChainedScheduler([S.LinearLR(opt), S.ExponentialLR(opt, 0.9)])",
    )
]
