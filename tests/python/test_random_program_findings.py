"""What random programs found (tests/differential/random_programs.py), each with the answer that PyTorch gives."""

import math

import pytest

import rustorch as rt

F = rt.nn.functional


def leaf(*numbers, **options):
    return rt.tensor(numbers, requires_grad=True, **{"dtype": rt.float64} | options)


def test_gradient_of_the_largest_of_all_is_zero_elsewhere_even_for_nan():
    for reduce in (rt.max, rt.min, rt.median, rt.nanmedian, rt.amax):
        x = leaf(1.0, 3.0, 2.0)
        y = reduce(x) if reduce is not rt.amax else rt.max(x)
        (y * math.nan).backward()
        assert sum(math.isnan(g) for g in x.grad.tolist()) == 1
        assert sorted(g for g in x.grad.tolist() if not math.isnan(g)) == [0, 0]


def test_polar_keeps_its_result_only():
    size, angle = leaf(1.0, 2.0), leaf(0.5, 1.0)
    a = size * 1
    b = angle * 1
    z = rt.polar(a, b)
    a.mul_(3)
    b.add_(1)  # not read by the gradient
    z.real.sum().backward()
    assert rt.allclose(size.grad, angle.detach().cos())
    assert rt.allclose(angle.grad, -size.detach() * angle.detach().sin())
    scale = leaf(2.0)
    rt.polar(scale, leaf(0.0, 1.0, 2.0)).real.sum().backward()
    assert scale.grad.shape == (1,)
    assert rt.autograd.gradcheck(rt.polar, (leaf(0.5, 2.0), leaf(1.0, 3.0)))


def test_ldexp_has_the_dtype_of_its_operands():
    half, ints = rt.ones(2, dtype=rt.float16), rt.tensor([1, 3])
    assert rt.ldexp(half, ints).dtype == rt.float16
    assert rt.ldexp(ints, half).dtype == rt.float16
    assert rt.ldexp(ints, ints).dtype == rt.float32
    assert rt.ldexp(rt.tensor([1.5]), ints).tolist() == [3.0, 12.0]
    big = rt.ldexp(rt.tensor([1 + 1j], dtype=rt.complex128), rt.tensor([140]))
    assert math.isclose(big.real.item(), 2.0**140)  # its power of two is no float32
    x, y = leaf(3.0), leaf(2.0)
    z = rt.ldexp(x, y)
    z.backward()
    assert x.grad.item() == 4 and math.isclose(y.grad.item(), 12 * math.log(2))


def test_products_over_a_size_of_one_keep_a_copy():
    x = leaf(1.0, 2.0)
    column = (x * 1).reshape(2, 1)
    y = rt.tensordot(column, leaf(3.0).reshape(1, 1), 1)
    column.zero_()
    y.sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_in_place_clamp_by_a_recorded_bound_may_be_followed_by_writes():
    bound = leaf(0.5, 0.5)
    t = rt.tensor([0.0, 1.0], dtype=rt.float64)
    t.clamp_(min=bound)
    t.mul_(2)
    t.sum().backward()
    assert bound.grad.tolist() == [2, 0]


def test_rms_norm_of_16_bit_floats_adds_the_epsilon_of_float32():
    for dtype in (rt.float16, rt.bfloat16):
        x = rt.full((1, 2), 0.001, dtype=dtype)
        assert rt.allclose(F.rms_norm(x, (2,)).float(), rt.full((1, 2), 1.0), atol=0.06)


def test_renorm_sends_no_nan_through_rows_that_it_leaves():
    x = rt.tensor([[math.nan, 1.0], [0.3, 0.4], [3.0, 4.0]], requires_grad=True)
    rt.renorm(x, 2, 0, 1.0).nansum().backward()
    assert x.grad[1].tolist() == [1, 1]
    assert x.grad[0].tolist()[1] == 1
    assert rt.autograd.gradcheck(lambda t: rt.renorm(t, 2, 0, 1.0), rt.tensor([[0.3, 0.4], [3.0, 4.0]], dtype=rt.float64, requires_grad=True))  # fmt: skip


def test_trapezoid_of_no_points_is_zero_without_history():
    for dtype in (rt.int8, rt.bool, rt.float64):
        y = rt.zeros(3, 0, dtype=dtype)
        assert rt.trapezoid(y).dtype == dtype and rt.trapezoid(y).shape == (3,)
    assert not rt.trapezoid(rt.zeros(0, requires_grad=True)).requires_grad


def test_bools_to_the_power_of_a_bool():
    t = rt.tensor([True, False])
    assert (t**True).tolist() == [True, False] and (t**True).dtype == rt.bool
    assert (t**False).tolist() == [True, True]


def test_absolute_values_of_complex_numbers_into_any_float():
    z = rt.tensor([3 + 4j, 1j])
    for dtype in (rt.float16, rt.bfloat16, rt.float64, rt.complex64):
        out = rt.zeros(2, dtype=dtype)
        rt.abs(z, out=out)
        assert out.to(rt.complex64).tolist() == [5, 1]
    with pytest.raises(RuntimeError, match="can't be cast"):
        rt.abs(z, out=rt.zeros(2, dtype=rt.int32))
    with pytest.raises(RuntimeError):
        rt.abs(z.real, out=rt.zeros(2, dtype=rt.float64))


def test_l1_loss_of_integers_wraps_the_difference():
    a, b = rt.tensor([1], dtype=rt.uint8), rt.tensor([5], dtype=rt.uint8)
    assert F.l1_loss(a, b, reduction="sum").item() == 252
    assert F.l1_loss(rt.tensor([1]), rt.tensor([5]), reduction="sum").item() == 4


def test_nan_spreads_through_matrix_exp():
    m = rt.tensor([[0.1, 0.2, math.nan], [0.0, 0.1, 0.3], [0.2, 0.1, 0.0]])
    assert rt.matrix_exp(m).isnan().all()


def test_pad_does_not_cut_more_than_there_is():
    with pytest.raises(RuntimeError, match="length must be non-negative"):
        F.pad(rt.zeros(2, 0), (-1, 1))
    assert F.pad(rt.zeros(2, 1), (-1, 1)).shape == (2, 1)


def test_index_fill_of_nothing():
    assert rt.zeros(0, 0).index_fill_(0, rt.tensor([0]), 2).shape == (0, 0)


def test_complex_of_permuted_parts():
    x = rt.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)
    assert rt.complex(x, x).real.equal(x)
    z = rt.complex(x, x)
    assert rt.nan_to_num(z.mT).equal(z.mT)


def test_shape_in_place_of_a_view_without_recording():
    x = rt.arange(4.0).reshape(2, 2).requires_grad_()
    view = (x * 1)[:, ::2]
    with rt.no_grad():
        view.squeeze_()
    (view * rt.tensor([1.0, 2.0])).sum().backward()
    assert x.grad.tolist() == [[1, 0], [2, 0]]


def test_second_gradient_of_a_distance_of_zero():
    x = rt.ones(2, 3, dtype=rt.float64, requires_grad=True)
    for p in (2.0, 1.5, 3.0):
        (g,) = rt.autograd.grad(rt.cdist(x, x, p).sum(), x, create_graph=True)
        (h,) = rt.autograd.grad((g * g).sum(), x)
        assert h.abs().sum().item() == 0


def test_product_of_three_goes_from_the_left_when_that_costs_the_same():
    a = rt.tensor([[math.inf, 1.0], [0.0, 1.0]])
    m = rt.tensor([[0.0, 1.0], [1.0, 1.0]])
    want = (a @ m) @ a
    got = rt.linalg.multi_dot([a, m, a])
    assert rt.equal(want.isnan(), got.isnan())


def test_view_as_complex_asks_nothing_of_the_stride_of_a_size_of_one():
    assert rt.view_as_complex(rt.zeros(2, 2, 1).mT).shape == (2, 1)


def test_second_gradient_of_copysign_at_zero():
    x = leaf(0.0, 2.0)
    (g,) = rt.autograd.grad((x * x.copysign(leaf(1.0, -1.0))).sum(), x, create_graph=True)
    (h,) = rt.autograd.grad((g * g).sum(), x)
    assert h.isfinite().all()


def test_recorded_gradient_of_a_power_by_integers_stays_double():
    x = rt.tensor(3.83, dtype=rt.float64, requires_grad=True)
    y = x ** rt.tensor([157], dtype=rt.uint8)
    (g,) = rt.autograd.grad(y, x, rt.zeros(1, dtype=rt.float64), create_graph=True)
    assert g.item() == 0


def test_gradient_of_a_product_with_two_zeros_is_zero_beside_nan():
    x = leaf(0.0, 0.0, math.nan, 2.0)
    x.prod().backward()
    assert x.grad.tolist() == [0, 0, 0, 0]


def test_unique_along_a_dim_compares_slices_in_the_order_of_their_elements():
    x = rt.tensor([[[3, 3], [5, 4]], [[0, 1], [2, 2]]])  # along dim 2: (3, 5, 0, 2) and (3, 4, 1, 2)
    values, inverse, counts = rt.unique(x, dim=2, return_inverse=True, return_counts=True)
    assert values.tolist() == [[[3, 3], [4, 5]], [[1, 0], [2, 2]]]
    assert inverse.tolist() == [1, 0] and counts.tolist() == [1, 1]


def test_linear_keeps_the_copy_that_it_makes_of_what_cannot_be_viewed_as_rows():
    x, w = rt.arange(24, dtype=rt.float64).reshape(2, 3, 4).requires_grad_(), leaf(*range(8))
    found = []
    for write in (False, True):
        a = x.transpose(0, 1) * 1
        assert not a.is_contiguous()
        y = F.linear(a, w.reshape(2, 4))
        if write:
            a[0] = 7
        grads = rt.autograd.grad((y * y).sum(), (x, w), create_graph=True)
        found.append([*grads, *rt.autograd.grad(sum((g * g).sum() for g in grads), (x, w))])
    assert all(rt.equal(p, q) for p, q in zip(*found))


def test_channel_shuffle_never_returns_memory_of_its_input():
    for shuffle in (rt.channel_shuffle, rt.native_channel_shuffle):
        for groups in (1, 2, 4):
            x = rt.arange(8).reshape(1, 4, 2, 1)
            shuffle(x, groups).add_(1)
            assert x.flatten().tolist() == list(range(8))


def test_nextafter_of_16_bit_floats_is_their_own_neighbour():
    inf, nan = math.inf, math.nan
    for dtype, step, least in ((rt.float16, 2**-10, 2**-24), (rt.bfloat16, 2**-7, 2**-133)):
        most = rt.finfo(dtype).max
        x = rt.tensor([1.0, 1.0, 0.0, -0.0, -inf, most, 2.0, nan, 1.0, least], dtype=dtype, requires_grad=True)
        y = rt.tensor([2.0, 0.0, -1.0, 1.0, 0.0, inf, 2.0, 1.0, nan, -1.0], dtype=dtype)
        got = rt.nextafter(x, y)
        assert got.dtype == dtype
        want = [1 + step, 1 - step / 2, -least, least, -most, inf, 2.0, nan, nan, 0.0]
        assert str(got.tolist()) == str(want)
        got[:7].sum().backward()
        assert x.grad[:7].tolist() == [1, 1, 1, 1, 1, 1, 0]
    x = rt.ones(2, 1, dtype=rt.bfloat16).nextafter(rt.full((3,), 2.0, dtype=rt.bfloat16))
    assert x.tolist() == [[1.0078125] * 3] * 2


def test_norm_of_complex_numbers_with_an_infinite_part():
    x = rt.tensor([complex(math.inf, math.nan), 1 + 1j, 2j], dtype=rt.complex128)
    for n in (
        rt.linalg.vector_norm(x),
        x.norm(),
        rt.dist(x, rt.ones(3, dtype=rt.complex128)),
        rt.linalg.vector_norm(x[None], dim=1)[0],
    ):
        assert n.item() == math.inf
    assert math.isnan(rt.linalg.vector_norm(rt.tensor([complex(1, math.nan)])).item())
    both = rt.linalg.vector_norm(rt.stack([x, rt.tensor([3, 4j, 0], dtype=rt.complex128)]), dim=1)
    assert both.tolist() == [math.inf, 5.0]


def test_first_power_of_complex_numbers_is_exact():
    z = rt.tensor([0.9682 + 0.6473j, -3.3 + 1e-9j], dtype=rt.complex128, requires_grad=True)
    assert rt.equal(z**1, z) and (z**1).data_ptr() != z.data_ptr()
    (g,) = rt.autograd.grad((z**1).real.sum(), z)
    assert g.tolist() == [1, 1]


def test_cubic_resize_reads_all_its_neighbours():
    x = rt.ones(1, 1, 3, 4)
    x[0, 0, 2, 3] = math.nan
    y = F.interpolate(x, size=(3, 4), mode="bicubic")
    assert y.isnan().tolist() == [[[[False, True, True, True]] * 3]]
    smaller = rt.ones(1, 1, 8, 8)
    smaller[0, 0, 0, 0] = math.nan
    y = F.interpolate(smaller, size=(4, 4), mode="bilinear", antialias=True)
    assert int(y.isnan().sum()) == 1


def test_unique_along_a_dim_refuses_two_dims_without_elements():
    with pytest.raises(RuntimeError, match="zero sized dimensions is more than one"):
        rt.unique(rt.zeros(0, 0), dim=0)
    assert rt.unique(rt.zeros(0, 2), dim=0).shape == (0, 2)


def test_results_lie_as_the_first_operand_that_tells():
    a, b = rt.zeros(2, 3, 4), rt.zeros(4, 3, 2).permute(2, 1, 0)
    assert (b + a).stride() == (1, 2, 6) and (a + b).stride() == (12, 4, 1)
    assert (b[:1] + a).stride() == (12, 1, 3)
    assert (rt.zeros(3, 1) + b).stride() == (1, 2, 6)
    assert (rt.zeros(()) + b).stride() == (1, 2, 6)
    assert rt.where(a > 0, b, 1.0).stride() == (12, 4, 1)


def test_second_gradient_of_nan_to_num_is_nan_where_it_replaced():
    x = leaf(math.nan, 2.0)
    y = rt.nan_to_num(x)
    (g,) = rt.autograd.grad((y * y).sum(), x, create_graph=True)
    assert g.tolist() == [0, 4]
    (h,) = rt.autograd.grad(g, x, rt.tensor([math.nan, 1.0], dtype=rt.float64))
    assert math.isnan(h[0].item()) and h[1].item() == 2


def test_second_gradient_of_prelu_does_not_read_an_unused_weight():
    x, w = leaf(2.0, -1.0), leaf(math.nan)
    (g,) = rt.autograd.grad((F.prelu(x, w) ** 2)[:1].sum(), x, create_graph=True)
    (h,) = rt.autograd.grad(g[:1].sum(), x)
    assert h.tolist()[0] == 2


def test_searching_passes_what_is_not_comparable():
    nan = math.nan
    values = rt.tensor([nan, -5.0, 0.0, 0.5, 2.0, math.inf])
    edges = rt.tensor([-1.0, 0.0, 1.0, nan, nan])
    assert rt.searchsorted(edges, values).tolist() == [5, 0, 1, 2, 5, 5]
    assert rt.searchsorted(edges, values, right=True).tolist() == [5, 0, 2, 2, 5, 5]
    assert rt.bucketize(values, edges[:3]).tolist() == [3, 0, 1, 2, 3, 3]


def test_a_change_of_shape_in_place_is_a_write():
    changes = (
        lambda x: x.transpose_(0, 1),
        lambda x: x.t_(),
        lambda x: x.unsqueeze_(0),
        lambda x: x.squeeze_(),
        lambda x: x.swapaxes_(0, 1),
    )
    for change in changes:
        x = rt.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        a = x * 1
        y, version = a.sin(), a._version
        change(a)
        assert a._version == version + 1
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()  # cos(a) would lie elsewhere
        b = x * 1
        part = b[1:]
        change(b)
        (g,) = rt.autograd.grad((part * part).sum(), x, retain_graph=True)
        assert g.tolist() == [[0, 0], [6, 8]]
        (h,) = rt.autograd.grad((b * b).sum(), x)
        assert h.tolist() == [[2, 4], [6, 8]]
