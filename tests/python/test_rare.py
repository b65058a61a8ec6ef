"""Seldom used calls where PyTorch is no reference: it refuses them or its gradient is not that of the function."""

import pytest

import rustorch as rt
from rustorch.autograd import gradcheck, gradgradcheck


def leaf(*shape):
    return rt.cos(rt.arange(rt.Size(shape).numel(), dtype=rt.float64) * 1.7 + 0.3).reshape(shape).requires_grad_()


def test_second_gradient_of_an_embedding_scaled_by_frequency():
    """PyTorch leaves the scale out of the second gradient."""
    at = rt.tensor([1, 1, 2])
    g, w = leaf(3, 2), leaf(4, 2)

    @rt.enable_grad()
    def first(g):
        out = rt.nn.functional.embedding(at, w, scale_grad_by_freq=True)
        return rt.autograd.grad(out, w, g, create_graph=True)[0]

    assert gradcheck(first, (g,))


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_scatter_of_a_source_larger_than_the_index(reduce):
    x, source, index = leaf(3, 2), (leaf(2, 3) + 0.1).detach().requires_grad_(), rt.tensor([[1, 0]])

    def larger(x, s):
        return rt.scatter_reduce(x, 0, index, s, reduce)

    assert rt.equal(larger(x, source), larger(x, source[:1, :2]))
    assert gradcheck(larger, (x, source)) and gradgradcheck(larger, (x, source))


@pytest.mark.parametrize("f", [rt.scatter, rt.scatter_add])
def test_plain_scatter_of_a_source_larger_than_the_index(f):
    x, source, index = leaf(3, 2), (leaf(2, 3) + 0.1).detach().requires_grad_(), rt.tensor([[1, 0]])
    assert gradcheck(lambda x, s: f(x, 0, index, s), (x, source))


@pytest.mark.parametrize("size, stride", [((2, 2), (2, 1)), ((2, 2), (1, 2))])
def test_gradient_of_as_strided_scatter(size, stride):
    assert gradcheck(lambda x, s: rt.as_strided_scatter(x, s, size, stride, 1), (leaf(6), leaf(*size)))


@pytest.mark.parametrize("p", [1, -1, float("inf"), "fro", "nuc"])
def test_gradient_of_cond(p):
    assert gradcheck(lambda x: rt.linalg.cond(x + 3 * rt.eye(2, dtype=rt.float64), p), (leaf(2, 2),))


def test_writes_to_what_overlaps_itself():
    for size, stride in (((3, 3), (1, 2)), ((3, 4), (3, 2)), ((2, 1, 3), (2, 9, 1))):
        with pytest.raises(RuntimeError, match="single memory location"):
            rt.zeros(16).as_strided(size, stride).add_(1)
    assert rt.zeros(16).as_strided((3, 2), (2, 1)).add_(1).sum() == 6  # apart
    assert rt.zeros(16).as_strided((2, 3), (3, 1)).add_(1).sum() == 6


def test_a_linear_layer_with_one_output():
    x, w, b = leaf(2, 3), leaf(3), leaf(1).reshape(())
    b = b.detach().requires_grad_()
    assert gradcheck(rt.nn.functional.linear, (x, w, b)) and gradgradcheck(rt.nn.functional.linear, (x, w, b))


def test_masked_indices_along_a_later_dimension():
    x = leaf(2, 3)
    out = rt._unsafe_masked_index(x, rt.tensor([[True], [False]]), (None, rt.tensor([1])), 5.0)
    assert out[0, 0] == x[0, 1] and out[1, 0] == 5


SAVED = {
    "exp": lambda x: x.exp(),
    "softmax": lambda x: rt.softmax(x, 0) * x,
    "product": lambda x: (x * 2) * (x * x),
    "layer_norm": lambda x: rt.nn.functional.layer_norm(x * x, (2,)),
    "written part": lambda x: (lambda h: (h[:1].exp_(), h)[1])(x * x),
    "einsum": lambda x: rt.einsum("i,j->ij", x, x * x),
}


@pytest.mark.parametrize("name", SAVED)
def test_second_gradients_through_saved_tensor_hooks(name):
    def second(x):
        g = rt.autograd.grad(SAVED[name](x).sum(), x, create_graph=True)[0]
        return rt.autograd.grad((g * g).sum(), x)[0]

    x = rt.tensor([0.3, 0.7], dtype=rt.float64, requires_grad=True)
    want = second(x)
    with rt.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        got = second(x)
    assert rt.allclose(got, want, rtol=1e-12)


def test_lists_as_out():
    x = rt.arange(4.0)
    a, b = rt.zeros(2), rt.zeros(2)
    rt.unbind_copy(x.reshape(2, 2), out=[a, b])
    assert a.tolist() == [0, 1] and b.tolist() == [2, 3]
    rt.split_copy(x, 2, out=[b, a])
    assert b.tolist() == [0, 1] and a.tolist() == [2, 3]
    with pytest.raises(RuntimeError, match="size"):
        rt.unbind_copy(x.reshape(2, 2), out=[a])
