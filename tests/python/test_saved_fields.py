"""grad_fn._saved_NAME: what a node keeps for its backward, under PyTorch's names."""

import pytest

import rustorch as rt


@pytest.fixture
def x():
    return rt.arange(6.0).reshape(2, 3).requires_grad_()


def saved(y):
    return {name for name in dir(y.grad_fn) if name.startswith("_saved_")}


def test_inputs_results_and_plain_arguments(x):
    w = rt.ones(2, 3)
    product = x * w
    assert saved(product) == {"_saved_self", "_saved_other"}
    assert product.grad_fn._saved_other is w and product.grad_fn._saved_self is None
    y = x.exp()
    assert y.grad_fn._saved_result.tolist() == y.tolist()
    assert y.grad_fn._saved_result.grad_fn is y.grad_fn
    total = x.sum((0, -1), keepdim=True)
    assert total.grad_fn._saved_dim == (0, -1) and total.grad_fn._saved_keepdim is True
    assert total.grad_fn._saved_self_sym_sizes == (2, 3)
    assert (x**3).grad_fn._saved_exponent == 3
    assert x.max(0).values.grad_fn._saved_indices.tolist() == [1, 1, 1]
    assert x.max(0).values.grad_fn._saved_dim == 0


def test_lists_are_tuples(x):
    fn = x[rt.tensor([1, 0])].grad_fn
    assert isinstance(fn._saved_indices, tuple) and fn._saved_indices[0].tolist() == [1, 0]


def test_freed_and_unknown_fields(x):
    y = x.exp()
    y.sum().backward()
    with pytest.raises(RuntimeError, match="directly access saved tensors after they have already been freed"):
        y.grad_fn._saved_result
    with pytest.raises(AttributeError, match="_saved_foo"):
        y.grad_fn._saved_foo
    with pytest.raises(AttributeError, match="nothing"):
        y.grad_fn.nothing
    assert "next_functions" in dir(y.grad_fn)


def test_changed_tensors_are_noticed(x):
    w = rt.ones(2, 3)
    y = x * w
    w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.grad_fn._saved_other
