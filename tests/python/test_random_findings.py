"""What the random programs of tests/differential found, as tests. Expected values are PyTorch's."""

import pytest

import rustorch as rt


def leaf(values, dtype=rt.float64):
    return rt.tensor(values, dtype=dtype, requires_grad=True)


def second(f, value):
    """(first, second) derivative of the scalar function f."""
    x = leaf(value)
    (g,) = rt.autograd.grad(f(x * 1), [x], create_graph=True)
    return g.item(), rt.autograd.grad(g, [x])[0].item()


def test_second_derivative_through_an_in_place_product():
    # x * x written in place: the factor that was overwritten keeps its history
    assert second(lambda x: x.mul_(x * 1), 3.0) == (6.0, 2.0)
    assert second(lambda x: x.div_(1 / (x * 1)), 3.0) == pytest.approx((6.0, 2.0))


def test_second_derivative_through_a_write_into_a_view():
    x = leaf([0.5, -1.0])
    h = x * 1
    h[:1].tanh_()
    (g,) = rt.autograd.grad((h * h).sum(), [x], create_graph=True)
    (again,) = rt.autograd.grad(g.sum(), [x])
    t = rt.tanh(rt.tensor(0.5, dtype=rt.float64)).item()
    assert again.tolist() == pytest.approx([2 * (1 - t * t) * (1 - 3 * t * t), 2.0])


def test_writes_through_the_parts_of_complex_tensors():
    z = leaf([1 + 2j, 3 - 1j], rt.complex128)
    w = z * 1
    w.real.mul_(3.0)
    assert rt.autograd.grad((w * w.conj()).real.sum(), [z])[0].tolist() == [18 + 4j, 54 - 2j]
    w = z * 1
    pairs = rt.view_as_real(w)
    pairs.mul_(3.0)
    assert rt.autograd.grad((w * w.conj()).real.sum() + pairs.sum(), [z])[0].tolist() == [21 + 39j, 57 - 15j]


def test_parts_of_a_complex_tensor_that_was_written():
    z = leaf([1 + 2j, 3 - 1j], rt.complex128)
    w = z * 1
    part = w.imag
    w.mul_(2j)
    assert part.tolist() == [2.0, 6.0]
    assert rt.autograd.grad((part * part).sum(), [z])[0].tolist() == [8, 24]


def test_complex_view_of_a_real_tensor():
    x = leaf([[1.0, 2.0], [3.0, -1.0]])
    h = x * 1
    z = rt.view_as_complex(h)
    z.mul_(2j)
    assert h.tolist() == [[-4.0, 2.0], [2.0, 6.0]]
    assert rt.autograd.grad((h * h).sum(), [x])[0].tolist() == [[8.0, 16.0], [24.0, -8.0]]
    h = x * 1
    z = rt.view_as_complex(h)
    h.mul_(3.0)
    assert rt.autograd.grad((z * z.conj()).real.sum(), [x])[0].tolist() == [[18.0, 36.0], [54.0, -18.0]]


def test_a_power_keeps_only_what_its_gradient_needs():
    x = leaf([1.0, 2.0])
    y = (x * 1) ** 3
    y.add_(1)
    assert rt.autograd.grad(y.sum(), [x])[0].tolist() == [3.0, 12.0]


def test_sums_in_the_dtype_of_out():
    x = rt.tensor([True, True, False])
    assert rt.sum(x, 0, out=rt.zeros((), dtype=rt.bool)).item() is True
    assert rt.cumsum(x, 0, out=rt.zeros(3, dtype=rt.float64)).tolist() == [1, 2, 2]
    assert rt.prod(x.to(rt.uint8), 0, out=rt.zeros((), dtype=rt.int16)).dtype == rt.int16


def test_a_result_that_is_cut_from_a_larger_one_can_be_written():
    x = leaf([1.0, 5.0, 3.0])
    top = (x * 1).topk(2)[0]
    top.mul_(2)
    assert rt.autograd.grad(top.sum(), [x])[0].tolist() == [0, 2, 2]


def test_gradients_where_operands_are_equal_or_zero():
    for name in ("fmax", "fmin", "maximum", "minimum"):
        x, y = leaf([1.0]), leaf([1.0])
        assert [g.tolist() for g in rt.autograd.grad(getattr(rt, name)(x, y).sum(), [x, y])] == [[0.5], [0.5]], name
    x, y = leaf([0.0]), leaf([0.0])
    assert [g.tolist() for g in rt.autograd.grad(rt.atan2(x, y).sum(), [x, y])] == [[0.0], [0.0]]


def test_results_that_no_gradient_needs_can_be_written():
    for name in ("logaddexp", "logaddexp2"):
        x, y = leaf([1.0, -800.0]), leaf([1.0, 800.0])
        z = getattr(rt, name)(x, y)
        z.mul_(2)
        assert [g.tolist() for g in rt.autograd.grad(z.sum(), [x, y])] == [[1.0, 0.0], [1.0, 2.0]]
