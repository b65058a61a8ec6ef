"""Pieces of programs as PyTorch's users write them, found by comparing such programs with PyTorch."""

import subprocess
import sys

import numpy as np
import pytest

import rustorch as rt
from rustorch import nn
from rustorch.nn import functional as F
from rustorch.utils import checkpoint as ck
from rustorch.utils.data import RandomSampler, default_collate


def test_numpy_numbers_and_arrays_in_lists_keep_their_dtype():
    assert rt.tensor([np.float64(1), 2.0]).dtype == rt.float64
    assert rt.tensor([np.float32(1), np.float64(2)]).dtype == rt.float64
    assert rt.tensor([np.ones(2), np.ones(2)]).dtype == rt.float64
    assert rt.tensor([np.ones(2, np.float32)] * 2).dtype == rt.float32
    assert rt.tensor([np.complex128(1)]).dtype == rt.complex128
    assert rt.tensor([True, np.int8(1)]).dtype == rt.int8
    assert rt.tensor([1.0, 2]).dtype == rt.float32


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_lists_of_sequences_index_like_tuples():
    x = rt.arange(12).view(3, 4)
    assert x[[[0, 1], [1, 2]]].tolist() == [1, 6]
    assert x[[(0, 1), (1, 2)]].tolist() == [1, 6]
    assert x[[np.array([0, 1]), np.array([1, 2])]].tolist() == [1, 6]
    assert x[[[[0, 1]]]].shape == (1, 2, 4) and x[[[0, 1]]].shape == (2, 4)
    y = x.clone()
    y[[[0, 1], [1, 2]]] = 9
    assert y.sum().item() == x.sum().item() - 7 + 18
    with pytest.warns(UserWarning, match="non-tuple sequence"):
        x[[[0], [1]]]


def test_ranges_as_indices():
    x = rt.arange(12).view(3, 4)
    assert rt.equal(x[range(2)], x[:2]) and x[range(2), range(1, 3)].tolist() == [1, 6]


def test_device_of_a_number_is_an_accelerator():
    assert str(rt.device(1)) == "cuda:1"
    with pytest.raises(ValueError, match="must not be negative"):
        rt.device(-1)


def test_print_options_as_record_and_context():
    from rustorch import _tensor_str

    before = _tensor_str.get_printoptions()
    with _tensor_str.printoptions(precision=1, sci_mode=False):
        assert str(rt.tensor([1.25])) in ("tensor([1.2])", "tensor([1.3])")
        assert _tensor_str.PRINT_OPTS.precision == 1 and _tensor_str.PRINT_OPTS.sci_mode is False
    assert _tensor_str.get_printoptions() == before
    assert before == {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def test_one_hot_under_vmap():
    one_hot = rt.vmap(lambda i: F.one_hot(i, 3))(rt.tensor([0, 2]))
    assert one_hot.tolist() == [[1, 0, 0], [0, 0, 1]]


class Image:
    def __init__(self, value):
        self.value = value


def test_collate_with_a_table():
    from rustorch.utils.data._utils.collate import collate, default_collate_fn_map

    batch = [{"i": Image(1), "z": 1, "a": np.float64(2)}, {"i": Image(2), "z": 3, "a": np.float64(4)}]
    table = {Image: lambda batch, *, collate_fn_map=None: [x.value for x in batch], **default_collate_fn_map}
    out = collate(batch, collate_fn_map=table)
    assert out["i"] == [1, 2] and out["z"].tolist() == [1, 3] and out["a"].dtype == rt.float64
    with pytest.raises(TypeError, match="default_collate"):
        collate([Image(1)], collate_fn_map=default_collate_fn_map)
    with pytest.raises(RuntimeError, match="sparse"):
        default_collate([rt.sparse_coo_tensor([[0]], [1.0], (2,))])


def test_random_sampler_of_nothing():
    with pytest.raises(ValueError, match="positive integer value, but got num_samples=0"):
        RandomSampler([])


def test_checkpoint_arguments():
    x = rt.ones(2, 3, requires_grad=True)
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    with pytest.raises(ValueError, match="Unexpected keyword arguments: foo"):
        ck.checkpoint_sequential(model, 2, x, foo=1)

    def contexts():
        return ck.create_selective_checkpoint_contexts(lambda ctx, op, *a, **k: ck.CheckpointPolicy.PREFER_SAVE)

    (g,) = rt.autograd.grad(ck.checkpoint(model, x, use_reentrant=False, context_fn=contexts).sum(), x)
    assert rt.allclose(g, rt.autograd.grad(model(x).sum(), x)[0])
    with pytest.raises(TypeError, match="either a function or a list"):
        ck.create_selective_checkpoint_contexts(3)


FUNCTORCH = """
import rustorch.compat
rustorch.compat.install_as_torch()
import torch
from functorch import combine_state_for_ensemble, grad, make_functional, make_functional_with_buffers, vmap
x = torch.arange(6.0).view(2, 3)
model = torch.nn.Linear(3, 2)
f, params = make_functional(model)
assert torch.equal(f(params, x), model(x)) and params[0].requires_grad
per_sample = vmap(grad(lambda p, row: f(p, row).sum()), in_dims=(None, 0))(params, x)
assert per_sample[0].shape == (2, 2, 3)
norm = torch.nn.BatchNorm1d(3).eval()
f, params, buffers = make_functional_with_buffers(norm)
assert torch.equal(f(params, buffers, x), norm(x))
try:
    make_functional(norm)
except RuntimeError as error:
    assert "make_functional_with_buffers" in str(error)
models = [torch.nn.Linear(3, 2) for _ in range(4)]
f, params, buffers = combine_state_for_ensemble(models)
out = torch.vmap(f, in_dims=(0, 0, None))(params, buffers, x)
assert torch.allclose(out, torch.stack([m(x) for m in models]))
"""


def test_functorch():
    subprocess.run([sys.executable, "-c", FUNCTORCH], check=True, timeout=120)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 3)
        self.b = nn.Linear(3, 2)
        self.register_buffer("scale", rt.tensor(2.0))

    def forward(self, x):
        return self.b(F.relu(self.a(x))) * self.scale


@pytest.mark.filterwarnings("ignore:compile")
def test_compiled_modules_wrap_the_module():
    net, x = Net(), rt.ones(2, 4)
    compiled = rt.compile(net)
    assert compiled._orig_mod is net and isinstance(compiled, nn.Module) and rt.equal(compiled(x), net(x))
    assert list(compiled.state_dict())[0] == "_orig_mod.scale" and compiled.a is net.a
    compiled.eval()
    assert not net.training and not compiled.training
    compiled.note = 3
    assert net.note == 3 and rt.compile(compiled) is compiled
    for wrong in ({"mode": "foo"}, {"backend": "foo"}, {"mode": "default", "options": {}}):
        with pytest.raises(RuntimeError):
            rt.compile(net, **wrong)
    with rt._dynamo.config.patch(suppress_errors=True):
        assert rt._dynamo.config.suppress_errors
    assert not rt._dynamo.config.suppress_errors


@pytest.mark.filterwarnings("ignore:jit.")
def test_traces_run_as_python():
    net, x = Net().eval(), rt.ones(2, 4)
    traced = rt.jit.trace(net, x)
    assert rt.equal(traced(x), net(x)) and isinstance(traced, rt.jit.ScriptModule) and traced.original_name == "Net"
    assert list(traced.state_dict()) == list(net.state_dict()) and not traced.training
    assert traced.double().scale.dtype == rt.float64 and net.scale.dtype == rt.float32
    f = rt.jit.trace(lambda a, b: a * b + 1, (x, x))
    assert rt.equal(f(x, x), x * x + 1)
    assert rt.equal(rt.jit.freeze(rt.jit.script(net))(x.double()), net(x.double()))
    assert rt.jit.wait(rt.jit.fork(rt.add, x, 1)).sum() == 16
    with pytest.raises(NotImplementedError, match="state_dict"):
        traced.save("f.pt")
    with pytest.raises(ValueError, match="does not exist"):
        rt.jit.load("/nonexistent.pt")
    with pytest.raises(RuntimeError, match="eval mode"):
        rt.jit.freeze(Net())


def test_flop_counter():
    from rustorch.utils.flop_counter import FlopCounterMode

    def counts(f):
        with FlopCounterMode(display=False) as counter:
            f()
        return {str(op): n for op, n in counter.get_flop_counts()["Global"].items()}

    net = Net()
    with FlopCounterMode(display=False) as counter:
        net(rt.ones(2, 4)).sum().backward()
    by_module = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    assert counter.get_total_flops() == 168 and by_module == {"Global": 168, "Net": 168, "Net.a": 96, "Net.b": 72}
    assert "aten.addmm" in counter.get_table() and "Net.a" not in counter.get_table(depth=1)
    x = rt.ones(1, 4, 6, 6, requires_grad=True)
    conv = nn.Conv2d(4, 6, 3, groups=2, stride=2, padding=1)
    assert counts(lambda: conv(x).sum().backward()) == {"aten.convolution": 1944, "aten.convolution_backward": 5832}
    q = rt.ones(1, 2, 3, 4, requires_grad=True)
    attention = "aten._scaled_dot_product_flash_attention_for_cpu"
    assert counts(lambda: F.scaled_dot_product_attention(q, q, q).sum().backward()) == {
        attention: 288,
        attention + "_backward": 720,
    }
    assert counts(lambda: rt.ones(2, 3, 4) @ rt.ones(2, 4, 5)) == {"aten.bmm": 240}


def test_benchmark():
    from rustorch.utils import benchmark

    m = benchmark.Timer(
        "x + k", "k = 1", globals={"x": rt.ones(2)}, label="add", sub_label="2", description="a"
    ).timeit(20)
    assert m.number_per_run == 20 and len(m.times) == 1 and m.mean == m.median > 0 and m.title == "add: 2"
    other = benchmark.Timer("x + 2", globals={"x": rt.ones(2)}, label="add", sub_label="2", description="b")
    results = [
        m,
        other.blocked_autorange(min_run_time=0.01),
        other.adaptive_autorange(min_run_time=0.001, max_run_time=0.5),
    ]
    assert "measurement" in repr(results[1]) and len(benchmark.Measurement.merge(results)) == 2
    compare = benchmark.Compare(results)
    compare.trim_significant_figures()
    text = str(compare)
    assert "add" in text and "1 threads" in text and "Times are in" in text and " a" in text
    assert benchmark.select_unit(2e-5) == ("us", 1e-6) and benchmark.trim_sigfig(123.0, 2) == 120.0
    with pytest.raises(ValueError, match="C\\+\\+ only"):
        benchmark.Timer("1", global_setup="2")


class Logged(rt.Tensor):
    calls = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})


def test_operators_reach_classes_as_pytorchs_methods():
    x = rt.ones(2, 2).as_subclass(Logged)
    Logged.calls = []
    results = [x + 1, 1 + x, x - 1, 2 * x, x / 2, x % 2, x @ x, -x, +x, abs(x), x < 1, x != x]
    y = x.clone()
    y += 1
    y *= 2
    y /= 2
    y //= 1
    assert [f.__name__ for f in Logged.calls] == (
        "add add sub mul div remainder matmul neg positive abs lt ne clone add_ mul_ div_ floor_divide_".split()
    )
    assert Logged.calls[0] == rt.Tensor.add and all(type(r) is Logged for r in results)
    assert type(x.data) is Logged and type(nn.Parameter(rt.ones(2)).data) is rt.Tensor


def test_parameters_keep_a_class_of_tensors():
    p = nn.Parameter(rt.ones(2).as_subclass(Logged))
    assert type(p) is Logged and isinstance(p, nn.Parameter) and p.requires_grad
    assert not isinstance(rt.ones(2).as_subclass(Logged), nn.Parameter) and not isinstance(3, nn.Parameter)
    module = nn.Module()
    module.p = p
    assert list(module.state_dict()) == ["p"] and list(module.parameters())[0] is p


def test_older_amp_modules():
    from rustorch.cpu.amp import autocast as cpu_autocast
    from rustorch.cuda.amp import GradScaler, autocast, custom_fwd  # noqa: F401
    from rustorch.cuda.amp.autocast_mode import autocast as again
    from rustorch.cuda.random import get_rng_state  # noqa: F401

    assert again is autocast
    with cpu_autocast():
        assert (rt.ones(2, 2) @ rt.ones(2, 2)).dtype == rt.bfloat16
    with autocast(enabled=False):
        assert (rt.ones(2, 2) @ rt.ones(2, 2)).dtype == rt.float32
    assert GradScaler(enabled=False).scale(rt.tensor(3.0)) == 3.0


def test_weak_keys_and_swap():
    from rustorch.utils import swap_tensors
    from rustorch.utils.weak import WeakTensorKeyDictionary

    a, b = rt.ones(2, requires_grad=True), rt.zeros(3)
    table = WeakTensorKeyDictionary({a: 1})
    assert table[a] == 1 and b not in table and list(table) == [a]
    swap_tensors(a, b)
    assert a.shape == (3,) and b.requires_grad and not a.requires_grad and b.tolist() == [1.0, 1.0]
    del a
    assert len(table) == 0


def test_tree_structures_as_text():
    from rustorch.utils import _pytree as pt

    spec = pt.tree_structure({"a": [1, (2,)], "b": 3})
    assert pt.treespec_loads(pt.treespec_dumps(spec)) == spec
    assert repr(pt.tree_structure([1, (2,)])) == "TreeSpec(list, None, [*,\n  TreeSpec(tuple, None, [*])])"
    with pytest.raises(ValueError, match="Unknown protocol"):
        pt.treespec_loads("[2, {}]")
