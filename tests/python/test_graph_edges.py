"""autograd.graph: edges of the graph, hooks on several gradients, notes on nodes, in-place writes to saved tensors."""

import gc

import pytest

import rustorch as rt
from rustorch.autograd.graph import (
    GradientEdge,
    allow_mutation_on_saved_tensors,
    get_gradient_edge,
    register_multi_grad_hook,
    saved_tensors_hooks,
)


def leaves(count):
    return [rt.arange(2.0).add(i).requires_grad_() for i in range(count)]


def test_gradient_edge_keeps_graph_without_tensor():
    x = rt.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    edge = get_gradient_edge(y)
    assert isinstance(edge, GradientEdge) and edge.output_nr == 0 and type(edge.node).__name__ == "MulBackward0"
    del y
    gc.collect()
    (g,) = rt.autograd.grad(edge, x, grad_outputs=rt.ones(2), retain_graph=True)
    assert g.tolist() == [3.0, 3.0]
    rt.autograd.backward([edge], [rt.ones(2)])
    assert x.grad.tolist() == [3.0, 3.0]


def test_gradient_edge_as_input_and_errors():
    x = rt.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    (g,) = rt.autograd.grad((y * y).sum(), get_gradient_edge(y))
    assert rt.allclose(g, 2 * y)
    assert type(get_gradient_edge(x).node).__name__ == "AccumulateGrad"
    with pytest.raises(RuntimeError, match="does not require gradients"):
        get_gradient_edge(rt.ones(2))
    with pytest.raises(RuntimeError, match="scalar outputs"):
        rt.autograd.grad(get_gradient_edge(x * 2), x)
    with pytest.raises(RuntimeError, match="not have been used"):
        rt.autograd.grad(get_gradient_edge((x * 2).sum()), rt.ones(2, requires_grad=True))


def test_multi_grad_hook_all():
    seen = []
    a, b, c = leaves(3)
    handle = register_multi_grad_hook((a, b, c), lambda gs: seen.append([g if g is None else g.tolist() for g in gs]))
    ((a * 2).sum() + (b * 3).sum()).backward()
    (a.sum() + c.sum()).backward()
    handle.remove()
    a.sum().backward()
    assert seen == [[[2.0, 2.0], [3.0, 3.0], None], [[1.0, 1.0], None, [1.0, 1.0]]]


def test_multi_grad_hook_any_and_mode():
    seen = []
    a, b = leaves(2)
    with register_multi_grad_hook((a, b), lambda g: seen.append(g.tolist()), mode="any"):
        ((a * 2).sum() + (b * 3).sum()).backward()
        b.sum().backward()
    assert len(seen) == 2 and seen[1] == [1.0, 1.0]
    with pytest.raises(ValueError, match="but got foo"):
        register_multi_grad_hook((a,), print, mode="foo")


def test_multi_grad_hook_in_nested_pass():
    seen = []
    a, b = leaves(2)
    register_multi_grad_hook((a, b), lambda gs: seen.append(len([g for g in gs if g is not None])))
    y = (a * 2).sum() + (b * 3).sum()
    inner = a.sum()
    y.register_hook(lambda g: inner.backward())  # a pass of its own inside
    y.backward()
    assert seen == [1, 2]


def test_node_metadata_lives_with_the_graph():
    x = rt.tensor([1.0, 2.0], requires_grad=True)
    y = (x * 2).sum()
    y.grad_fn.metadata["note"] = 7
    gc.collect()
    assert y.grad_fn.metadata == {"note": 7} and y.grad_fn.next_functions[0][0].metadata == {}
    assert y.grad_fn._sequence_nr() > y.grad_fn.next_functions[0][0]._sequence_nr()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


class Marked(rt.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.note = "here"
        ctx.save_for_backward(x)
        return x * 2, "text"

    @staticmethod
    def backward(ctx, grad, nothing):
        assert nothing is None  # a result that is no tensor has no gradient
        return grad * 2


class Doubles(rt.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


def test_function_nodes_have_the_attributes_of_ctx():
    x = rt.ones(2, requires_grad=True)
    y, text = Marked.apply(x)
    assert text == "text" and y.grad_fn.note == "here" and y.grad_fn.saved_tensors[0].tolist() == [1.0, 1.0]
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        y.sum().grad_fn.other
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_function_refuses_dirty_leaf():
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad has been used in an in-place"):
        Doubles.apply(rt.ones(2, requires_grad=True))
    x = rt.ones(2, requires_grad=True)
    z = x * 1
    assert Doubles.apply(z) is z
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_mutation_on_saved_tensors():
    x = rt.tensor([1.0, 2.0], requires_grad=True)
    with allow_mutation_on_saved_tensors():
        a = x * 1
        b = a**2
        a.mul_(0)
        (g,) = rt.autograd.grad(b.sum(), x)
    assert g.tolist() == [2.0, 4.0]


def test_hooks_that_break_their_rules():
    x = rt.ones(2, requires_grad=True)
    with (
        saved_tensors_hooks(lambda t: t.add_(1), lambda t: t),
        pytest.raises(RuntimeError, match="modifying its input"),
    ):
        (x * 2).exp()
    x.register_post_accumulate_grad_hook(lambda p: p.grad)
    with pytest.raises(RuntimeError, match="should return None"):
        x.sum().backward()
