"""x.data shares the numbers of x, not its count of writes: what saved x does not see writes through it."""

import pytest

import rustorch as rt


def test_writes_through_data_do_not_stop_backward():
    x = rt.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    x.data.mul_(2)
    y.sum().backward()
    assert x.tolist() == [2.0, 4.0] and x.grad.tolist() == [4.0, 8.0]
    w = rt.tensor([3.0], requires_grad=True)
    loss = (w * x).sum()
    w.data[0] = 5.0
    x.data.view(-1)[1:].zero_()
    x.data.t().fill_(7.0)
    loss.backward()
    assert w.grad.tolist() == [14.0]


def test_versions():
    x = rt.zeros(3)
    alias = x.data
    alias.add_(1)
    alias[1:].add_(1)
    assert x._version == 0 and alias._version == 2 and alias[0]._version == 2
    x.add_(1)
    assert x._version == 1 and alias._version == 2
    assert x.detach()._version == 1 and alias.detach()._version == 2
    assert alias.clone()._version == 0


def test_the_alias_itself_is_watched():
    x = rt.tensor([1.0, 2.0])
    w = rt.ones(2, requires_grad=True)
    alias = x.data
    y = (alias * w).sum()
    alias.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_writes_to_the_tensor_are_watched_still():
    x = rt.tensor([1.0, 2.0])
    w = rt.ones(2, requires_grad=True)
    y = (x * w).sum()
    x.detach().mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
