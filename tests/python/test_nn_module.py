"""nn.Module: registration, state_dict, hooks, conversion, copying, containers, lazy modules."""

import collections
import copy
import gc
import io
import pickle
import weakref

import pytest

import rustorch as rt
from rustorch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 4)
        self.bn = nn.BatchNorm1d(4)
        self.fc2 = nn.Linear(4, 2, bias=False)
        self.register_buffer("scale", rt.ones(2))
        self.register_buffer("tmp", rt.zeros(1), persistent=False)

    def forward(self, x):
        return self.fc2(self.bn(self.fc1(x)).relu()) * self.scale


def test_names_and_iteration():
    m = Net()
    assert [n for n, _ in m.named_parameters()] == [
        "fc1.weight", "fc1.bias", "bn.weight", "bn.bias", "fc2.weight",
    ]  # fmt: skip
    assert [n for n, _ in m.named_buffers()] == [
        "scale", "tmp", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked",
    ]  # fmt: skip
    assert [n for n, _ in m.named_modules()] == ["", "fc1", "bn", "fc2"]
    assert [n for n, _ in m.named_children()] == ["fc1", "bn", "fc2"]
    assert "tmp" not in m.state_dict() and "scale" in m.state_dict()
    assert list(m._parameters) == [] and list(m._modules) == ["fc1", "bn", "fc2"]
    assert m.get_submodule("bn") is m.bn and m.get_parameter("fc1.bias") is m.fc1.bias
    assert m.get_buffer("bn.running_mean") is m.bn.running_mean
    with pytest.raises(AttributeError, match="has no attribute `nope`"):
        m.get_submodule("nope")
    shared = nn.Sequential(m.fc1, m.fc1)
    assert len(list(shared.parameters())) == 2
    assert len(list(shared.named_parameters(remove_duplicate=False))) == 4


def test_attributes():
    m = Net()
    with pytest.raises(TypeError, match="cannot assign .* as parameter 'weight'"):
        m.fc1.weight = rt.ones(4, 3)
    with pytest.raises(TypeError, match="as child module 'fc1'"):
        m.fc1 = 3
    with pytest.raises(TypeError, match="as buffer 'scale'"):
        m.scale = 3
    m.fc1.bias = None
    assert m.fc1.bias is None and "bias" in m.fc1._parameters
    m.scale = rt.zeros(2)
    assert "scale" in m._buffers and m._buffers["scale"] is m.scale
    m.fc1 = None
    assert list(m.state_dict())[0] == "scale"
    m.extra = nn.Parameter(rt.ones(1))
    assert "extra" in dict(m.named_parameters())
    m.extra = nn.Linear(1, 1) if delattr(m, "extra") is None else None
    assert "extra" in m._modules and "extra" not in m._parameters
    del m.extra
    assert not hasattr(m, "extra")
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'missing'"):
        m.missing  # noqa: B018
    with pytest.raises(KeyError, match="already exists"):
        m.register_buffer("forward", rt.ones(1))
    with pytest.raises(KeyError, match="t contain"):
        m.register_parameter("a.b", None)
    with pytest.raises(ValueError, match="non-leaf"):
        m.register_parameter("p", _non_leaf())

    class NoInit(nn.Module):
        def __init__(self):
            self.p = nn.Parameter(rt.ones(1))

    with pytest.raises(AttributeError, match="before Module.__init__"):
        NoInit()
    m.buf = nn.Buffer(rt.ones(3), persistent=False)
    assert "buf" in dict(m.named_buffers()) and "buf" not in m.state_dict()


def _non_leaf():
    """A Parameter object that is the result of an operation."""
    p = nn.Parameter(rt.ones(1))
    q = nn.Parameter(rt.ones(1))
    q.requires_grad_(False)
    q.add_(p)
    return q


def test_members_views_write_through():
    m = nn.Linear(2, 2)
    new = nn.Parameter(rt.zeros(2, 2))
    m._parameters["weight"] = new
    assert m.weight is new and m(rt.ones(1, 2)).tolist() == [m.bias.tolist()]
    del m._parameters["bias"]
    assert not hasattr(m, "bias")
    assert m._parameters.pop("weight") is new and len(m._parameters) == 0


def test_no_cycle_keeps_a_model_alive():
    gc.disable()
    try:
        m = Net()
        m(rt.ones(2, 3))
        ref = weakref.ref(m.fc1.weight)
        del m
        assert ref() is None
    finally:
        gc.enable()


def test_state_dict_round_trip_and_errors():
    a, b = Net(), Net()
    result = b.load_state_dict(a.state_dict())
    assert str(result) == "<All keys matched successfully>"
    for (_, p), (_, q) in zip(a.state_dict().items(), b.state_dict().items()):
        assert rt.equal(p, q)
    state = a.state_dict()
    state["other.x"] = rt.ones(1)
    del state["fc1.bias"]
    with pytest.raises(RuntimeError) as e:
        b.load_state_dict(state)
    text = str(e.value)
    assert text.startswith("Error(s) in loading state_dict for Net:\n\t")
    assert 'Missing key(s) in state_dict: "fc1.bias". ' in text
    assert 'Unexpected key(s) in state_dict: "other.x". ' in text
    result = b.load_state_dict(state, strict=False)
    assert result.missing_keys == ["fc1.bias"] and result.unexpected_keys == ["other.x"]
    bad = a.state_dict()
    bad["fc2.weight"] = rt.ones(3, 3)
    with pytest.raises(RuntimeError, match="size mismatch for fc2.weight"):
        b.load_state_dict(bad, strict=False)
    with pytest.raises(TypeError, match="dict-like"):
        b.load_state_dict(3)
    assert a.state_dict()._metadata["bn"]["version"] == 2
    assert a.state_dict(prefix="m.")["m.fc1.weight"].requires_grad is False
    assert a.state_dict(keep_vars=True)["fc1.weight"] is a.fc1.weight


def test_load_assign_and_hooks():
    m = nn.Linear(2, 2)
    w = rt.ones(2, 2)
    m.load_state_dict({"weight": w, "bias": rt.zeros(2)}, assign=True)
    assert isinstance(m.weight, nn.Parameter) and m.weight.data_ptr() == w.data_ptr()
    calls = []
    m.register_state_dict_pre_hook(lambda mod, prefix, keep: calls.append(("pre", prefix)))

    def drop_bias(mod, state, prefix, metadata):
        del state[prefix + "bias"]

    m.register_state_dict_post_hook(drop_bias)
    assert list(m.state_dict()) == ["weight"] and calls == [("pre", "")]

    def rename(mod, state, prefix, *rest):
        assert mod is m
        state[prefix + "weight"] = state.pop(prefix + "w")

    m.register_load_state_dict_pre_hook(rename)
    m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
    assert m.load_state_dict({"w": rt.full((2, 2), 5.0)}).missing_keys == []
    assert m.weight[0, 0].item() == 5.0


def test_extra_state():
    class E(nn.Module):
        def __init__(self):
            super().__init__()
            self.n = 0

        def get_extra_state(self):
            return {"n": self.n}

        def set_extra_state(self, state):
            self.n = state["n"]

    a, b = nn.Sequential(E()), nn.Sequential(E())
    a[0].n = 7
    b.load_state_dict(a.state_dict())
    assert b[0].n == 7 and list(a.state_dict()) == ["0._extra_state"]
    with pytest.raises(RuntimeError, match="Missing key"):
        b.load_state_dict({})


def test_forward_hooks():
    m = nn.Linear(2, 2)
    x = rt.ones(1, 2)
    plain = m(x)
    seen = []
    h = [
        m.register_forward_pre_hook(lambda mod, args: (args[0] * 2,)),
        m.register_forward_hook(lambda mod, args, out: seen.append(args[0].tolist())),
        m.register_forward_hook(lambda mod, args, out: out + 1),
    ]
    assert rt.allclose(m(x), (plain - m.bias) * 2 + m.bias + 1) and seen == [[[2.0, 2.0]]]
    for handle in h:
        handle.remove()
    assert rt.equal(m(x), plain)

    class Kw(nn.Module):
        def forward(self, x, *, k=1):
            return x * k

    kw = Kw()
    kw.register_forward_pre_hook(lambda mod, a, k: (a, {"k": k["k"] + 1}), with_kwargs=True)
    kw.register_forward_hook(lambda mod, a, k, out: out + k["k"], with_kwargs=True)
    assert kw(x, k=2).tolist() == [[6.0, 6.0]]
    order = []
    kw2 = Kw()
    kw2.register_forward_hook(lambda *a: order.append(1))
    kw2.register_forward_hook(lambda *a: order.append(0), prepend=True)
    kw2(x)
    assert order == [0, 1]


def test_always_called_hooks():
    class Bad(nn.Module):
        def forward(self, x):
            raise RuntimeError("no")

    m = Bad()
    seen = []
    m.register_forward_hook(lambda mod, a, out: seen.append(out), always_call=True)
    m.register_forward_hook(lambda mod, a, out: seen.append("never"))
    with pytest.raises(RuntimeError, match="no"):
        m(rt.ones(1))
    assert seen == [None]


def test_global_hooks():
    from rustorch.nn.modules import module as mod

    seen = []
    h = mod.register_module_forward_hook(lambda m, a, out: seen.append(type(m).__name__))
    nn.Sequential(nn.ReLU())(rt.ones(1))
    h.remove()
    nn.ReLU()(rt.ones(1))
    assert seen == ["ReLU", "Sequential"]
    names = []
    h = mod.register_module_parameter_registration_hook(lambda m, name, p: names.append(name))
    nn.Linear(1, 1)
    h.remove()
    nn.Linear(1, 1)
    assert names == ["weight", "bias"]


def test_backward_hooks():
    m = nn.Linear(2, 3)
    x = rt.ones(4, 2, requires_grad=True)
    seen = []
    h1 = m.register_full_backward_hook(lambda mod, gi, go: seen.append((gi[0].shape, go[0].shape)))
    m(x).sum().backward()
    assert [tuple(map(tuple, s)) for s in seen] == [((4, 2), (4, 3))]
    h1.remove()
    h2 = m.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
    h3 = m.register_full_backward_pre_hook(lambda mod, go: (go[0] * 2,))
    before = x.grad.clone()
    x.grad = None
    m.zero_grad()
    m(x).sum().backward()
    assert rt.allclose(x.grad, before * 20) and rt.allclose(m.bias.grad, rt.full((3,), 8.0))
    h2.remove()
    h3.remove()
    none = []
    m.register_full_backward_hook(lambda mod, gi, go: none.append(gi))
    m(x.detach()).sum().backward()
    assert none == [(None,)]
    with pytest.raises(RuntimeError, match="Cannot use both"):
        m.register_backward_hook(lambda *a: None)


def test_conversion_and_modes():
    m = Net()
    weight = m.fc1.weight
    m.double()
    assert m.fc1.weight is weight and weight.dtype == rt.float64
    assert m.bn.num_batches_tracked.dtype == rt.int64
    m.to(rt.float32)
    assert m.bn.running_mean.dtype == rt.float32
    m.to("cpu", rt.bfloat16)
    assert m.scale.dtype == rt.bfloat16
    m.to(rt.ones(1))
    assert weight.dtype == rt.float32
    with pytest.raises(TypeError, match="only accepts floating point"):
        m.to(rt.int32)
    assert not m.eval().training and not m.bn.training and m.train().bn.training
    with pytest.raises(ValueError):
        m.train(1)
    m.requires_grad_(False)
    assert not any(p.requires_grad for p in m.parameters())
    m.requires_grad_(True)
    m(rt.ones(2, 3)).sum().backward()
    m.zero_grad(set_to_none=False)
    assert float(m.fc2.weight.grad.abs().sum()) == 0
    m.zero_grad()
    assert m.fc2.weight.grad is None
    names = []
    m.apply(lambda k: names.append(type(k).__name__))
    assert names == ["Linear", "BatchNorm1d", "Linear", "Net"]


def test_copy_and_pickle():
    m = Net()
    d = copy.deepcopy(m)
    assert d.fc1.weight is not m.fc1.weight and rt.equal(d.fc1.weight, m.fc1.weight)
    assert isinstance(d.fc1.weight, nn.Parameter)
    c = copy.copy(m)
    assert c.fc1 is m.fc1
    c.new = nn.Parameter(rt.ones(1))
    assert "new" not in m._parameters
    p = pickle.loads(pickle.dumps(m))
    x = rt.ones(2, 3)
    assert rt.equal(p.eval()(x), m.eval()(x))
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    d = copy.deepcopy(tied)
    assert d[0].weight is d[1].weight


def test_repr():
    m = nn.Sequential(collections.OrderedDict(a=nn.Linear(1, 2), b=nn.Sequential(nn.ReLU())))
    assert repr(m) == (
        "Sequential(\n  (a): Linear(in_features=1, out_features=2, bias=True)\n"
        "  (b): Sequential(\n    (0): ReLU()\n  )\n)"
    )
    assert repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])) == (
        "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
    )


def test_sequential():
    s = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(s) == 3 and isinstance(s[1], nn.ReLU) and s[-1] is s[2] and len(s[:2]) == 2
    s.append(nn.Tanh()).insert(1, nn.Sigmoid())
    assert [type(m).__name__ for m in s] == ["Linear", "Sigmoid", "ReLU", "Linear", "Tanh"]
    del s[1]
    assert list(s._modules) == ["0", "1", "2", "3"]
    s[1] = nn.ELU()
    assert isinstance(s[1], nn.ELU)
    assert len(s + nn.Sequential(nn.ReLU())) == 5 and len(nn.Sequential(nn.ReLU()) * 3) == 3
    assert isinstance(s.pop(3), nn.Tanh) and len(s) == 3
    with pytest.raises(IndexError):
        s[7]


def test_lists_and_dicts():
    ml = nn.ModuleList([nn.Linear(1, 1)])
    ml.extend([nn.ReLU(), nn.Tanh()])
    ml.insert(1, nn.ELU())
    assert [type(m).__name__ for m in ml] == ["Linear", "ELU", "ReLU", "Tanh"]
    assert isinstance(ml[-1], nn.Tanh) and len(ml[1:3]) == 2
    del ml[0]
    assert list(ml._modules) == ["0", "1", "2"]
    md = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    assert "a" in md and list(md.keys()) == ["a", "b"] and isinstance(md.pop("a"), nn.ReLU)
    md.update([("c", nn.Tanh())])
    assert [k for k, _ in md.items()] == ["b", "c"] and len(list(md.parameters())) == 2
    with pytest.raises(ValueError, match="length 3"):
        md.update([("c", 1, 2)])
    pl = nn.ParameterList([rt.ones(2), nn.Parameter(rt.zeros(3))])
    pl.append(rt.ones(1))
    assert len(list(pl.parameters())) == 3 and isinstance(pl[0], nn.Parameter) and pl[-1].shape == (1,)
    pd = nn.ParameterDict({"x": rt.ones(2)})
    pd["y"] = nn.Parameter(rt.ones(1))
    assert list(pd) == ["x", "y"] and "x" in pd and [n for n, _ in pd.named_parameters()] == ["x", "y"]
    assert pd.pop("x").shape == (2,) and len(pd) == 1
    with pytest.raises(RuntimeError):
        pl(1)


def test_lazy_modules():
    m = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    with pytest.raises(RuntimeError, match="uninitialized"):
        m[0].weight.shape  # noqa: B018
    assert m[3].has_uninitialized_params()
    out = m(rt.ones(2, 3, 5, 5))
    assert out.shape == (2, 2) and type(m[0]) is nn.Conv2d and type(m[3]) is nn.Linear
    assert m[3].in_features == 36 and type(m[1]) is nn.BatchNorm2d
    fresh = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    fresh.load_state_dict(m.state_dict())
    assert rt.allclose(fresh.eval()(rt.ones(2, 3, 5, 5)), m.eval()(rt.ones(2, 3, 5, 5)))


def test_batch_norm_loads_old_state():
    m = nn.BatchNorm1d(2)
    old = {k: v for k, v in m.state_dict().items() if k != "num_batches_tracked"}
    m.load_state_dict(old)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        m(rt.ones(1, 2))


def test_parameter():
    data = rt.ones(2)
    p = nn.Parameter(data)
    assert p.requires_grad and p.is_leaf and isinstance(p, rt.Tensor)
    data[0] = 5
    assert p[0].item() == 5
    assert repr(p).startswith("Parameter containing:\n")
    q = pickle.loads(pickle.dumps(nn.Parameter(rt.ones(2), requires_grad=False)))
    assert isinstance(q, nn.Parameter) and not q.requires_grad
    assert type(p * 2) is rt.Tensor and type(p.detach()) is rt.Tensor
    with pytest.raises(TypeError):
        nn.Parameter([1.0])


def test_saved_state_dict_can_be_loaded():
    m = Net()
    f = io.BytesIO()
    rt.save(m.state_dict(), f)
    f.seek(0)
    n = Net()
    n.load_state_dict(rt.load(f))
    assert rt.equal(n.fc1.weight, m.fc1.weight)
