"""Modules, optimizers and schedulers whose saved state is exchanged with PyTorch.

Shared by make_state_golden.py (run with PyTorch), tests/python/test_state_exchange.py and
tests/differential/state_dict_exchange.py. A module is filled by formula and run once in training mode, so that its
buffers hold more than their start values; an optimizer or scheduler has made SAVED_AFTER steps.
"""

import nn_cases
import optim_cases

SAVED_AFTER, STEPS = 6, 10
IMG, SEQ, VOL = nn_cases.IMG, nn_cases.SEQ, nn_cases.VOL
_P = "nn.utils.parametrizations"
EXTRA = [
    ("batch_norm3d", "nn.BatchNorm3d(2)", [VOL]),
    ("instance_norm3d", "nn.InstanceNorm3d(2, affine=True, track_running_stats=True)", [VOL]),
    ("lazy_linear", "nn.LazyLinear(3)", [(4, 5)]),
    ("lazy_conv1d", "nn.LazyConv1d(2, 3)", [SEQ]),
    ("lazy_conv2d", "nn.LazyConv2d(2, 3)", [IMG]),
    ("lazy_conv3d", "nn.LazyConv3d(2, 2)", [VOL]),
    ("lazy_conv_t1d", "nn.LazyConvTranspose1d(2, 3)", [SEQ]),
    ("lazy_conv_t2d", "nn.LazyConvTranspose2d(2, 3)", [IMG]),
    ("lazy_conv_t3d", "nn.LazyConvTranspose3d(2, 2)", [VOL]),
    ("lazy_batch_norm1d", "nn.LazyBatchNorm1d()", [SEQ]),
    ("lazy_batch_norm2d", "nn.LazyBatchNorm2d()", [IMG]),
    ("lazy_batch_norm3d", "nn.LazyBatchNorm3d()", [VOL]),
    (
        "transformer_decoder",
        "nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, 0.0), 2, nn.LayerNorm(8))",
        [(3, 2, 8), (4, 2, 8)],
    ),
    ("encoder_layer", "nn.TransformerEncoderLayer(8, 2, 16, 0.0, bias=False, batch_first=True)", [(2, 3, 8)]),
    ("weight_norm", f"{_P}.weight_norm(nn.Linear(4, 3), dim=1)", [(2, 4)]),
    ("spectral_norm", f"{_P}.spectral_norm(nn.Conv2d(4, 3, 2), n_power_iterations=2)", [IMG]),
    ("orthogonal", f"{_P}.orthogonal(nn.Linear(4, 3), orthogonal_map='householder')", [(2, 4)]),
    ("orthogonal_cayley", f"{_P}.orthogonal(nn.Linear(4, 4), orthogonal_map='cayley', use_trivialization=False)", [(2, 4)]),
    ("old_weight_norm", "nn.utils.weight_norm(nn.Linear(4, 3))", [(2, 4)]),
    ("old_spectral_norm", "nn.utils.spectral_norm(nn.ConvTranspose2d(4, 3, 2))", [IMG]),
    ("pruned", "nn.utils.prune.l1_unstructured(nn.Linear(4, 3), 'weight', 0.5)", [(2, 4)]),
    ("pruned_rows", "nn.utils.prune.ln_structured(nn.Conv2d(4, 3, 2), 'weight', 1, 2, 0)", [IMG]),
    ("nested", "nn.ModuleDict({'a': nn.ModuleList([nn.Linear(2, 2), nn.PReLU(3)]), 'b': nn.Sequential()})", None),
    ("parameter_list", "nn.ParameterList([nn.Parameter(t.ones(2)), t.zeros(3), 'text'])", None),
    ("parameter_dict", "nn.ParameterDict({'x': nn.Parameter(t.ones(2)), 'y': None})", None),
]  # fmt: skip
# PyTorch cannot train the first on a CPU, and has no num_features in the others when they load state before a call (ours
# takes it from the weight)
ABSENT = ("SyncBatchNorm", "LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d")


def has_state(t, make):
    """Whether a fresh module has parameters or buffers in its state_dict."""
    module = eval(make, {"nn": t.nn, "t": t})
    return len(module.state_dict()) > 0


def modules(t):
    """(name, text that makes it, inputs or None for a module that is not called), with state only."""
    return [case for case in (*nn_cases.CASES, *EXTRA) if has_state(t, case[1])]


def inputs(t, specs, dtype):
    """The tensors of a case, without gradients."""

    def cast(x):
        if isinstance(x, tuple):
            return tuple(cast(v) for v in x)
        return x.detach().to(dtype) if x.is_floating_point() else x

    return [cast(nn_cases.make_input(t, spec, 10 * i)) for i, spec in enumerate(specs)]


def fresh(t, make, dtype):
    """A module with PyTorch's random initial values; lazy ones get their shapes at the first call."""
    return eval(make, {"nn": t.nn, "t": t}).to(dtype)


def trained(t, make, specs, dtype):
    """The module filled by formula and called once in training mode."""
    module = fresh(t, make, dtype)
    with t.no_grad():
        if specs is not None and "Lazy" in make:
            module(*inputs(t, specs, dtype))
        if "orthogonal" not in make:  # its tensors are not free
            nn_cases.fill(t, module)
        if specs is not None:
            module(*inputs(t, specs, dtype))
    return module


def outputs(t, module, specs, dtype):
    """What the module gives in evaluation mode; the values of its state when it cannot be called."""
    module.eval()
    with t.no_grad():
        if specs is None:
            return [v for v in module.state_dict().values()]
        return nn_cases.flatten(module(*inputs(t, specs, dtype)))


# ---- optimizers and schedulers


def start(t, make, names=False):
    """(optimizer, its parameters) at the beginning of the problem of optim_cases."""
    params = optim_cases.parameters(t)
    if "matrices" in make:
        params = [params[0], params[2]]
    given = [(f"p{k}", p) for k, p in enumerate(params)] if names else params
    return eval(make.replace("matrices", ""), {"optim": t.optim, "params": given, "t": t}), params


def resumed(t, make, state, values, names=False):
    """A new optimizer with the given state, and its parameters with the given values."""
    opt, params = start(t, make, names)
    with t.no_grad():
        for p, v in zip(params, values):
            p.copy_(v)
    opt.load_state_dict(copied(t, state))
    return opt, params


def copied(t, x):
    """A state with its own tensors."""
    if isinstance(x, t.Tensor):
        return x.detach().clone()
    if isinstance(x, dict):
        return type(x)((k, copied(t, v)) for k, v in x.items()) if type(x).__name__ != "Counter" else x
    return type(x)(copied(t, v) for v in x) if isinstance(x, (list, tuple)) else x


def advance(t, opt, params, steps):
    """Take some steps."""
    for _ in range(steps):
        if type(opt).__name__ == "LBFGS":
            opt.step(lambda: t.tensor(optim_cases.set_grads(t, params), dtype=t.float64))
        else:
            optim_cases.set_grads(t, params)
            opt.step()


def scheduled(t, make):
    """(optimizer, scheduler) at the beginning."""
    params = optim_cases.parameters(t)
    opt = t.optim.SGD([{"params": params[:2]}, {"params": params[2:], "lr": 0.3}], lr=0.1, momentum=0.9)
    return opt, eval(make, {"S": t.optim.lr_scheduler, "opt": opt, "math": __import__("math")})


def advance_schedule(t, opt, scheduler, first, steps):
    """Rates and momenta of both groups after each of some steps."""
    out = []
    for step in range(first, first + steps):
        optim_cases.set_grads(t, [p for group in opt.param_groups for p in group["params"]])
        opt.step()
        if type(scheduler).__name__ == "ReduceLROnPlateau":
            scheduler.step(1.0 / (1 + min(step, 3)))
        else:
            scheduler.step()
        out.append([float(g[k]) for g in opt.param_groups for k in ("lr", "momentum")])
    return out


OPTIMIZERS = [
    *optim_cases.OPTIMIZERS,
    ("Muon", "optim.Muon(matrices params, lr=0.05)"),
    ("Adam fused", "optim.Adam(params, lr=0.05, fused=True)"),
    ("SGD tensor", "optim.SGD(params, lr=t.tensor(0.1), momentum=0.9)"),
    ("two groups", "optim.AdamW([{'params': params[:1], 'lr': 0.2}, {'params': params[1:], 'weight_decay': 0.3}])"),
]
SCHEDULERS = [
    *optim_cases.SCHEDULERS,
    ("LambdaLR lists", "S.LambdaLR(opt, [lambda e: 0.9 ** e, lambda e: 0.8 ** e])"),
    ("CyclicLR function", "S.CyclicLR(opt, 0.01, 0.2, 4, scale_fn=lambda x: 0.5 ** x, scale_mode='cycle')"),
]  # fmt: skip
