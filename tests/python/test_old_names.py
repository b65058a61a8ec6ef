"""Functions of the package under old and registry names, and the smaller methods of Tensor."""

import pickle

import pytest

import rustorch as rt
from rustorch.nn import functional as F

X = [[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]]


def test_losses_with_numbers_for_the_reduction():
    a, b = rt.tensor(X), rt.tensor(X).flip(0)
    sign = rt.tensor([1.0, -1.0])
    for number, name in enumerate(("none", "mean", "sum")):
        assert rt.equal(
            rt.cosine_embedding_loss(a, b, sign, 0.1, number), F.cosine_embedding_loss(a, b, sign, 0.1, reduction=name)
        )
        assert rt.equal(
            rt.hinge_embedding_loss(a[:, 0], sign, 1.0, number), F.hinge_embedding_loss(a[:, 0], sign, reduction=name)
        )
        assert rt.equal(rt.margin_ranking_loss(a[:, 0], b[:, 0], sign, 0.5, number),
                        F.margin_ranking_loss(a[:, 0], b[:, 0], sign, 0.5, reduction=name))  # fmt: skip
        assert rt.equal(
            rt.poisson_nll_loss(a, b.abs(), True, False, 1e-8, number), F.poisson_nll_loss(a, b.abs(), reduction=name)
        )
        assert rt.equal(
            rt.triplet_margin_loss(a, b, -a, reduction=number), F.triplet_margin_loss(a, b, -a, reduction=name)
        )


def test_windows():
    assert rt.hann_window(4).tolist() == pytest.approx([0.0, 0.5, 1.0, 0.5], abs=1e-6)
    assert rt.hamming_window(4, False, 0.6, 0.4).tolist() == pytest.approx([0.2, 0.8, 0.8, 0.2], abs=1e-6)
    assert rt.bartlett_window(3, False, dtype=rt.float16).dtype == rt.float16
    assert rt.blackman_window(1).tolist() == [1.0] and rt.kaiser_window(0).numel() == 0
    with pytest.raises(RuntimeError, match="hann_window requires non-negative window_length, got window_length=-1"):
        rt.hann_window(-1)
    with pytest.raises(RuntimeError, match="expects floating point dtypes"):
        rt.kaiser_window(3, dtype=rt.int64)


def test_embedding_bag():
    weight = rt.arange(12.0).reshape(6, 2)
    indices, offsets = rt.tensor([1, 2, 4, 5, 3]), rt.tensor([0, 2, 2])
    out, bag, sizes, _ = rt.embedding_bag(weight, indices, offsets)
    assert out.tolist() == [[6.0, 8.0], [0.0, 0.0], [24.0, 27.0]]
    assert bag.tolist() == [0, 0, 2, 2, 2] and sizes.tolist() == [2, 0, 3]
    places = rt.embedding_bag(weight, indices, offsets, mode=2)[3]
    assert places.tolist() == [[2, 2], [0, 0], [5, 5]]
    rt.embedding_renorm_(weight, rt.tensor([5]), 1.0, 2.0)
    assert weight[5].norm().item() == pytest.approx(1.0, abs=1e-3) and weight[4].tolist() == [8.0, 9.0]


def test_norms_and_grids():
    x = rt.tensor(X)
    assert rt.frobenius_norm(x).item() == pytest.approx(x.norm().item())
    assert rt.allclose(rt.frobenius_norm(x, 1), x.norm(2, 1)) and rt.allclose(rt.native_norm(x), x.norm())
    assert rt.nuclear_norm(x).item() == pytest.approx(rt.linalg.svdvals(x).sum().item(), rel=1e-5)
    assert rt.pdist(x).shape == (1,)
    theta = rt.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    assert rt.equal(rt.affine_grid_generator(theta, [1, 1, 2, 2], False), F.affine_grid(theta, [1, 1, 2, 2], False))


def test_batch_statistics_are_those_of_batch_norm():
    rt.manual_seed(0)
    x, g = rt.randn(6, 3, 4, dtype=rt.float64), rt.randn(6, 3, 4, dtype=rt.float64)
    weight, bias = rt.rand(3, dtype=rt.float64), rt.rand(3, dtype=rt.float64)
    leaf, w, b = x.clone().requires_grad_(), weight.clone().requires_grad_(), bias.clone().requires_grad_()
    want = F.batch_norm(leaf, None, None, w, b, True)
    want.backward(g)
    # Two parts of four and two samples, joined.
    parts = [rt.batch_norm_stats(p, 1e-5) for p in (x[:4], x[4:])]
    counts = rt.tensor([16.0, 8.0], dtype=rt.float64)
    means, scales = rt.stack([p[0] for p in parts]), rt.stack([p[1] for p in parts])
    running = rt.zeros(3, dtype=rt.float64), rt.ones(3, dtype=rt.float64)
    mean, invstd = rt.batch_norm_gather_stats_with_counts(x, means, scales, *running, 0.1, 1e-5, counts)
    assert rt.allclose(rt.batch_norm_elemt(x, weight, bias, mean, invstd, 1e-5), want.detach())
    dy, dy_xmu, dw, db = rt.batch_norm_backward_reduce(g, x, mean, invstd, weight, True, True, True)
    assert rt.allclose(dw, w.grad) and rt.allclose(db, b.grad)
    dx = rt.batch_norm_backward_elemt(g, x, mean, invstd, weight, dy, dy_xmu, rt.tensor([16, 8]))
    assert rt.allclose(dx, leaf.grad)
    again = rt.zeros(3, dtype=rt.float64), rt.ones(3, dtype=rt.float64)
    rt.batch_norm_update_stats(x, *again, 0.1)
    assert rt.allclose(running[0], again[0]) and rt.allclose(running[1], again[1])


def test_in_place_names_and_dropout():
    x = rt.tensor([0.5])
    assert rt.arccos_(x) is x and x.item() == pytest.approx(1.0471976)
    assert rt.clip_(rt.tensor([5.0]), 0, 1).item() == 1.0 and rt.negative_(rt.tensor([2.0])).item() == -2.0
    assert rt.alpha_dropout_(rt.ones(3), 0.5, False).tolist() == [1.0] * 3
    y = rt.ones(1000)
    rt.feature_dropout_(y.view(10, 100), 0.5, True)
    assert set(y.tolist()) == {0.0, 2.0}
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        rt.alpha_dropout_(rt.ones(3, requires_grad=True), 0.5, True)


def test_control_flow():
    x = rt.tensor(2.0, requires_grad=True)
    y = rt.cond(x > 1, lambda v: v * 3, lambda v: v, (x,))
    y.backward()
    assert x.grad.item() == 3.0
    n, total = rt.while_loop(lambda n, t: n < 4, lambda n, t: (n + 1, t + n), (rt.tensor(0), rt.tensor(0)))
    assert n.item() == 4 and total.item() == 6
    with pytest.raises(RuntimeError, match="single-element tensor"):
        rt.cond(rt.ones(2), lambda: 1, lambda: 2)
    with pytest.raises(RuntimeError, match="same number of elements"):
        rt.while_loop(lambda a: True, lambda a: (a, a), (1,))


def test_real_and_imag_are_views():
    z = rt.tensor([1 + 2j, 3 - 4j])
    assert z.real.tolist() == [1.0, 3.0] and z.imag.tolist() == [2.0, -4.0]
    z.imag = 0
    z.real += 1
    assert z.tolist() == [2 + 0j, 4 + 0j]
    x = rt.ones(2)
    assert rt.equal(x.real, x)
    with pytest.raises((RuntimeError, TypeError), match="imag"):
        x.imag  # noqa: B018


def test_functions_on_elements():
    x = rt.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.apply_(lambda v: v * 10).tolist() == [[10.0, 20.0], [30.0, 40.0]]
    assert x.map_(rt.tensor([1.0, 2.0]), lambda a, b: a + b).tolist() == [[11.0, 22.0], [31.0, 42.0]]
    assert x.map2_(x, x, lambda a, b, c: b - c).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(RuntimeError, match=r"Can't call apply_\(\) on Variable that requires grad"):
        rt.ones(1, requires_grad=True).apply_(lambda v: v)


def test_questions_about_tensors():
    x = rt.ones(2, 3, 4, 5)
    assert x.dim_order() == (0, 1, 2, 3) and x.contiguous(memory_format=rt.channels_last).dim_order() == (0, 2, 3, 1)
    assert x.is_cpu and not x.is_meta and not x.is_xla and x.dense_dim() == 4 and x.sparse_dim() == 0
    assert x.to_dense() is x and x.double().dequantize().dtype == rt.float32
    assert x.const_data_ptr() == x.data_ptr() and not hasattr(x, "__cuda_array_interface__")
    assert not rt.is_neg(x) and rt.is_same_size(x, x) and rt.get_device(x) == -1
    for old in ("eig", "symeig", "lstsq", "solve"):
        with pytest.raises(RuntimeError, match="now removed"):
            getattr(x, old)()
        with pytest.raises(RuntimeError, match="now removed"):
            getattr(rt, old)(x)


def test_a_pickled_tensor_keeps_its_attributes():
    x = rt.ones(2)
    x.note = "kept"
    y = pickle.loads(pickle.dumps(x))
    assert y.note == "kept" and y.tolist() == [1.0, 1.0]
