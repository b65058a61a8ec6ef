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
