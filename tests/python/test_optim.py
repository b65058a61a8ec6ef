"""Optimizers and schedulers: trajectories made by PyTorch, state_dict, groups, hooks, errors."""

import copy
import json
import pathlib
import pickle
import sys
import warnings

import pytest

import rustorch as rt
from rustorch import nn, optim
from rustorch.optim import lr_scheduler, swa_utils

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import optim_cases  # noqa: E402

EXPECTED = json.loads((GOLDEN / "optim.json").read_text())


def params(seed=0):
    return optim_cases.parameters(rt)


@pytest.mark.parametrize("name,make", optim_cases.OPTIMIZERS)
def test_trajectory(name, make):
    got, want = optim_cases.trajectory(rt, make), EXPECTED[name]
    assert got["state"] == want["state"]
    assert set(want["options"]) <= set(got["options"])
    assert got["repr"] == want["repr"]
    for step, (g, w) in enumerate(zip(got["params"], want["params"])):
        assert g == pytest.approx(w, rel=1e-6, abs=1e-8), f"after {3 * step + 3} steps"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name,make", optim_cases.SCHEDULERS)
def test_rates(name, make):
    for g, w in zip(optim_cases.rates(rt, make), EXPECTED[name]):
        assert g == pytest.approx(w, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("name,make", optim_cases.OPTIMIZERS)
def test_resume(name, make):
    """A fresh optimizer with the saved state goes on exactly as the old one."""

    def build(ps):
        return eval(make, {"optim": optim, "params": ps})

    def step(opt, ps):
        if "LBFGS" in make:
            opt.step(lambda: rt.tensor(optim_cases.set_grads(rt, ps), dtype=rt.float64))
        else:
            optim_cases.set_grads(rt, ps)
            opt.step()

    a = params()
    first = build(a)
    for _ in range(4):
        step(first, a)
    b = [nn.Parameter(p.detach().clone()) for p in a]
    second = build(b)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for _ in range(4):
        step(first, a)
        step(second, b)
    for p, q in zip(a, b):
        # the f32 counters of these two come back in the dtype of the parameters, as in PyTorch
        loose = make.startswith(("optim.NAdam", "optim.ASGD"))
        assert rt.allclose(p, q, rtol=1e-6) if loose else rt.equal(p, q)


def test_differentiable_learning_rate():
    for cls in (optim.SGD, optim.Adam):
        lr = rt.tensor(0.1, dtype=rt.float64, requires_grad=True)
        start = rt.tensor([1.0, -2.0], dtype=rt.float64, requires_grad=True)
        p = start.clone()
        opt = cls([p], lr=lr, differentiable=True)
        p.grad = rt.tensor([0.5, 0.25], dtype=rt.float64)
        opt.step()
        p.sum().backward()
        assert lr.grad is not None and float(lr.grad) < 0


def test_groups_and_names():
    a, b, c = params()
    opt = optim.SGD([{"params": [a], "lr": 0.5}, {"params": b}], lr=0.1, momentum=0.9)
    assert [g["lr"] for g in opt.param_groups] == [0.5, 0.1]
    opt.add_param_group({"params": [c], "momentum": 0.0})
    assert opt.param_groups[2]["momentum"] == 0.0
    assert opt.state_dict()["param_groups"][2]["params"] == [2]
    with pytest.raises(ValueError, match="more than one parameter group"):
        opt.add_param_group({"params": [a]})
    named = optim.Adam([("x", a), ("y", b)])
    assert named.state_dict()["param_groups"][0]["param_names"] == ["x", "y"]
    with pytest.raises(ValueError, match="with/without names"):
        named.add_param_group({"params": [c]})


def test_construction_errors():
    a = params()[0]
    with pytest.raises(ValueError, match="empty parameter list"):
        optim.SGD([], lr=0.1)
    with pytest.raises(TypeError, match="iterable of Tensors or dicts"):
        optim.SGD(a, lr=0.1)
    with pytest.raises(TypeError, match="can only optimize Tensors"):
        optim.SGD([1], lr=0.1)
    with pytest.raises(ValueError, match="non-leaf"):
        optim.SGD([a * 2], lr=0.1)
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optim.Adam([a], lr=-1)
    with pytest.raises(ValueError, match="Invalid beta parameter at index 1: 1.5"):
        optim.AdamW([a], betas=(0.9, 1.5))
    with pytest.raises(ValueError, match="Nesterov momentum"):
        optim.SGD([a], lr=0.1, nesterov=True)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([a, a], lr=0.1)
    opt = optim.SGD([a], lr=0.1)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        opt.load_state_dict({"state": {}, "param_groups": []})


def test_hooks_zero_grad_and_closure():
    ps = params()
    opt = optim.SGD(ps, lr=0.1)
    seen = []
    h1 = opt.register_step_pre_hook(lambda o, a, k: seen.append("pre"))
    opt.register_step_post_hook(lambda o, a, k: seen.append("post"))
    assert opt.step(lambda: rt.tensor(3.0)).item() == 3.0
    h1.remove()
    opt.step()
    assert seen == ["pre", "post", "post"]
    optim_cases.set_grads(rt, ps)
    opt.zero_grad(set_to_none=False)
    assert float(ps[0].grad.abs().sum()) == 0.0
    opt.zero_grad()
    assert all(p.grad is None for p in ps)


def test_load_casts_state_and_keeps_step():
    ps = params()
    opt = optim.Adam(ps)
    optim_cases.set_grads(rt, ps)
    opt.step()
    small = [nn.Parameter(p.detach().to(rt.float32)) for p in ps]
    other = optim.Adam(small)
    other.load_state_dict(opt.state_dict())
    state = other.state[small[0]]
    assert state["exp_avg"].dtype == rt.float32 and state["step"].dtype == rt.float32
    assert float(state["step"]) == 1.0


def test_pickle():
    ps = params()
    opt = optim.Adam(ps, lr=0.01)
    optim_cases.set_grads(rt, ps)
    opt.step()
    other = pickle.loads(pickle.dumps(opt))
    assert other.param_groups[0]["lr"] == 0.01
    assert float(next(iter(other.state.values()))["step"]) == 1.0


def test_extra_optimizers_go_down():
    for cls in (optim.Lion, optim.LAMB, optim.AdaBound):
        ps = params()
        opt = cls(ps, lr=0.02)
        losses = []
        for _ in range(60):
            losses.append(optim_cases.set_grads(rt, ps))
            opt.step()
        assert losses[-1] < losses[0]


def test_scheduler_state_and_order_warning():
    opt = optim.SGD(params(), lr=0.1)
    s = lr_scheduler.StepLR(opt, 2)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        s.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opt2 = optim.SGD(params(), lr=0.1)
        s2 = lr_scheduler.StepLR(opt2, 2)
        opt2.step()
        s2.step()
    s3 = lr_scheduler.StepLR(optim.SGD(params(), lr=0.1), 2)
    s3.load_state_dict(s2.state_dict())
    assert s3.last_epoch == 1 and s3.get_last_lr() == [0.1]
    lam = lr_scheduler.LambdaLR(opt, lambda e: 0.5**e)
    assert lam.state_dict()["lr_lambdas"] == [None]
    with pytest.raises(KeyError, match="initial_lr"):
        lr_scheduler.StepLR(optim.SGD(params(), lr=0.1), 2, last_epoch=3)


def test_swa_and_ema():
    model = nn.Linear(2, 2)
    swa = swa_utils.AveragedModel(model)
    ema = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))
    history = []
    for k in range(4):
        with rt.no_grad():
            model.weight.fill_(float(k))
        history.append(float(k))
        swa.update_parameters(model)
        ema.update_parameters(model)
    assert swa.module.weight[0, 0].item() == pytest.approx(1.5)
    expected = 0.0
    for k in history[1:]:
        expected = 0.9 * expected + 0.1 * k
    assert ema.module.weight[0, 0].item() == pytest.approx(expected)
    assert int(swa.n_averaged) == 4
    bn = nn.Sequential(nn.BatchNorm1d(3))
    data = [rt.ones(4, 3) * v for v in (1.0, 3.0)]
    swa_utils.update_bn(data, bn)
    assert bn[0].running_mean.tolist() == pytest.approx([2.0] * 3)
    opt = optim.SGD(model.parameters(), lr=1.0)
    sched = swa_utils.SWALR(opt, swa_lr=0.1, anneal_epochs=2, anneal_strategy="linear")
    rates = []
    for _ in range(3):
        opt.step()
        sched.step()
        rates.append(opt.param_groups[0]["lr"])
    assert rates == pytest.approx([0.55, 0.1, 0.1])
