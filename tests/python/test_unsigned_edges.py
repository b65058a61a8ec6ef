"""Unsigned types wider than a byte at their ends: negative numbers in calls, empty tensors, one step."""

import pytest

import rustorch as rt

F = rt.nn.functional
WIDE = (rt.uint16, rt.uint32, rt.uint64)


@pytest.mark.parametrize("dtype", WIDE, ids=str)
def test_negative_limits_are_below_everything(dtype):
    x = rt.tensor([3, 0, 5], dtype=dtype)
    assert F.hardtanh(x).tolist() == [1, 0, 1]
    assert F.hardtanh(x, -1, 4).tolist() == x.clamp(-1, 4).tolist() == [3, 0, 4]
    assert F.relu6(x * 2).tolist() == [6, 0, 6]


def test_fills_wrap_around():
    top = 2**64
    x = rt.tensor([1, 2], dtype=rt.uint64)
    assert rt.full((1,), -2, dtype=rt.uint64).tolist() == [top - 2]
    assert rt.full_like(x, -1).tolist() == [top - 1] * 2 and x.new_full((1,), -3).tolist() == [top - 3]
    assert x.clone().fill_(-1).tolist() == [top - 1] * 2
    assert rt.scalar_tensor(-3, dtype=rt.uint64).item() == top - 3
    for wrong in (lambda: rt.tensor(-1, dtype=rt.uint64), lambda: x.__setitem__(0, -1)):
        with pytest.raises((ValueError, RuntimeError, OverflowError), match="can't convert negative int to unsigned"):
            wrong()


@pytest.mark.parametrize("dtype", WIDE, ids=str)
def test_nothing_to_compute_is_no_error(dtype):
    empty = rt.empty(0, 3, dtype=dtype)
    for result in (empty.softmax(0), empty.log_softmax(1), rt.randn_like(empty), rt.bernoulli(empty)):
        assert result.shape == (0, 3) and result.dtype == dtype
    assert F.group_norm(empty, 1).dtype == dtype
    assert rt.linspace(2, 10, 1, dtype=dtype).tolist() == [2] and rt.logspace(2, 3, 1, dtype=dtype).tolist() == [100]
    with pytest.raises(NotImplementedError):
        rt.linspace(0, 10, 5, dtype=dtype)
    x = rt.tensor([3, 1], dtype=dtype)
    for drop in (F.dropout, F.alpha_dropout):
        assert drop(x, 1.0, True).tolist() == [0, 0] and drop(x, 1.0, True).dtype == dtype
