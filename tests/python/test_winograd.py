"""3 x 3 convolutions with many channels (Winograd's F(2x2, 3x3)): against float64, equal bits, values not finite."""

import math

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

F = rt.nn.functional
# batch, channels in and out, height, width, padding, groups; all sizes take the way by transformed tiles
CASES = [
    (2, 48, 64, 28, 28, 1, 1),
    (3, 70, 40, 17, 30, 0, 1),
    (1, 33, 100, 13, 27, 2, 1),
    (2, 64, 128, 29, 15, 1, 2),
    (1, 400, 32, 14, 16, 1, 1),
    (9, 64, 64, 14, 14, 1, 1),
    (5, 160, 120, 7, 9, 1, 1),
]


def make(case, seed=0):
    batch, channels, rows, height, width, padding, groups = case
    rt.manual_seed(seed)
    x = rt.randn(batch, channels, height, width)
    w = rt.randn(rows, channels // groups, 3, 3) * (9 * channels) ** -0.5
    return x, w, rt.randn(rows), {"padding": padding, "groups": groups}


def forward_backward(x, w, bias, options):
    x, w = x.detach().requires_grad_(), w.detach().requires_grad_()
    y = F.conv2d(x, w, bias, **options)
    rt.manual_seed(1)
    y.backward(rt.randn(*y.shape).to(y.dtype))
    return [y.detach(), x.grad, w.grad]


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(case):
    x, w, bias, options = make(case)
    found = equal_on_threads(lambda: forward_backward(x, w, bias, options))
    wanted = forward_backward(x.double(), w.double(), bias.double(), options)
    for one, other, limit in zip(found, wanted, (1e-5, 1e-5, 2e-4)):
        assert one.shape == other.shape
        assert (one.double() - other).abs().max().item() < limit * (1 + other.abs().max().item())


def test_integers_are_exact():
    rt.manual_seed(2)
    x = rt.randint(-8, 9, (2, 64, 15, 16)).float()
    w = rt.randint(-8, 9, (32, 64, 3, 3)).float() * 4
    assert rt.equal(F.conv2d(x, w, padding=1), F.conv2d(x.double(), w.double(), padding=1).float())


def test_images_do_not_depend_on_their_batch():
    x, w, bias, options = make(CASES[5])
    whole = F.conv2d(x, w, bias, **options)
    for i in (0, 4, 8):
        assert rt.equal(F.conv2d(x[i : i + 1], w, bias, **options)[0], whole[i])


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 3e38])
def test_values_that_are_not_finite_stay_where_they_belong(value):
    x, w, bias, options = make(CASES[0])
    x[1, 3, 6, 7] = value
    found = F.conv2d(x, w.abs() + 2, bias, **options)
    touched = rt.zeros(2, 1, 28, 28, dtype=rt.bool)
    touched[1, :, 5:8, 6:9] = True
    assert rt.equal(found.isfinite(), (~touched).expand_as(found))
    wanted = F.conv2d(x.double(), (w.abs() + 2).double(), bias.double(), **options)
    away = found[0].double() - wanted[0]
    assert away.abs().max().item() < 1e-5 * wanted[0].abs().max().item()


def test_other_layouts_and_geometries_agree():
    x, w, bias, options = make(CASES[0])
    wanted = F.conv2d(x, w, bias, **options)
    last = F.conv2d(x.to(memory_format=rt.channels_last), w, bias, **options)
    assert (last - wanted).abs().max().item() < 1e-5
    by_two = F.conv2d(x, w, bias, stride=2, **options)
    assert (by_two - wanted[:, :, ::2, ::2]).abs().max().item() < 1e-5
    assert rt.equal(F.conv2d(x.mT.contiguous().mT, w, bias, **options), wanted)
