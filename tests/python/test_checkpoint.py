"""Activation checkpointing and hooks on saved tensors."""

import contextlib

import pytest

import rustorch as rt
from rustorch.autograd import graph
from rustorch.utils import checkpoint as ck


def block(width=4, dropout=0.0):
    rt.manual_seed(0)
    return rt.nn.Sequential(
        rt.nn.Linear(width, width), rt.nn.Tanh(), rt.nn.Dropout(dropout), rt.nn.Linear(width, width)
    )


def gradients(model, x, run):
    model.zero_grad()
    x = x.clone().requires_grad_()
    rt.manual_seed(7)
    out = run(x)
    rt.rand(3)  # numbers drawn in between must not matter
    out.square().sum().backward()
    return [x.grad, *(p.grad for p in model.parameters())]


@pytest.mark.parametrize("reentrant", [True, False, None])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_gradients_are_those_of_a_plain_run(reentrant, dropout):
    model, x = block(dropout=dropout), rt.randn(3, 4)
    want = gradients(model, x, model)
    got = gradients(model, x, lambda v: ck.checkpoint(model, v, use_reentrant=reentrant))
    assert all(rt.equal(a, b) for a, b in zip(got, want))
    layers = list(model)
    got = gradients(model, x, lambda v: ck.checkpoint_sequential(layers, 3, v, use_reentrant=reentrant))
    assert all(rt.equal(a, b) for a, b in zip(got, want))


def test_the_function_runs_twice_and_only_when_asked():
    calls = []

    def f(x, scale=1.0):
        calls.append(scale)
        return x.exp() * scale

    x = rt.ones(3, requires_grad=True)
    y = ck.checkpoint(f, x, scale=2.0)
    assert calls == [2.0]
    (g,) = rt.autograd.grad(y.sum(), x, retain_graph=True)
    assert calls == [2.0, 2.0] and rt.allclose(g, 2 * x.exp())
    y.sum().backward()
    assert calls == [2.0] * 3 and rt.allclose(x.grad, g)
    with rt.no_grad():
        ck.checkpoint(f, x)
    assert len(calls) == 4


def test_saved_tensors_are_let_go():
    def f(x):
        for _ in range(5):
            x = x.exp().sin()
        return x

    def kept(run):
        x = rt.ones(10000, requires_grad=True)
        before = rt.memory_stats()["allocated_bytes"]
        out = run(x)
        size = rt.memory_stats()["allocated_bytes"] - before
        out.sum().backward()
        return size, x.grad

    plain, want = kept(f)
    small, got = kept(lambda x: ck.checkpoint(f, x, use_reentrant=False))
    assert plain > 5 * 40000 and small < 2 * 40000 and rt.equal(got, want)


def test_nested_checkpoints():
    def inner(x):
        return x.sin() * x

    def outer(x):
        return ck.checkpoint(inner, x.exp(), use_reentrant=False).tanh()

    a, b = (rt.linspace(-1, 1, 5).requires_grad_() for _ in range(2))
    ck.checkpoint(outer, a, use_reentrant=False).sum().backward()
    (b.exp().sin() * b.exp()).tanh().sum().backward()
    assert rt.allclose(a.grad, b.grad)


def test_second_derivatives():
    x = rt.tensor([0.5], dtype=rt.float64, requires_grad=True)
    y = ck.checkpoint(lambda v: v.sin() * v.exp(), x, use_reentrant=False)
    (g,) = rt.autograd.grad(y, x, create_graph=True)
    (h,) = rt.autograd.grad(g, x)
    assert h.item() == pytest.approx((2 * x.cos() * x.exp()).item())


def test_runs_that_differ_are_refused():
    sizes = iter([2, 3])

    def shapes(x):
        return (x[: next(sizes)].exp()).sum()

    y = ck.checkpoint(shapes, rt.ones(4, requires_grad=True), use_reentrant=False)
    with pytest.raises(ck.CheckpointError, match="different metadata"):
        y.backward()
    steps = iter([2, 1])

    def counts(x):
        for _ in range(next(steps)):
            x = x.exp()
        return x

    with ck.set_checkpoint_debug_enabled(True):
        y = ck.checkpoint(counts, rt.ones(1, requires_grad=True), use_reentrant=False)
    with pytest.raises(
        ck.CheckpointError, match="(?s)different number of tensors.*forward: exp, exp.*recomputation: exp"
    ):
        y.backward()
    x = rt.ones(2, requires_grad=True) * 1
    y = ck.checkpoint(lambda v: v.exp(), x, use_reentrant=False)
    x.detach().mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_contexts_and_early_stop():
    seen = []

    @contextlib.contextmanager
    def note(name):
        seen.append(name)
        yield

    def f(x):
        y = x.exp()
        seen.append("end")
        return y

    x = rt.ones(1, requires_grad=True)
    ck.checkpoint(f, x, use_reentrant=False, context_fn=lambda: (note("first"), note("second"))).backward()
    assert seen == ["first", "end", "second"]
    seen.clear()
    with ck.set_checkpoint_early_stop(False):
        y = ck.checkpoint(f, x, use_reentrant=False)
    y.backward()
    assert seen == ["end", "end"]
    with pytest.raises(ValueError, match="Unexpected keyword arguments: a"):
        ck.checkpoint(f, x, use_reentrant=True, a=1)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        ck.check_backward_validity([rt.ones(1)])


def test_autocast_is_repeated():
    layer = rt.nn.Linear(3, 3)
    with rt.autocast("cpu", dtype=rt.bfloat16):
        y = ck.checkpoint(layer, rt.ones(2, 3), use_reentrant=False)
    assert y.dtype == rt.bfloat16
    y.float().sum().backward()
    assert layer.weight.grad.dtype == rt.float32


# ---- hooks


def test_hooks_pack_inputs_and_results():
    packed = []

    def pack(t):
        packed.append(t)
        return t.tolist()

    x = rt.tensor([1.0, 2.0], requires_grad=True)
    with graph.saved_tensors_hooks(pack, rt.tensor):
        y = (x * x).exp().sum()  # x twice, exp its result
    assert len(packed) == 3 and not any(t.requires_grad for t in packed)
    y.backward()
    assert rt.allclose(x.grad, 2 * x.detach() * (x.detach() ** 2).exp())


def test_hooks_keep_history_for_second_derivatives():
    x = rt.tensor([0.3], dtype=rt.float64, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = x.exp() * x.sin()
        (g,) = rt.autograd.grad(y, x, create_graph=True)
        (h,) = rt.autograd.grad(g, x)
    assert h.item() == pytest.approx((2 * x.cos() * x.exp()).item())


def test_hooks_of_a_function_written_in_python():
    class Square(rt.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = rt.tensor([3.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t * 10, lambda t: t / 10):
        y = Square.apply(x)
    y.backward()
    assert x.grad.item() == pytest.approx(6.0)


def test_innermost_hooks_count_and_errors_pass():
    x = rt.ones(1, requires_grad=True)
    seen = []

    def outer(t):
        seen.append("outer")
        return t

    def inner(t):
        seen.append("inner")
        return t

    with graph.saved_tensors_hooks(outer, lambda t: t):
        with graph.saved_tensors_hooks(inner, lambda t: t):
            x.exp()
        x.exp()
    x.exp()
    assert seen == ["inner", "outer"]

    def fails(t):
        raise ZeroDivisionError("no")

    with graph.saved_tensors_hooks(fails, lambda t: t), pytest.raises(ZeroDivisionError):
        x.exp()
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):
        y = x.exp()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        y.backward()
    with graph.saved_tensors_hooks(lambda t: t, fails):
        y = x.exp()
    with pytest.raises(ZeroDivisionError):
        y.backward()


def test_other_tools_of_the_graph():
    x = rt.ones(2, requires_grad=True)
    with graph.save_on_cpu():
        y = x.exp()
    y.sum().backward()
    assert rt.allclose(x.grad, x.detach().exp()) and isinstance(y.grad_fn, graph.Node)
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"):
        with graph.save_on_cpu():
            pass
    z = rt.ones(2, requires_grad=True) * 1
    w = z.exp() * z
    graph.increment_version(z.detach())
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        w.sum().backward()
