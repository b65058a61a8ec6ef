"""Hooks that change the lists they are in, contexts that outlive their graph, and threads that differentiate together."""

import threading

import pytest

import rustorch as rt
from rustorch.autograd import Function, graph

KINDS = {
    "tensor": lambda leaf, y: y.register_hook,
    "node": lambda leaf, y: y.grad_fn.register_hook,
    "before node": lambda leaf, y: y.grad_fn.register_prehook,
    "leaf": lambda leaf, y: leaf.register_post_accumulate_grad_hook,
}


@pytest.mark.parametrize("kind", KINDS)
def test_hooks_that_remove_themselves_all_run_once(kind):
    leaf = rt.ones(3, requires_grad=True)
    y = leaf * 2
    register, calls, handles = KINDS[kind](leaf, y), [], []

    def hook(i):
        def call(*_):
            calls.append(i)
            handles[i].remove()

        return call

    handles.extend(register(hook(i)) for i in range(4))
    loss = y.sum()
    loss.backward(retain_graph=True)
    assert calls == [0, 1, 2, 3] and leaf.grad.tolist() == [2, 2, 2]
    loss.backward()
    assert calls == [0, 1, 2, 3] and leaf.grad.tolist() == [4, 4, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_that_removes_the_others_and_one_that_adds_more(kind):
    leaf = rt.ones(3, requires_grad=True)
    y = leaf * 2
    register, calls, handles = KINDS[kind](leaf, y), [], []

    def first(*_):
        calls.append("first")
        for h in handles:
            h.remove()
        for _ in range(50):  # the list grows under the loop
            register(lambda *_: calls.append("late"))

    handles.append(register(first))
    handles.append(register(lambda *_: calls.append("second")))
    loss = y.sum()
    loss.backward(retain_graph=True)
    assert calls == ["first", "second"]  # those that were there when the node ran
    loss.backward()
    assert calls == ["first", "second"] + ["late"] * 50


def test_hooks_of_nodes_see_and_change_gradients():
    x = rt.ones(2, requires_grad=True)
    y = x * 3
    seen = []
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 10,))

    def after(grad_inputs, grad_outputs):
        seen.append([g.tolist() if g is not None else None for g in (*grad_inputs, *grad_outputs)])
        return tuple(g if g is None else g + 1 for g in grad_inputs)

    y.grad_fn.register_hook(after)
    y.sum().backward()
    assert seen[0][0] == [30, 30] and seen[0][-1] == [10, 10]
    assert x.grad.tolist() == [31, 31]


def test_nodes_come_from_operations_only():
    assert isinstance((rt.ones(1, requires_grad=True) * 2).grad_fn, graph.Node)
    with pytest.raises(TypeError):
        graph.Node()


class Double(Function):
    kept = []

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        Double.kept.append(ctx)
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


def test_a_context_that_outlives_its_graph_refuses():
    x = rt.ones(3, requires_grad=True)
    Double.kept.clear()
    for _ in range(20):
        y = Double.apply(x)
    others = [x * i for i in range(50)]  # noqa: F841  (new nodes where the old ones were)
    for ctx in Double.kept[:-1]:
        with pytest.raises(RuntimeError, match="after the graph"):
            ctx.saved_tensors
        with pytest.raises(RuntimeError, match="after the graph"):
            ctx.needs_input_grad
    assert Double.kept[-1].saved_tensors[0] is x and Double.kept[-1].needs_input_grad == (True,)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        Double.kept[-1].saved_tensors
    Double.kept.clear()


def on_threads(n, body):
    """Runs body(i) on n threads at once; raises what the first failing one raised."""
    errors, start = [], threading.Barrier(n)

    def run(i):
        start.wait()
        try:
            body(i)
        except BaseException as e:  # noqa: BLE001
            errors.append(e)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def test_threads_differentiate_one_model():
    rt.manual_seed(1)
    model = rt.nn.Sequential(rt.nn.Linear(6, 12), rt.nn.Tanh(), rt.nn.Linear(12, 2))
    x, parameters = rt.randn(9, 6), list(model.parameters())
    want = [g.tolist() for g in rt.autograd.grad(model(x).square().sum(), parameters)]

    def body(_):
        for _ in range(15):
            got = rt.autograd.grad(model(x).square().sum(), parameters)
            assert [g.tolist() for g in got] == want

    on_threads(6, body)


def test_threads_add_to_one_leaf():
    leaf, calls = rt.ones(8, requires_grad=True), []
    leaf.register_hook(lambda g: calls.append(1))

    def body(_):
        for _ in range(25):
            (leaf * 2).sum().backward()

    on_threads(6, body)
    assert leaf.grad.tolist() == [300] * 8 and len(calls) == 150


def test_threads_go_through_one_graph():
    """Without retain_graph one of them wins; the others are told."""
    for _ in range(20):
        x = rt.ones(4, requires_grad=True)
        trunk = Double.apply(x.exp()).sin()
        outcomes = []

        def body(_):
            try:
                trunk.sum().backward()
                outcomes.append(True)
            except RuntimeError as e:
                assert "second time" in str(e) or "after the graph" in str(e)
                outcomes.append(False)

        on_threads(3, body)
        assert any(outcomes)
    Double.kept.clear()
