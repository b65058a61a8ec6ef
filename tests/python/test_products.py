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
