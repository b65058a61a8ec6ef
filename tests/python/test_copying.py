"""copy, deepcopy and pickle of tensors, storages, generators and parameters without a shape."""

import copy
import pickle

import pytest

import rustorch as rt
from rustorch import nn


def again(x, protocol=pickle.DEFAULT_PROTOCOL):
    return pickle.loads(pickle.dumps(x, protocol))


def test_a_copy_shares_the_memory():
    x = rt.arange(6.0).view(2, 3)
    y = copy.copy(x)
    assert y is not x and y.data_ptr() == x.data_ptr()
    y[0, 0] = 9
    assert x[0, 0] == 9
    w = (rt.ones(2, requires_grad=True) * 2).clone()
    assert copy.copy(w).is_leaf and copy.copy(w).requires_grad
    x.note = [1]
    assert copy.copy(x).note is x.note


@pytest.mark.parametrize("twice", [copy.deepcopy, again])
def test_views_of_one_memory_stay_so(twice):
    a = rt.arange(4.0)
    b = twice([a, a[1:], a])
    assert b[0] is b[2]
    assert b[0].data_ptr() != a.data_ptr()
    b[0][1] = 9
    assert b[1].tolist() == [9, 2, 3] and a.tolist() == [0, 1, 2, 3]
    c, s = twice((a, a.untyped_storage()))
    s[0:4] = rt.tensor([5.0]).view(rt.uint8)
    assert c[0] == 5 and a[0] == 0


@pytest.mark.parametrize("twice", [copy.deepcopy, again])
def test_layout_is_kept(twice):
    x = rt.arange(12.0).view(3, 4)
    for t in (x.t(), x[:, 1:3], x.expand(2, 3, 4), x[1], x[2:2], rt.tensor(3.0), rt.empty(0, 3)):
        y = twice(t)
        assert (y.shape, y.stride(), y.storage_offset()) == (t.shape, t.stride(), t.storage_offset())
        assert y.equal(t) and not y._is_view()


@pytest.mark.parametrize("twice", [copy.copy, copy.deepcopy, again])
def test_kinds(twice):
    for dtype in (rt.float16, rt.bfloat16, rt.bool, rt.int8, rt.complex64, rt.uint16, rt.float8_e4m3fn):
        x = rt.tensor([1.0, 0.0, 1.0]).to(dtype)
        assert twice(x).dtype is dtype and twice(x).to(rt.float64).tolist() == [1, 0, 1]
    p = nn.Parameter(rt.ones(2), requires_grad=False)
    assert type(twice(p)) is nn.Parameter and not twice(p).requires_grad
    assert twice(rt.ones(2, requires_grad=True)).requires_grad
    assert twice(rt.empty(2, 3, device="meta")).is_meta
    assert twice(rt.eye(2).to_sparse()).to_dense().equal(rt.eye(2))


def test_every_protocol():
    x = rt.arange(3.0)
    assert all(again(x, p).equal(x) for p in range(pickle.HIGHEST_PROTOCOL + 1))


def test_results_of_operators():
    y = rt.ones(2, requires_grad=True) * 2
    assert again(y).is_leaf and again(y).requires_grad and again(y).tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(y)


def test_gradient_and_attributes_of_a_deep_copy():
    w = rt.ones(2, requires_grad=True)
    w.sum().backward()
    w.note = [1]
    c = copy.deepcopy(w)
    assert c.grad.tolist() == [1, 1] and c.grad is not w.grad
    assert c.note == [1] and c.note is not w.note


@pytest.mark.parametrize("twice", [copy.deepcopy, again])
def test_generators(twice):
    g = rt.Generator().manual_seed(3)
    rt.rand(5, generator=g)
    h = twice(g)
    assert h is not g and h.initial_seed() == 3
    assert rt.rand(4, generator=h).equal(rt.rand(4, generator=g))


def test_uninitialized_parameters_refuse_to_be_read():
    w = nn.LazyLinear(3).weight
    for use in (
        lambda: w + 1,
        lambda: w.numel(),
        lambda: w.fill_(1),
        lambda: rt.cat([w]),
        lambda: nn.utils.parameters_to_vector([w]),
    ):
        with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
            use()
    assert w.dtype is rt.float32 and w.requires_grad and w.is_leaf
    assert nn.LazyLinear(3).double().weight.dtype is rt.float64
    b = nn.UninitializedBuffer()
    b.materialize((2,))
    assert type(b) is rt.Tensor and b.shape == (2,)


def test_lazy_layers_through_copies_and_files():
    x = rt.ones(2, 5)
    lazy = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    for other in (copy.deepcopy(lazy), again(lazy), copy.copy(lazy)):
        assert other(x).shape == (2, 3)
    loaded = nn.LazyLinear(3)
    loaded.load_state_dict(nn.Linear(4, 3).state_dict())
    with pytest.raises(AssertionError, match="The in_features inferred from input: 5 is not equal to in_features from"):
        loaded(x)


def test_star_import_of_optim():
    names = {}
    exec("from rustorch.optim import *", names)
    assert names["lr_scheduler"].StepLR and names["swa_utils"].AveragedModel
