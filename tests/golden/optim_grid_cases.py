"""Optimizers times schedulers, and mixed precision with loss scaling: shared by make_optim_grid.py (run with PyTorch)
and tests/python/test_optim_grid.py. A small network is trained for STEPS steps from fixed numbers. L-BFGS is left out:
PyTorch's divides by zero where a schedule reaches lr = 0."""

import trajectory_cases

STEPS = 24
OPTIMIZERS = (
    "SGD(ps, lr=0.05, momentum=0.8)", "Adam(ps, lr=0.02)", "Adam(ps, lr=0.02, amsgrad=True, weight_decay=0.01)",
    "AdamW(ps, lr=0.02)", "NAdam(ps, lr=0.02)", "RAdam(ps, lr=0.02)", "Adamax(ps, lr=0.02)", "Adadelta(ps, lr=0.5)",
    "Adagrad(ps, lr=0.05)", "Adafactor(ps, lr=0.05)", "ASGD(ps, lr=0.05, t0=8)", "RMSprop(ps, lr=0.01, momentum=0.3)",
    "Rprop(ps, lr=0.01)",
)  # fmt: skip
SCHEDULERS = (
    "StepLR(o, 5, 0.5)", "CosineAnnealingLR(o, 10)", "CosineAnnealingWarmRestarts(o, 4, 2)", "ExponentialLR(o, 0.95)",
    "OneCycleLR(o, 0.05, total_steps=30, cycle_momentum=False)", "CyclicLR(o, 0.01, 0.05, 3, cycle_momentum=False)",
    "SequentialLR(o, [S.LinearLR(o, 0.2, total_iters=6), S.PolynomialLR(o, 18, 2.0)], [6])", "ReduceLROnPlateau(o, patience=0)",
    "ChainedScheduler([S.ConstantLR(o, 0.5, 3), S.MultiStepLR(o, [8, 16])])", "LambdaLR(o, lambda e: 1 / (1 + e))",
)  # fmt: skip


def problem(t, dtype):
    nn = t.nn
    model = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2)).to(dtype)
    trajectory_cases.fill(t, model)
    x, y = trajectory_cases.floats(t, dtype, 21, 12, 3), trajectory_cases.floats(t, dtype, 22, 12, 2)
    return model, lambda scale=1.0: nn.functional.mse_loss(model(x * scale), y)


def grid(t, optimizer, scheduler):
    """The loss after every sixth step and the final learning rate."""
    model, loss_of = problem(t, t.float64)
    opt = eval("optim." + optimizer, {"optim": t.optim, "ps": model.parameters()})
    schedule = eval("S." + scheduler, {"S": t.optim.lr_scheduler, "o": opt})

    def closure():
        opt.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    out = []
    for step in range(STEPS):
        loss = opt.step(closure)
        if "Plateau" in scheduler:
            schedule.step(loss.detach())
        else:
            schedule.step()
        if step % 6 == 5:
            out.append(loss.item())
    return [*out, float(opt.param_groups[0]["lr"])]


def mixed(t, low, optimizer):
    """(losses, scales) with autocast and a GradScaler that grows fast; step 9 overflows and is left out."""
    model, loss_of = problem(t, t.float32)
    opt = eval("optim." + optimizer, {"optim": t.optim, "ps": model.parameters()})
    scaler = t.amp.GradScaler("cpu", init_scale=1024.0, growth_factor=4.0, growth_interval=3)
    losses, scales = [], []
    for step in range(STEPS):
        opt.zero_grad()
        with t.autocast("cpu", dtype=getattr(t, low)):
            loss = loss_of(float("inf") if step == 9 else 1.0)
        scaler.scale(loss).backward()
        scaler.unscale_(opt)
        t.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(opt)
        scaler.update()
        losses.append(loss.item())
        scales.append(scaler.get_scale())
    return losses, scales


MIXED = [(low, opt) for low in ("bfloat16", "float16") for opt in (OPTIMIZERS[0], OPTIMIZERS[3])]
