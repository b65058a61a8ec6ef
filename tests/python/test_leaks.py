"""Calls leave nothing behind: neither Python objects nor tensors, whether they succeed or fail."""

import gc
import sys
import warnings

import pytest
import test_op_golden as golden

import rustorch as rt


def growth(action, rounds):
    """(Python blocks, tensor bytes) left per call, after a few calls that fill caches."""
    for _ in range(3):
        action()
    gc.collect()
    blocks, memory = sys.getallocatedblocks(), rt.memory_stats()["allocated_bytes"]
    for _ in range(rounds):
        action()
    gc.collect()
    return (sys.getallocatedblocks() - blocks) / rounds, rt.memory_stats()["allocated_bytes"] - memory


def assert_no_growth(action, what):
    """Some blocks are Python's (free lists, caches): with more rounds they weigh less, what leaks does not."""
    for rounds in (8, 60, 300, 600):
        blocks, memory = growth(action, rounds)
        if blocks < 0.5 and memory == 0:
            return
    raise AssertionError(
        f"{what}: {blocks:.2f} Python objects and {memory / rounds:.0f} bytes of tensors stay per call"
    )


NAMES = sorted(set(golden.CALLS) - golden.OPEN)


@pytest.fixture(autouse=True)
def quiet_collector():
    gc.collect()
    gc.disable()
    gc.freeze()  # what is there already need not be looked at again and again
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize("part", range(8))
def test_operators(part):
    """The first recorded call of every operator, with its gradient."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in NAMES[part::8]:
            entry = golden.CALLS[name][0]
            call = golden.resolve(name)
            args, kwargs = golden.READER.get(entry["args"]), golden.READER.get(entry["kwargs"])
            leaves = [t for t in golden.tensors([args, kwargs]) if t.requires_grad]

            def action():
                outs = [t for t in golden.tensors(call(*args, **kwargs)) if t.requires_grad]
                if outs and leaves:
                    rt.autograd.grad(outs, leaves, [rt.ones_like(o) for o in outs], allow_unused=True)

            assert_no_growth(action, name)


def refused(f, *args, **kwargs):
    try:
        f(*args, **kwargs)
    except Exception:  # noqa: BLE001
        return
    raise AssertionError(f"{f} was accepted")


X = rt.ones(2, 3)
BAD = {
    "shapes": lambda: refused(rt.add, X, rt.ones(2, 4)),
    "type of an argument": lambda: refused(rt.add, X, "text"),
    "too many arguments": lambda: refused(rt.relu, X, 1, 2, 3),
    "unknown keyword": lambda: refused(rt.sum, X, dims=[0]),
    "missing argument": lambda: refused(rt.matmul, X),
    "list with a wrong item": lambda: refused(rt.cat, [X, None]),
    "sizes with a wrong item": lambda: refused(rt.zeros, (2, "3")),
    "index": lambda: refused(lambda: X[5]),
    "index of a wrong type": lambda: refused(lambda: X["a"]),
    "assignment": lambda: refused(X.__setitem__, (0, 5), 1.0),
    "nested list with holes": lambda: refused(rt.tensor, [[1, 2], [3]]),
    "item of many": lambda: refused(X.item),
    "dtype": lambda: refused(X.to, "float33"),
    "device": lambda: refused(rt.zeros, 2, device="nowhere"),
    "conversion": lambda: refused(int, X),
    "out": lambda: refused(rt.add, X, X, out=rt.empty(2, 3, dtype=rt.int64)),
    "backward": lambda: refused(X.backward),
    "view": lambda: refused(X.view, 4),
    "einsum": lambda: refused(rt.einsum, "ij,jk->ik", X, X),
    "unpacking": lambda: refused(rt.frombuffer, b"abc", dtype=rt.float32),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_calls(name):
    assert_no_growth(BAD[name], name)


def dlpack():
    rt.from_dlpack(X.__dlpack__())
    X.__dlpack__()  # a capsule that nobody takes


def hooks():
    leaf = rt.ones(3, requires_grad=True)
    y = leaf * 2
    y.register_hook(lambda g: g)
    y.grad_fn.register_hook(lambda a, b: None)
    leaf.register_post_accumulate_grad_hook(lambda t: None)
    y.sum().backward()


class Square(rt.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


def saved_hooks():
    leaf = rt.ones(3, requires_grad=True)
    with rt.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), rt.tensor):
        y = leaf * leaf
    y.sum().backward()


def buffers():
    rt.frombuffer(bytearray(8), dtype=rt.int16)
    numpy = pytest.importorskip("numpy")
    rt.from_numpy(numpy.ones(3)).numpy()
    rt.tensor(numpy.ones((2, 2)))
    X[numpy.array([0, 1])]


def indexing():
    x = rt.zeros(4, 5)
    x[1:3, ::2] = rt.ones(2, 3)
    x[x == 0] = 2
    x[[0, 1], [2, 3]] += 1
    x[..., None][0].tolist(), list(x), x.unbind()


OTHER = {
    "dlpack": dlpack,
    "hooks": hooks,
    "function": lambda: Square.apply(rt.ones(3, requires_grad=True)).sum().backward(),
    "function without backward": lambda: Square.apply(rt.ones(3, requires_grad=True)),
    "saved hooks": saved_hooks,
    "buffers": buffers,
    "indexing": indexing,
    "repr": lambda: (repr(X), str(X.shape), repr(X.dtype), repr(X.device)),
    "vmap and grad": lambda: rt.func.vmap(rt.func.grad(lambda v: (v * v).sum()))(X),
    "jvp": lambda: rt.func.jvp(lambda v: v.sin(), (X,), (X,)),
    "module": lambda: rt.nn.Linear(3, 2)(X).sum().backward(),
    "attributes": lambda: (X.T, X.real, X.grad, X.grad_fn, X.is_leaf, X.data, X.storage_offset(), X.untyped_storage()),
}


@pytest.mark.parametrize("name", OTHER)
def test_other_calls(name):
    assert_no_growth(OTHER[name], name)
