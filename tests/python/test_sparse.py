"""Sparse tensors against PyTorch's answers (tests/golden/sparse_cases.py), and what they refuse."""

import copy
import gc
import io
import json
import math
import pathlib
import pickle
import sys

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import sparse_cases  # noqa: E402

WANTED = json.loads((GOLDEN / "sparse.json").read_text())


def near(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(near(x, y) for x, y in zip(a, b))
    if isinstance(a, float) and isinstance(b, (float, int)):
        return a == b or math.isclose(a, b, rel_tol=2e-6, abs_tol=1e-12)
    return a == b


# PyTorch refuses these; rustorch computes them.
MORE = set(
    """h.t()|c.to_dense(T.float32)|T.indices_copy(c)|T.values_copy(c)
(x.to_sparse().sin().to_dense() * d[:2]).sum() : x""".replace("\n", "|").split("|")
)


@pytest.mark.parametrize("text", WANTED)
def test_case(text):
    if text in MORE:
        return
    ours, wanted = sparse_cases.run(rt, text), WANTED[text]
    if isinstance(wanted, str) and isinstance(ours, str):
        ours = ours.replace("rustorch.", "torch.")
    assert near(ours, wanted), f"got {ours}\nexpected {wanted}"


def coo():
    return rt.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3))


def test_it_is_a_tensor():
    a = coo()
    assert isinstance(a, rt.Tensor) and a.layout is rt.sparse_coo and a.is_sparse and not a.is_sparse_csr
    assert a.shape == (2, 3) and a.dtype is rt.float32 and a.device.type == "cpu" and a.is_leaf
    a.requires_grad_()
    a.to_dense().sum().backward()
    assert a.grad.layout is rt.sparse_coo and a.grad.to_dense().tolist() == [[0, 0, 1], [1, 0, 1]]
    assert a.detach().requires_grad is False and a.data.layout is rt.sparse_coo
    x = rt.ones(3)
    x.data = rt.sparse_coo_tensor([[1]], [2.0], (3,))
    assert x.is_sparse and x.to_dense().tolist() == [0, 2, 0]


@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "sparse_bsc"])
def test_every_operator_takes_or_refuses_sparse_tensors(layout):
    """No crash, no read of memory that is not there: a result, or an error."""
    square = rt.eye(4) * 2
    block = {"blocksize": (2, 2)} if layout == "sparse_bsc" else {}
    skip = {"_fused_sgd_", "_fused_adam_", "_fused_adamw_"}
    for name, function in vars(rt._C.ops).items():
        if name.startswith("__") or name in skip or not callable(function):
            continue
        for rest in ((), (1.5,), (1,), (square,), (0, rt.tensor([1, 0])), ([0],), (square, square), (1, 1)):
            for sparse_at in range(3):
                args = [square.clone(), *rest]
                if sparse_at >= len(args) or (sparse_at and not isinstance(args[sparse_at], rt.Tensor)):
                    continue
                args[sparse_at] = square.to_sparse(layout=getattr(rt, layout), **block)
                try:
                    out = function(*args)
                except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
                    continue
                for t in out if isinstance(out, (tuple, list)) else (out,):
                    str(t)
    gc.collect()


def test_refusals_name_operator_and_layout():
    for call in (rt.exp, lambda t: t.max(), lambda t: t.sort(), lambda t: rt.logsumexp(t, 0)):
        with pytest.raises(NotImplementedError, match=r"sparse_coo"):
            call(coo())
    with pytest.raises(NotImplementedError, match="cumsum.*sparse_csr"):
        coo().to_sparse_csr().cumsum(0)
    with pytest.warns(UserWarning, match="slice by slice"), pytest.raises(rt.errors.RusTorchError):
        rt.vmap(lambda x: x.to_sparse().exp())(rt.eye(3))
    with pytest.raises(TypeError, match="sparse_coo_tensor"):
        rt.zeros(2, 3, layout=rt.sparse_coo)


def test_parts_from_outside_are_checked():
    bad = [
        lambda: rt.sparse_coo_tensor([[0, 5]], [1.0, 2.0], (3,)),
        lambda: rt.sparse_coo_tensor([[0, -1]], [1.0, 2.0], (3,)),
        lambda: rt.sparse_coo_tensor([[1, 0]], [1.0, 2.0], (3,), is_coalesced=True),
        lambda: rt.sparse_csr_tensor([0, 2, 1], [0, 1], [1.0, 2.0], (2, 2)),
        lambda: rt.sparse_csr_tensor([0, 1, 2], [0, 7], [1.0, 2.0], (2, 2)),
        lambda: rt.sparse_csr_tensor([1, 1, 2], [0, 1], [1.0, 2.0], (2, 2)),
        lambda: rt.sparse_csr_tensor([0, 1, 2], [0, 1], [1.0, 2.0], (3, 2)),
        lambda: rt.sparse_bsr_tensor([0, 1], [0], [[[1.0, 2.0]]], (1, 3)),
        lambda: rt.sparse_coo_tensor([[0.5]], [1.0], (3,)),
        lambda: rt.sparse_coo_tensor([[0]], coo(), (3,)),
    ]
    for make in bad:
        with pytest.raises((RuntimeError, IndexError, TypeError)):
            make()
    rt.sparse_csr_tensor([0, 2], [1, 0], [1.0, 2.0], (1, 2))
    with rt.sparse.check_sparse_tensor_invariants(), pytest.raises(RuntimeError, match="sorted and distinct"):
        rt.sparse_csr_tensor([0, 2], [1, 0], [1.0, 2.0], (1, 2))
    assert not rt.sparse.check_sparse_tensor_invariants.is_enabled()


def test_private_calls_check_what_they_take():
    ops, index = rt._C.ops, rt.tensor([[0, 1]])
    bad = [
        lambda: ops._sparse_coo(rt.ones(1, 2), rt.ones(2), (3,)),
        lambda: ops._sparse_coo(index, rt.ones(3), (3,)),
        lambda: ops._sparse_coo(index, rt.ones(2), (3, 3)),
        lambda: ops._sparse_compressed(rt.tensor([0, 1]), index, rt.ones(1), (1, 2)),
        lambda: ops._sparse_compressed(rt.tensor([0, 1]), rt.tensor([0.0]), rt.ones(1), (1, 2)),
        lambda: ops._sparse_with_values(coo(), rt.ones(2)),
        lambda: ops._sparse_coalesce(rt.ones(2)),
        lambda: ops._sparse_mm(rt.ones(2, 2), rt.ones(2, 2)),
        lambda: ops._sparse_sampled(rt.ones(2, 2), rt.ones(2, 2), rt.ones(2, 2)),
    ]
    for call in bad:
        with pytest.raises(RuntimeError):
            call()


def test_indices_that_were_written_to_are_refused_by_products():
    a = coo()
    a._indices()[1, 0] = 1000
    a.sparse_mask(coo())  # whatever it gives, it reads no memory of others
    for use in (lambda: a @ rt.ones(3, 2), lambda: a.to_dense(), lambda: a.coalesce().t() @ rt.ones(2, 2)):
        with pytest.raises((RuntimeError, IndexError)):
            use()
    b = coo().to_sparse_csr()
    b.crow_indices()[1] = -40
    b.col_indices()[0] = 77
    for use in (lambda: b @ rt.ones(3, 2), lambda: b.to_dense(), lambda: b.t().to_dense(), lambda: b @ b.t()):
        with pytest.raises((RuntimeError, IndexError)):
            use()


def test_values_are_shared_and_clones_are_not():
    a = coo().coalesce()
    b, c = a.detach(), a.clone()
    a.values().mul_(2)
    assert b.to_dense().sum() == 24 and c.to_dense().sum() == 12
    version = a._version
    a.mul_(0.5)
    assert a._version > version and b.to_dense().sum() == 12
    a.zero_()
    assert a._nnz() == 0 and a.to_dense().sum() == 0


def test_gradients_accumulate_in_any_mix():
    weight = rt.zeros(5, 2, requires_grad=True)

    def sparse():
        rt.nn.functional.embedding(rt.tensor([1, 3, 1]), weight, sparse=True).sum().backward()

    def dense():
        (weight * 2).sum().backward()

    sparse()
    assert weight.grad.is_sparse and weight.grad._nnz() == 3
    sparse()
    assert weight.grad.is_sparse and weight.grad.to_dense()[:, 0].tolist() == [0, 4, 0, 2, 0]
    dense()
    assert not weight.grad.is_sparse and weight.grad[:, 1].tolist() == [2, 6, 2, 4, 2]
    sparse()
    assert not weight.grad.is_sparse and weight.grad[:, 1].tolist() == [2, 8, 2, 5, 2]
    weight.grad = None
    # Both kinds within one graph.
    (
        rt.nn.functional.embedding(rt.tensor([0]), weight, sparse=True).sum() + (weight * weight).sum() + weight.sum()
    ).backward()
    assert weight.grad[:, 0].tolist() == [2, 1, 1, 1, 1]
    # A sparse gradient that goes on through dense operators.
    table = rt.ones(4, 2, requires_grad=True)
    rt.nn.functional.embedding(rt.tensor([2, 2]), table * 3, sparse=True).sum().backward()
    assert (table.grad.to_dense() if table.grad.is_sparse else table.grad)[:, 0].tolist() == [0, 0, 6, 0]


def test_embedding_and_bag():
    for make in (rt.nn.Embedding, rt.nn.EmbeddingBag):
        rt.manual_seed(0)
        sparse, dense = make(6, 3, sparse=True), make(6, 3)
        dense.load_state_dict(sparse.state_dict())
        index = rt.tensor([[1, 4], [4, 0]])
        for module in (sparse, dense):
            (module(index) ** 2).sum().backward()
        assert sparse.weight.grad.is_sparse
        assert rt.allclose(sparse.weight.grad.to_dense(), dense.weight.grad)
    padded = rt.nn.Embedding(6, 3, sparse=True, padding_idx=4)
    padded(index).sum().backward()
    assert padded.weight.grad.coalesce().indices().tolist() == [[0, 1]]
    with pytest.raises(RuntimeError, match="scale_grad_by_freq"):
        rt.nn.functional.embedding(index, padded.weight, scale_grad_by_freq=True, sparse=True).sum().backward()


@pytest.mark.parametrize(
    "name, options", [("SGD", {}), ("SGD", {"momentum": 0.9}), ("Adagrad", {}), ("SparseAdam", {})]
)
def test_optimizers_take_sparse_gradients(name, options):
    start = rt.arange(12.0).reshape(6, 2)
    a, b = (rt.nn.Parameter(start.clone()) for _ in range(2))
    one = getattr(rt.optim, name)([a], lr=0.1, **options)
    other = (rt.optim.Adam if name == "SparseAdam" else getattr(rt.optim, name))([b], lr=0.1, **options)
    index = rt.tensor([0, 2, 2, 5])
    for step in range(3):
        for p, optimizer, sparse in ((a, one, True), (b, other, False)):
            optimizer.zero_grad()
            (rt.nn.functional.embedding(index, p, sparse=sparse) ** 2).sum().backward()
            assert p.grad.is_sparse is sparse
            optimizer.step()
    assert rt.allclose(a, b, atol=1e-6)
    assert a[1].tolist() == [2, 3]


def test_other_optimizers_say_that_they_do_not():
    p = rt.nn.Parameter(rt.ones(3, 2))
    p.grad = rt.sparse_coo_tensor([[1]], [[1.0, 1.0]], (3, 2))
    for name in ("Adam", "AdamW", "Adamax", "RMSprop"):
        with pytest.raises(RuntimeError, match="sparse"):
            getattr(rt.optim, name)([p]).step()


@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr"])
def test_save_and_load(layout):
    block = {"blocksize": (1, 3)} if layout == "sparse_bsr" else {}
    a = coo().to_dense().to_sparse(layout=getattr(rt, layout), **block)
    file = io.BytesIO()
    rt.save({"a": a, "again": [a], "dense": rt.ones(2)}, file)
    file.seek(0)
    back = rt.load(file)
    assert back["a"].layout is a.layout and back["a"].to_dense().tolist() == a.to_dense().tolist()
    assert back["again"][0] is back["a"] or back["again"][0].to_dense().tolist() == a.to_dense().tolist()
    if layout == "sparse_coo":
        assert back["a"].is_coalesced()


def test_gradcheck():
    check = rt.sparse.as_sparse_gradcheck(rt.autograd.gradcheck)
    x = rt.tensor([[1.0, 0.0], [2.0, 3.0]], dtype=rt.float64).to_sparse().requires_grad_()
    w = rt.rand(2, 2, dtype=rt.float64, requires_grad=True)
    assert check(lambda s, d: rt.sparse.mm(s, d), (x, w), masked=True)
    assert check(lambda s: s.to_sparse_csr(), (x,), masked=True)
    assert check(lambda s: rt.sparse.softmax(s, 1), (x,), masked=True)
    assert check(lambda s: rt.sparse.mm(s, s), (x,), masked=True)


def test_second_derivatives():
    a = coo().double().coalesce().requires_grad_()
    w = rt.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=rt.float64, requires_grad=True)
    (g,) = rt.autograd.grad((rt.sparse.mm(a, w) ** 2).sum(), w, create_graph=True)
    (h,) = rt.autograd.grad((g**2).sum(), w)
    dense, v = a.detach().to_dense(), w.detach().clone().requires_grad_()
    (g2,) = rt.autograd.grad(((dense @ v) ** 2).sum(), v, create_graph=True)
    (h2,) = rt.autograd.grad((g2**2).sum(), v)
    assert rt.allclose(h, h2)


def test_products_do_not_depend_on_threads():
    rt.manual_seed(1)
    a = (rt.rand(300, 200) < 0.05).to(rt.float32).mul(rt.rand(300, 200)).to_sparse_csr()
    b = rt.rand(200, 33)
    product = equal_on_threads(lambda: a @ b, (1, 2, 5))
    assert rt.allclose(product, a.to_dense() @ b, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64", "int32", "int64"])
def test_products_in_other_dtypes(dtype):
    d = rt.tensor([[1, 0, 2], [0, 0, 3]], dtype=getattr(rt, dtype))
    w = rt.arange(6).reshape(3, 2).to(getattr(rt, dtype))
    for s in (d.to_sparse(), d.to_sparse_csr(), d.to_sparse_csc()):
        assert (s @ w).dtype is d.dtype and (s @ w).tolist() == [[8, 11], [12, 15]]


def test_empty_ones():
    none = rt.sparse_coo_tensor((3, 4))
    assert (none @ rt.ones(4, 2)).tolist() == [[0, 0]] * 3 and (none + none)._nnz() == 0
    assert (none * coo().to_dense().new_zeros(3, 4))._nnz() == 0 and none.t().to_dense().shape == (4, 3)
    assert rt.sparse.softmax(none, 1)._nnz() == 0 and rt.sparse.sum(none) == 0
    assert none.to_sparse_csr().to_dense().shape == (3, 4) and rt.zeros(0, 3).to_sparse().shape == (0, 3)


@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "sparse_csc"])
def test_copies_and_pickles(layout):
    a = coo().to_dense().to_sparse(layout=getattr(rt, layout)).requires_grad_()
    for b in (copy.deepcopy(a), pickle.loads(pickle.dumps(a)), copy.copy(a)):
        assert b.layout is a.layout and b.requires_grad and b.to_dense().tolist() == a.to_dense().tolist()
    assert isinstance(pickle.loads(pickle.dumps(rt.nn.Parameter(a.detach()))), rt.nn.Parameter)


def test_sparse_gradient_of_gather():
    x = rt.rand(4, 3, requires_grad=True)
    for dim, index in ((0, rt.tensor([[0, 1, 0], [3, 1, 2]])), (-1, rt.tensor([[0, 0], [2, 1]]))):
        weight = rt.arange(index.numel(), dtype=rt.float32).reshape(index.shape) + 1
        dense, sparse = (
            rt.autograd.grad((x.gather(dim, index, sparse_grad=s) * weight).sum(), x)[0] for s in (False, True)
        )
        assert sparse.layout is rt.sparse_coo and sparse._nnz() == index.numel() and rt.equal(sparse.to_dense(), dense)
    point = rt.tensor(2.0, requires_grad=True)
    rt.gather(point, 0, rt.tensor([0, 0]), sparse_grad=True).sum().backward()
    assert point.grad.layout is rt.sparse_coo and point.grad._values().tolist() == [1.0, 1.0]
    index = rt.tensor([[0, 1, 0]])
    weight = rt.ones(1, 3, requires_grad=True)
    (g,) = rt.autograd.grad((x.gather(0, index, sparse_grad=True) * weight).sum(), x, create_graph=True)
    (again,) = rt.autograd.grad((g.to_dense() * x.detach()).sum(), weight)
    assert rt.equal(again, x.detach().gather(0, index))
