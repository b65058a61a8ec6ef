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
