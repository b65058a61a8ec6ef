"""Gradients after a write into a sparse tensor: what the write itself recorded is no change of what it saved."""

import pytest

import rustorch as rt

PLACES = [[0, 1], [1, 0]]


def through(change):
    values = rt.tensor([2.0, 3.0], requires_grad=True)
    s = change(rt.sparse_coo_tensor(PLACES, values, (2, 2)).coalesce())
    s.to_dense().sum().backward()
    return values.grad.tolist()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s.mul_(2), [2.0, 2.0]),
        (lambda s: s.mul_(2).mul_(3), [6.0, 6.0]),
        (lambda s: s.div_(2), [0.5, 0.5]),
        (lambda s: s.neg_(), [-1.0, -1.0]),
        (lambda s: s.zero_(), [0.0, 0.0]),
        (lambda s: s.add_(s.detach().clone()), [1.0, 1.0]),
        (lambda s: s.sqrt_(), [0.5 * 2.0**-0.5, 0.5 * 3.0**-0.5]),
    ],
)
def test_writes_into_a_coalesced_tensor(change, expected):
    assert through(change) == pytest.approx(expected)


def test_what_was_saved_before_is_watched():
    values = rt.tensor([2.0, 3.0], requires_grad=True)
    s = rt.sparse_coo_tensor(PLACES, values, (2, 2))
    total = (s * s).to_dense().sum()
    s.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()
