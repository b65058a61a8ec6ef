"""More of what random programs found (tests/differential/random_programs.py), each with the answer that PyTorch gives."""

import math

import pytest

import rustorch as rt

F = rt.nn.functional


def leaf(*numbers, **options):
    return rt.tensor(numbers, requires_grad=True, **{"dtype": rt.float64} | options)


def test_isin_finds_numbers_beside_nan():
    nan, inf = math.nan, math.inf
    numbers = [float(i % 7) if i % 3 else nan for i in range(60)]
    among = rt.tensor(numbers + [inf])
    wanted = [x == x for x in numbers]
    assert rt.isin(rt.tensor(numbers), among).tolist() == wanted
    assert rt.isin(rt.tensor(numbers), among, invert=True).tolist() == [not x for x in wanted]
    asked = rt.tensor([nan, inf, -inf, 9.0, 0.0])
    assert rt.isin(asked, among).tolist() == [False, True, False, False, True]
    assert rt.isin(asked, among[:-1]).tolist() == [False, False, False, False, True]
    assert rt.isin(asked, rt.full((20,), nan)).tolist() == [False] * 5
    assert rt.isin(rt.tensor([3, 9]), rt.arange(20) % 5).tolist() == [True, False]


def test_a_complex_number_beyond_int64_is_no_int():
    for value in (math.inf, -math.inf, math.nan, 1e300, complex(1, 2)):
        with pytest.raises(RuntimeError, match="without overflow"):
            int(rt.tensor(complex(value)))
    assert int(rt.tensor(complex(-3.75, 0))) == -3
    assert int(rt.tensor(complex(2.0**62, 0), dtype=rt.complex128)) == 2**62


def test_second_gradients_of_elu_and_selu_are_as_precise_as_their_dtype():
    x = leaf(0.25, -0.5, 0.0)
    for function, slope in ((F.selu, 1.0507009873554804934193349852946), (lambda t: F.elu(t, 0.3), 1.0)):
        (g,) = rt.autograd.grad((function(x) * x).sum(), x, create_graph=True)
        assert g[0].item() == pytest.approx(2 * slope * 0.25, rel=1e-15)
        (h,) = rt.autograd.grad(g.sum(), x)
        assert h[0].item() == pytest.approx(2 * slope, rel=1e-15)
        assert rt.autograd.gradgradcheck(function, (leaf(0.25, -0.5, 1.5),))


def test_operands_without_a_derivative_get_none():
    b = leaf(0.0, 1.0, 5.0, -1.0, dtype=rt.bfloat16)
    for a in (rt.tensor([0, 1, 2, 3]), rt.tensor([0.0, 1.0, 2.0, 3.0], dtype=rt.bfloat16)):
        (g,) = rt.autograd.grad((rt.nextafter(a, b) * 3).sum(), b)
        assert g.dtype == rt.bfloat16 and g.tolist() == [0, 0, 0, 0]
    a = rt.tensor([0.0, 1.0, 2.0, 3.0], dtype=rt.bfloat16, requires_grad=True)
    assert [g.tolist() for g in rt.autograd.grad(rt.nextafter(a, b).sum(), (a, b))] == [[0, 0, 1, 1], [0, 0, 0, 0]]


def gradients(function, *operands, g=1.0):
    result = function(*operands)
    return [x.tolist() for x in rt.autograd.grad(result, operands, rt.full_like(result, g), allow_unused=True)]


def same(found, wanted):
    assert [str(x) for x in found] == [str(float(x)) for x in wanted]


def test_gradients_of_formulas_at_their_edges():
    nan, inf = math.nan, math.inf
    same(gradients(rt.sinc, leaf(0.0, 2.0), g=nan)[0], [0, nan])
    same(gradients(rt.logit, leaf(-0.5, 0.0, 0.5, 1.0, 2.0))[0], [nan, inf, 4, inf, nan])
    assert rt.autograd.gradgradcheck(rt.logit, (leaf(0.25, 0.75),))
    same(gradients(rt.special.xlog1py, leaf(2.0, 0.0, 2.0), leaf(-1.0, -3.0, 1.0), g=0.0)[0], [0, 0, 0])
    for loss in (F.huber_loss, F.smooth_l1_loss):
        x, y = gradients(
            lambda a, b: loss(a, b, reduction="none"), leaf(nan, 1.0, 0.25, -3.0), leaf(1.0, nan, 0.0, 0.0)
        )
        same(x, [nan, nan, 0.25, -1])
        same(y, [nan, nan, -0.25, 1])


def test_margins_of_nan_count_as_none():
    nan = math.nan
    x = rt.tensor([[nan, 1.0, 2.0], [0.0, nan, 1.0], [0.0, 2.0, 1.0]], requires_grad=True)
    loss = F.multi_margin_loss(x, rt.tensor([1, 1, 1]), reduction="none")
    same([round(v, 4) for v in loss.tolist()], [0.6667, 0, 0])
    (g,) = rt.autograd.grad(loss.sum(), x)
    assert g[0].tolist() == pytest.approx([0, -1 / 3, 1 / 3]) and g[1:].abs().sum().item() == 0
    loss = F.multilabel_margin_loss(x[:2], rt.tensor([[0, -1, -1], [0, 1, -1]]), reduction="none")
    same([round(v, 4) for v in loss.tolist()], [0, 0.6667])


def test_losses_of_integers():
    a, b = rt.tensor([0, 1, 3]), rt.tensor([1, 0, 1])
    with pytest.raises(NotImplementedError, match="\"huber_cpu\" not implemented for 'Long'"):
        F.huber_loss(a, b, reduction="sum")
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        F.huber_loss(a, b.float())
    assert F.huber_loss(a.float(), b, reduction="none").tolist() == [0.5, 0.5, 1.5]
    with pytest.raises(RuntimeError, match="Integral inputs not supported"):
        F.kl_div(a, b.float())
    found = F.hinge_embedding_loss(a, rt.tensor([1, -1, -1]), margin=1.5, reduction="none")
    assert found.dtype == rt.int64 and found.tolist() == [0, 0, 0]


def test_einsum_without_a_sum_multiplies():
    a, b = rt.tensor([True, False, True]), rt.tensor([True, True])
    found = rt.einsum("i,j->ij", a, b)
    assert found.dtype == rt.bool and found.tolist() == [[True, True], [False, False], [True, True]]
    x, y = rt.tensor([[1.0], [2.0]]), rt.tensor([[3], [4], [5]])
    assert rt.einsum("ik,jk->ij", x, y).tolist() == [[3, 4, 5], [6, 8, 10]]
    p, q = rt.tensor([[1.0, 2.0], [3.0, 4.0]]), rt.tensor([[5.0], [6.0]])
    assert rt.einsum("bi,bj->bij", p, q).tolist() == [[[5], [10]], [[18], [24]]]
    u, v = leaf(1.0, 2.0, 3.0), leaf(4.0, 5.0)
    gradients_of = rt.autograd.grad((rt.einsum("i,j->ij", u, v) ** 2).sum(), (u, v))
    assert [g.tolist() for g in gradients_of] == [[82, 164, 246], [112, 140]]


def test_a_sum_to_no_dimensions_is_a_copy():
    x = rt.tensor(2.0)
    x.sum_to_size(()).zero_()
    assert x.item() == 2
    assert rt.tensor(True).sum_to_size(()).dtype == rt.int64
    y = rt.ones(2)
    y.sum_to_size(2).zero_()
    assert y.tolist() == [0, 0]


def test_antialiased_images_read_what_they_weigh():
    x = rt.tensor([1.0, math.nan]).reshape(1, 1, 2, 1)
    found = F.interpolate(x, size=(3, 1), mode="bilinear", antialias=True).reshape(-1).tolist()
    assert found[0] == 1 and all(math.isnan(v) for v in found[1:])


def second_gradient(function, *numbers):
    x = leaf(*numbers)
    first = rt.autograd.grad(function(x).sum(), x, create_graph=True)[0]
    return first.tolist(), rt.autograd.grad(first.sum(), x)[0].tolist()


def test_second_gradients_at_points_that_their_formulas_avoid():
    assert second_gradient(rt.special.bessel_j1, 0.0) == ([0.5], [0.0])
    assert rt.autograd.grad(rt.special.bessel_y1(x := leaf(0.0)).sum(), x)[0].tolist() == [math.inf]
    for function in (F.elu, lambda x: F.celu(x, 0.7), F.selu):
        first, second = second_gradient(function, math.inf, -math.inf)
        assert first[1] == 0 and second == [0.0, 0.0]


def test_antialiased_images_of_a_size_that_they_have():
    places = rt.arange(6).reshape(1, 1, 3, 2)
    for dtype in (rt.int16, rt.int64, rt.bool, rt.complex64):
        for mode in ("bilinear", "bicubic"):
            whole = F.interpolate(places.to(dtype), size=(3, 2), mode=mode, antialias=True)
            assert whole.dtype == dtype and whole.equal(places.to(dtype))
    with pytest.raises(NotImplementedError):
        F.interpolate(places, size=(3, 1), mode="bilinear", antialias=True)
    square = (rt.arange(12.0, dtype=rt.float64) ** 2).reshape(1, 1, 4, 3)
    for align in (False, True):
        found = F.interpolate(square, scale_factor=(1.2, 1.0), mode="bilinear", antialias=True, align_corners=align)
        assert found.equal(square)
    hole = rt.arange(18.0).reshape(1, 1, 3, 6)
    hole[0, 0, 1, 0] = math.nan
    found = F.interpolate(hole, size=(3, 2), mode="bilinear", antialias=True).reshape(-1)
    assert found.isnan().tolist() == [False, False, True, False, False, False]
    assert found[[0, 1, 3, 4, 5]].tolist() == pytest.approx([1.25, 3.75, 9.75, 13.25, 15.75])


def test_antialiased_images_read_windows_with_the_ends_of_weight_zero():
    for place, wanted in ((0, "n.."), (3, "nn."), (4, "nn."), (7, ".nn"), (8, "..n")):
        x = rt.zeros(1, 1, 9, 2)
        x[0, 0, place] = math.nan
        found = F.interpolate(x, size=(3, 3), mode="bilinear", antialias=True)[0, 0, :, 0]
        assert "".join("n" if v else "." for v in found.isnan().tolist()) == wanted


def test_a_score_of_nan_stays_behind_a_mask_of_bools():
    x = rt.tensor([[1.0, 2.0], [math.nan, 0.5], [0.5, 1.0]]).reshape(1, 1, 3, 2)
    for mask in (rt.eye(3).bool(), rt.ones(3, 3, dtype=rt.bool).tril()):
        assert F.scaled_dot_product_attention(x, x, x, attn_mask=mask).isnan().all()
    x = rt.nan_to_num(x)
    hidden = rt.tensor([[0.0, 0.0, 0.0], [-math.inf] * 3, [-math.inf, 0.0, 0.0]])
    wanted = F.scaled_dot_product_attention(x, x, x, attn_mask=hidden == 0)
    assert wanted[0, 0, 1].tolist() == [0.0, 0.0]
    assert F.scaled_dot_product_attention(x, x, x, attn_mask=hidden).equal(wanted)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 2)])
def test_a_weight_of_nan_reaches_its_class_only(shape):
    x = (rt.arange(float(math.prod(shape))) * 0.7).sin().reshape(shape).requires_grad_()
    target = rt.tensor([1, 2]) if len(shape) == 2 else rt.tensor([[1, 2], [2, 1]])
    weight = rt.tensor([math.nan, 0.5, 2.0])
    F.cross_entropy(x, target, weight, reduction="none").sum().backward()
    wanted, x.grad = x.grad, None
    F.cross_entropy(x, target, rt.tensor([0.0, 0.5, 2.0]), reduction="none").sum().backward()
    assert wanted.equal(x.grad)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 3, 2)])
def test_the_mean_of_no_losses_is_nan(shape):
    x = rt.zeros(shape)
    assert F.cross_entropy(x, x).isnan()
    assert F.cross_entropy(x, x, reduction="sum") == 0


@pytest.mark.parametrize(
    ("rows", "best", "gradient"),
    [
        ([0, 1, 2, 3], [2.0, None], [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),
        ([1, 0, 3, 2], [2.0, 3.0], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
        ([2, 2], [None, 3.0], [[0.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
    ],
)
def test_the_largest_of_a_bag_with_nan(rows, best, gradient):
    nan = math.nan
    weight = rt.tensor([[1.0, nan], [2.0, 1.0], [nan, 3.0], [0.0, nan]], requires_grad=True)
    found = F.embedding_bag(rt.tensor(rows), weight, rt.tensor([0]), mode="max")
    assert [None if math.isnan(v) else v for v in found[0].tolist()] == best
    found.nan_to_num().sum().backward()
    assert weight.grad.tolist() == gradient


def test_products_of_no_bools_are_false():
    no = lambda *shape: rt.ones(shape, dtype=rt.bool)
    found = [no(2, 0) @ no(0, 3), rt.bmm(no(1, 2, 0), no(1, 0, 3)), no(2, 0) @ no(0), rt.inner(no(2, 0), no(3, 0))]
    found += [F.linear(no(2, 0), no(3, 0)), rt.einsum("ij,ij->i", no(3, 0), no(3, 0))]
    assert [tuple(x.shape) for x in found] == [(2, 3), (1, 2, 3), (2,), (2, 3), (2, 3), (3,)]
    assert all(x.dtype == rt.bool and not x.any() for x in found)
    assert (no(0, 2) @ no(2, 3)).shape == (0, 3)
    assert rt.addmv(no(2), no(2, 0), no(0)).tolist() == [True, True]
    for refused in (lambda: no(2, 2) @ no(2, 2), lambda: rt.addmm(no(2, 3), no(2, 0), no(0, 3)), lambda: no(0) @ no(0)):
        with pytest.raises(NotImplementedError):
            refused()


def test_sums_into_a_complex_result_are_complex_sums():
    x = rt.tensor([60000.0, 60000.0, 1.0], dtype=rt.float16)  # beyond float16 together
    into = lambda f: f(x, 0, out=rt.empty(0, dtype=rt.complex64)).tolist()
    assert into(rt.sum) == 120001
    assert into(rt.cumsum) == [60000, 120000, 120001]
    assert into(rt.prod) == 3.6e9
    assert into(rt.cumprod) == [60000, 3.6e9, 3.6e9]
    assert abs(into(rt.mean) - 40000.333) < 0.01


def test_a_deviation_whose_square_is_beyond_float32():
    x = rt.tensor([[1e20, -1e20], [2.0, 4.0]])
    assert rt.allclose(x.std(1), rt.tensor([1.4142135e20, 1.4142135]))
    assert rt.std_mean(x[0])[0].item() == x[0].std().item() == pytest.approx(1.4142135e20)
    assert x.var(1).tolist()[0] == math.inf
    assert math.isnan(rt.tensor([1.0, math.inf]).std())


def test_cosines_of_long_half_precision_vectors():
    x = rt.full((2, 3), 300.0, dtype=rt.float16)
    assert rt.allclose(F.cosine_similarity(x, x), rt.ones(2, dtype=rt.float16), atol=2e-3)


def test_what_is_written_by_index_out_of_place_is_contiguous():
    x, i, rows = rt.arange(12.0).reshape(3, 4).t(), rt.tensor([0]), rt.ones(1, 3)
    at = rt.zeros((1, 3), dtype=rt.int64)
    for y in (
        x.index_add(0, i, rows),
        x.index_copy(0, i, rows),
        x.index_reduce(0, i, rows, "amax"),
        x.scatter(0, at, rows),
    ):
        assert y.stride() == (3, 1)
    assert x.scatter_add(0, at, rows).stride() == x.scatter_reduce(0, at, rows, "amax").stride() == (3, 1)
    assert x.index_fill(0, i, 1.0).stride() == (1, 4)


def test_taps_of_bytes_that_meet_at_an_edge_are_rounded_once():
    x = rt.tensor([[[[0, 3, 2, 6], [5, 0, 3, 2], [4, 4, 6, 0], [2, 4, 1, 1]]]], dtype=rt.uint8)
    found = F.interpolate(x, size=(3, 4), mode="bicubic")
    assert found.tolist() == [[[[1, 2, 2, 5], [5, 2, 5, 1], [2, 4, 2, 1]]]]


def test_gradients_of_distances_between_near_rows_keep_their_digits():
    rt.manual_seed(0)
    a = rt.randn(6, 3, dtype=rt.float64)
    b = a[:4] + 1e-3 * rt.randn(4, 3, dtype=rt.float64)
    w = rt.randn(6, 4, dtype=rt.float64)

    def gradients(dtype):
        x, y = (t.to(dtype).requires_grad_() for t in (a.float(), b.float()))
        g = rt.autograd.grad((rt.cdist(x, y).sin() * w.to(dtype)).sum(), [x, y], create_graph=True)
        return [*g, *rt.autograd.grad(sum((t * t).sum() for t in g), [x, y])]

    for found, exact in zip(gradients(rt.float32), gradients(rt.float64)):
        assert (found - exact).abs().max() < 5e-6 * exact.abs().max()


def test_a_complex_view_outlives_a_change_of_shape_of_its_base():
    x = rt.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=rt.float64, requires_grad=True)
    c = rt.tensor([5.0], dtype=rt.float64, requires_grad=True)
    base = x * 1
    z = rt.view_as_complex(base)
    base.transpose_(0, 1)  # [[1, 3], [2, 4]], of which no view_as_complex can be made
    with pytest.raises(RuntimeError, match="stride 1"):
        rt.view_as_complex(base)
    z[:1] = c
    assert z.tolist() == [5, 3 + 4j] and base.tolist() == [[5, 3], [0, 4]]
    weights = rt.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=rt.float64)
    found = rt.autograd.grad((base * base * weights).sum() + (z * z.conj()).real.sum(), [x, c])
    assert found[0].tolist() == [[0, 0], [2 * 3 * (2 + 1), 2 * 4 * (4 + 1)]]
    assert found[1].tolist() == [2 * 5 * (1 + 1)]


def test_what_is_discrete_does_not_ask_for_the_history_of_a_stale_view():
    def stale():
        base = rt.tensor([[3.0, 1.0], [2.0, 2.0]], requires_grad=True) * 1
        part = base.split(1, 1)[0]
        base.reshape(-1)[:1].squeeze().add_(1)
        return part

    with pytest.raises(RuntimeError, match="multiple views"):
        stale().grad_fn
    assert rt.isin(stale(), rt.tensor([4.0])).tolist() == [[True], [False]]
    assert rt.isin(stale(), rt.arange(17.0).reshape(17, 1)).all()
    assert stale().long().tolist() == [[4], [2]] and not stale().to(rt.bool).requires_grad
    assert rt.allclose(stale(), rt.tensor([[4.0], [2.0]]))
    assert repr(stale()).endswith("grad_fn=<Invalid>)")


def test_one_to_the_power_of_complex_nan_is_one():
    z = rt.tensor([complex(float("nan"), 1), 2 + 1j], requires_grad=True)
    for one in (1, 1.0, 1 + 0j):
        result = rt.pow(one, z)
        assert result.tolist() == [1, 1]
        (gradient,) = rt.autograd.grad(result.real.sum(), z)
        assert gradient.tolist() == [0, 0]
    assert rt.pow(1 + 0j, z.real).tolist() == [1, 1]
    assert rt.isnan(rt.pow(True, z)).tolist() == [True, False]


def test_cosine_similarity_near_zero_and_far_from_it():
    zeros = rt.zeros(1, 3, dtype=rt.float64, requires_grad=True)
    (gradient,) = rt.autograd.grad(F.cosine_similarity(zeros, rt.ones(1, 3, dtype=rt.float64)), zeros)
    assert rt.allclose(gradient, rt.full((1, 3), 1e8 / 3**0.5, dtype=rt.float64))
    x = rt.tensor([[3e106, 4e106]], dtype=rt.float64, requires_grad=True)  # their norm to the third is no number
    (gradient,) = rt.autograd.grad(F.cosine_similarity(x, x.detach()), x, create_graph=True)
    (second,) = rt.autograd.grad(gradient.sum() * 1e106, x)
    assert rt.isfinite(second).all()
    with pytest.raises(RuntimeError, match="floating point, yet common dtype is complex64"):
        F.cosine_similarity(rt.ones(1, 2), rt.ones(1, 2, dtype=rt.complex64))


def test_norms_of_one_element_take_no_powers():
    x = rt.tensor([[1.5e308, -3.0]], dtype=rt.float64, requires_grad=True)
    for p in (2, 3, 0.5, math.inf):
        assert rt.linalg.vector_norm(x, p, 0).tolist() == [1.5e308, 3.0]
    assert rt.linalg.vector_norm(x, 0, 0).tolist() == [1.0, 1.0]
    assert x[0, :1].norm().item() == rt.dist(x[0, :1], rt.zeros(1, dtype=rt.float64)).item() == 1.5e308
    assert rt.linalg.vector_norm(x, 2, 0, keepdim=True).shape == (1, 2)
    assert rt.linalg.vector_norm(x[:, 1:].float(), 2, 0, dtype=rt.float64).dtype == rt.float64
    assert rt.linalg.vector_norm(rt.tensor(3 + 4j), 2).item() == 5.0
    (gradient,) = rt.autograd.grad(rt.linalg.vector_norm(x, 2, 0).sum(), x)
    assert gradient.tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize("dtype", [rt.float16, rt.bfloat16])
def test_short_floats_meet_numbers_rounded_as_they_are(dtype):
    x = rt.tensor([0.3, 0.31, 1.0, 256.0], dtype=dtype)
    near = x[:1].item()  # not 0.3
    assert near != 0.3
    assert (x == 0.3).tolist() == [True, False, False, False]
    assert not (x > 0.3)[0] and (x >= 0.3)[0] and (rt.tensor(0.3) == x)[0]
    assert rt.equal(x - 0.3, x - near) and rt.equal(rt.add(x, x, alpha=0.3), rt.add(x, x, alpha=near))
    assert rt.equal(x.clone().add_(0.3), x + near) and rt.equal(rt.fmod(x, 0.3), rt.fmod(x, near))
    assert rt.equal(0.3**x, near**x) and rt.equal(x**0.3, x**near)
    many = rt.arange(1.0, 200.0).to(dtype) / 7
    for product in (lambda t, s: t * s, lambda t, s: t / s, lambda t, s: s * t):  # these take them as they are
        assert rt.equal(product(many, 0.3), product(many.float(), 0.3).to(dtype))
        assert not rt.equal(product(many, 0.3), product(many, near))
    big = rt.tensor(1e30, dtype=rt.bfloat16)
    assert rt.isinf(x.half() + big).all() and (x.half() < big).all()  # a bfloat16 that float16 cannot hold
    for product in (lambda t, s: t * s, lambda t, s: t / s):  # nor are 0-d tensors in products
        for number in (rt.tensor(4099), rt.tensor(0.3)):
            assert rt.equal(product(many, number), product(many.float(), number.item()).to(dtype))
    if dtype == rt.bfloat16:
        assert (x == 257)[3] and rt.equal(rt.maximum(x, rt.tensor(257.0)), rt.full_like(x, 256.0))
    for shrink in (F.softshrink, F.hardshrink):
        leaf = x.clone().requires_grad_()
        y = shrink(leaf, 0.3)
        y.sum().backward()
        assert y[0] == 0 and leaf.grad.tolist() == [0, 1, 1, 1]
    leaf = x.clone().requires_grad_()
    leaf.clamp_min(0.3).sum().backward()
    assert leaf.grad.tolist() == [0, 1, 1, 1]


def test_channels_last_of_nothing():
    for shape, strides in (((4, 3, 2, 0), (0, 1, 0, 3)), ((4, 0, 2, 2), (0, 1, 0, 0)), ((0, 3, 2, 2), (12, 1, 6, 3))):
        t = rt.zeros(shape).contiguous(memory_format=rt.channels_last)
        assert t.stride() == strides and t.is_contiguous(memory_format=rt.channels_last)
        assert t.contiguous(memory_format=rt.channels_last) is t
        assert rt.empty(shape, memory_format=rt.channels_last).stride() == strides


def test_gather_from_nothing_refuses():
    for shape, dim, index in (((0,), 0, (1,)), ((2, 0), 1, (2, 17)), ((0, 3), 0, (1, 3)), ((3, 0), 1, (3, 1))):
        with pytest.raises(RuntimeError, match=f"index 0 is out of bounds for dimension {dim} with size 0"):
            rt.gather(rt.zeros(shape), dim, rt.zeros(index, dtype=rt.int64))
    assert rt.gather(rt.zeros(0), 0, rt.zeros(0, dtype=rt.int64)).shape == (0,)


def test_angle_of_infinities():
    for dtype in (rt.float16, rt.bfloat16, rt.float32, rt.float64):
        x = rt.tensor([float("inf"), -float("inf"), 0.0, -0.0, float("nan")], dtype=dtype).requires_grad_()
        assert rt.equal(rt.angle(x)[:4], rt.tensor([0.0, math.pi, 0.0, 0.0], dtype=dtype)) and rt.angle(x)[4].isnan()
        assert rt.equal(rt.autograd.grad(rt.angle(x).sum(), x)[0], rt.zeros(5, dtype=dtype))


@pytest.mark.parametrize("dtype", [rt.float16, rt.bfloat16])
def test_decimals_of_16_bit_floats_are_rounded_once(dtype):
    x = (rt.randn(2000) * 50).to(dtype)
    for decimals in (1, 2, 4, -1, -2):
        expected = rt.round(x.float(), decimals=decimals).to(dtype)
        assert rt.equal(rt.round(x, decimals=decimals), expected)
        assert rt.equal(x.clone().round_(decimals=decimals), expected)
    assert rt.round(rt.tensor(0.8671875, dtype=dtype), decimals=2) == rt.tensor(0.87, dtype=dtype)


@pytest.mark.parametrize("dtype", [rt.complex64, rt.complex128])
def test_complex_functions_at_zero_and_infinity(dtype):
    """A real factor scales the parts: as a complex number with an imaginary part of 0 it would give inf * 0."""
    inf, zero = float("inf"), rt.zeros(1, dtype=dtype)
    for f in (rt.log2, rt.log10, rt.log):
        assert f(zero).item() == complex(-inf, 0)
        z = f(rt.tensor([complex(0, inf)], dtype=dtype)).item()
        assert z.real == inf and 0 < z.imag < 3
    assert rt.exp2(rt.tensor([complex(inf, 0)], dtype=dtype)).item() == complex(inf, 0)
    z = rt.sgn(rt.tensor([complex(0, inf)], dtype=dtype)).item()
    assert z.real == 0 and math.isnan(z.imag)
    assert math.copysign(1, rt.sgn(-zero).item().real) == 1
    below = rt.complex(rt.tensor([-2.0]), rt.tensor([-0.0])).to(dtype)
    assert rt.log1p(below).item().imag == pytest.approx(-math.pi)  # below the cut


def test_logaddexp2_of_numbers_far_apart():
    for dtype, tolerance in ((rt.float32, 1e-6), (rt.float64, 1e-14)):
        x, y = rt.tensor([0.0, 0.0, -1.0], dtype=dtype), rt.tensor([-100.0, -30.0, -1.0], dtype=dtype)
        expected = [2.0**-100 / math.log(2), math.log1p(2.0**-30) / math.log(2), 0.0]
        assert rt.logaddexp2(x, y).tolist() == pytest.approx(expected, rel=tolerance, abs=0)


@pytest.mark.parametrize("dtype, tolerance", [(rt.float32, 1e-6), (rt.float64, 1e-14), (rt.bfloat16, 4e-3)])
def test_cross_entropy_of_large_logits(dtype, tolerance):
    x = rt.tensor([[1e6, 1e6, -3e6], [1e38, 1e38, -3e38], [3e4, 2e4, 3e4]], dtype=dtype)
    loss = F.cross_entropy(x, rt.tensor([0, 1, 2]), reduction="none")
    assert loss.tolist() == pytest.approx([math.log(2)] * 3, rel=tolerance)


def test_gradients_of_clamp_with_tensors():
    """As PyTorch's: (self, lower, upper) to the gradients of them."""
    nan = math.nan
    cases = {
        (-1, 0, 2): (0, 1, 0), (0, 0, 2): (0.5, 0.5, 0), (1, 0, 2): (1, 0, 0), (2, 0, 2): (0.5, 0, 0.5), (3, 0, 2): (0, 0, 1),
        (1, 2, 0): (0, 0, 1), (0, 1, 1): (0, 1, 0), (1, 1, 1): (1, 0, 0), (2, 1, 1): (0, 0, 1), (nan, 0, 2): (1, 0, 0),
        (nan, 2, 0): (1, 0, 1), (0, nan, 0): (1, 0, 0), (3, nan, 2): (0, 0, 0), (-1, 0, nan): (0, 0, 0), (2, 2, nan): (1, 0, 0),
        (1, nan, nan): (1, 0, 0),
    }  # fmt: skip
    inputs = [rt.tensor([float(c[i]) for c in cases], requires_grad=True) for i in range(3)]
    grads = rt.autograd.grad(rt.clamp(*inputs).sum(), inputs)
    assert [tuple(g[i].item() for g in grads) for i in range(len(cases))] == list(cases.values())


def test_norms_of_negative_powers_and_negative_zeros():
    for p in (-1, -2, -3, -0.5):
        assert str(rt.linalg.vector_norm(rt.tensor([-0.0, 0.0, -0.0]), p).item()) == "0.0"
        assert str(rt.linalg.vector_norm(rt.tensor([-0.0, 1.0]), p).item()) == "0.0"


def test_spread_of_the_smallest_and_the_largest():
    for dtype in (rt.float32, rt.bfloat16):
        tiny, huge = rt.tensor([1e-40, 1e-45, 0.0], dtype=dtype), rt.tensor([1e38, 1e38, -3e38], dtype=dtype)
        assert 0 <= rt.std(tiny).item() < 1e-39 and rt.var(tiny) == 0
        assert rt.std(huge).item() == pytest.approx(2.3094e38, rel=4e-3)
