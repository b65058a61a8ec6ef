"""Products of integers whose operands are summed alone first, with the values of int64 arithmetic."""

import pytest

import rustorch as torch


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int64])
def test_einsum_sums_one_operand(dtype):
    a = torch.arange(6).reshape(1, 2, 3).to(dtype)
    b = torch.arange(3).to(dtype)
    got = torch.einsum("...ik,...j->ij", a, b)
    assert got.dtype == torch.int64  # as a sum has
    assert got.tolist() == [[0, 3, 6], [0, 12, 24]]


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int64])
def test_tensordot_sums_the_longer_side(dtype):
    a = torch.tensor([[[1]]], dtype=dtype)
    b = torch.arange(4).reshape(2, 1, 2).to(dtype)
    got = torch.tensordot(a, b, dims=([0, 1], [2, 0]))
    assert got.dtype == dtype
    assert got.tolist() == [[6]]


@pytest.mark.parametrize("use_gelu", [False, True])
@pytest.mark.parametrize("bias_shape", [(5,), (4, 5), (4, 1), ()])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_addmm_activation_is_the_activation_of_addmm(use_gelu, bias_shape, dtype):
    torch.manual_seed(0)
    bias, a, b = (torch.randn(s, dtype=dtype) for s in (bias_shape, (4, 3), (3, 5)))
    act = torch.nn.functional.gelu if use_gelu else torch.relu
    tolerance = 1e-2 if dtype == torch.bfloat16 else 1e-6
    for factors in ({}, {"beta": 2, "alpha": 0.5}, {"beta": 0}):
        got = torch._addmm_activation(bias, a, b, use_gelu=use_gelu, **factors)
        assert torch.allclose(got, act(torch.addmm(bias, a, b, **factors)), atol=tolerance, rtol=tolerance)
    out = torch.empty(4, 5, dtype=dtype)
    assert torch._addmm_activation(bias, a, b, use_gelu=use_gelu, out=out) is out


@pytest.mark.parametrize("use_gelu", [False, True])
def test_gradients_of_addmm_activation(use_gelu):
    torch.manual_seed(1)
    inputs = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((5,), (4, 3), (3, 5))]

    def f(*x):
        return torch._addmm_activation(*x, beta=2, alpha=0.5, use_gelu=use_gelu)

    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


def test_addmm_activation_of_integers_and_complex_numbers():
    a = torch.tensor([[1, -2], [3, 4]])
    assert torch._addmm_activation(torch.zeros(2, dtype=torch.int64), a, a).tolist() == [[0, 0], [15, 10]]
    with pytest.raises(NotImplementedError, match="clamp is not supported for complex types"):
        torch._addmm_activation(torch.zeros(2, dtype=torch.complex64), *[torch.ones(2, 2, dtype=torch.complex64)] * 2)
