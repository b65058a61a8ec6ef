"""Fourier transforms: against the defining sum, round trips, gradients, errors, repeatable bits."""

import cmath
import math
import random

import pytest
from thread_helpers import equal_on_threads

import rustorch as torch

LENGTHS = [1, 2, 3, 7, 8, 12, 16, 30, 31, 37, 64, 97, 100, 211, 256, 289, 360, 509]


def slow_dft(values, sign=-1):
    n = len(values)
    roots = [cmath.exp(sign * 2j * math.pi * k / n) for k in range(n)]
    return [sum(values[j] * roots[j * k % n] for j in range(n)) for k in range(n)]


def numbers(n, seed=0):
    rng = random.Random(seed + n)
    return [complex(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(n)]


def distance(a, b):
    total = math.sqrt(sum(abs(y) ** 2 for y in b)) or 1.0
    return math.sqrt(sum(abs(x - y) ** 2 for x, y in zip(a, b))) / total


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype, limit", [(torch.complex64, 2e-6), (torch.complex128, 1e-14)])
def test_defining_sum(n, dtype, limit):
    x = torch.tensor(numbers(n), dtype=dtype)
    values = x.tolist()
    assert distance(torch.fft.fft(x).tolist(), slow_dft(values)) < limit
    assert distance(torch.fft.ifft(x, norm="forward").tolist(), slow_dft(values, 1)) < limit
    real = [v.real for v in values]
    y = torch.fft.rfft(torch.tensor(real, dtype=dtype.to_real()))
    assert distance(y.tolist(), slow_dft(real)[: n // 2 + 1]) < limit
    assert distance(torch.fft.irfft(y, n).tolist(), real) < limit


@pytest.mark.parametrize("shape", [(5, 16), (40, 8), (3, 300), (17, 5), (2, 6, 37)])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_every_dimension_is_a_stack_of_lines(shape, dim):
    torch.manual_seed(1)
    x = torch.randn(shape, dtype=torch.complex128)
    y = torch.fft.fft(x, dim=dim).movedim(dim, -1).reshape(-1, shape[dim])
    lines = x.movedim(dim, -1).reshape(-1, shape[dim])
    for got, line in list(zip(y, lines))[:: max(1, len(lines) // 4)]:
        assert distance(got.tolist(), slow_dft(line.tolist())) < 1e-14


def test_several_dimensions_and_real_halves():
    torch.manual_seed(2)
    x = torch.randn(6, 9, 10, dtype=torch.float64)
    full = torch.fft.fftn(x)
    one_by_one = torch.fft.fft(torch.fft.fft(torch.fft.fft(x, dim=2), dim=1), dim=0)
    assert torch.allclose(full, one_by_one)
    assert torch.allclose(full, torch.fft.fftn(x.to(torch.complex128)))
    assert torch.allclose(torch.fft.rfftn(x), full[..., :6])
    assert torch.allclose(torch.fft.irfftn(torch.fft.rfftn(x), s=x.shape), x)
    assert torch.allclose(torch.fft.hfft(torch.fft.ihfft(x), 10), x)
    assert torch.allclose(torch.fft.rfft(x, dim=0), torch.fft.fft(x, dim=0)[:4])


@pytest.mark.parametrize("norm, factor", [("backward", 1), ("ortho", 1 / math.sqrt(20)), ("forward", 1 / 20)])
def test_norms_padding_and_round_trip(norm, factor):
    torch.manual_seed(3)
    x = torch.randn(20, dtype=torch.float64)
    assert torch.allclose(torch.fft.fft(x, norm=norm), torch.fft.fft(x) * factor)
    assert torch.allclose(torch.fft.ifft(torch.fft.fft(x, norm=norm), norm=norm).real, x)
    padded = torch.cat([x, torch.zeros(5, dtype=torch.float64)])
    assert torch.allclose(torch.fft.fft(x, n=25), torch.fft.fft(padded))
    assert torch.allclose(torch.fft.rfft(x, n=7), torch.fft.rfft(x[:7]))


@pytest.mark.parametrize("n", [2, 4, 6, 30, 32, 34, 66, 256])
@pytest.mark.parametrize("rows", [1, 7, 16, 35])
def test_many_short_real_rows(n, rows):
    """Rows side by side in vector lanes: whole groups and the rest, against the transform row by row in double."""
    x = torch.sin(torch.arange(rows * n, dtype=torch.float64) ** 1.5).reshape(rows, n)
    y = torch.fft.rfft(x)
    for r in range(rows):
        assert torch.allclose(y[r], torch.fft.fft(x[r])[: n // 2 + 1], rtol=0, atol=1e-12)
    assert torch.allclose(torch.fft.irfft(y, n=n), x, rtol=0, atol=1e-13)
    assert torch.allclose(torch.fft.rfft(x.float()), y.to(torch.complex64), rtol=0, atol=1e-4)


# Lengths cut into n1 * n2 with n1 up to the lanes of a vector, n2 even, odd, and not a multiple of the lanes.
CUT = [8, 32, 48, 64, 96, 128, 136, 240, 256, 272, 400, 512, 544, 1000, 1024]


@pytest.mark.parametrize("n", CUT)
@pytest.mark.parametrize("rows", [1, 2, 5, 19])
def test_short_rows_in_groups(n, rows):
    torch.manual_seed(5)
    x = torch.randn(rows, n, dtype=torch.complex128)
    places = torch.arange(n)
    angles = torch.outer(places, places).remainder(n).double() * (-2 * math.pi / n)
    table = torch.complex(angles.cos(), angles.sin())
    y = x @ table
    limit = 1e-13 * n
    assert (torch.fft.fft(x) - y).abs().max() < limit
    assert (torch.fft.ifft(y) - x).abs().max() < limit
    assert (torch.fft.fft(x.to(torch.complex64)) - y).abs().max() < 2e-6 * n
    real = x.real.contiguous()
    half = (real.to(torch.complex128) @ table)[:, : n // 2 + 1]
    assert (torch.fft.rfft(real) - half).abs().max() < limit
    assert (torch.fft.rfft(real, norm="ortho") - half / math.sqrt(n)).abs().max() < limit
    assert (torch.fft.rfft(real.float()) - half).abs().max() < 2e-6 * n
    assert (torch.fft.irfft(half) - real).abs().max() < limit
    assert (torch.fft.irfft(half.to(torch.complex64)) - real).abs().max() < 2e-6 * n
    # imaginary parts of the first and the last result do not count
    half[:, 0] += 3j
    half[:, -1] -= 2j
    assert (torch.fft.irfft(half) - real).abs().max() < limit


@pytest.mark.parametrize("n", [64, 128, 256, 512])
def test_rows_of_a_group_do_not_touch(n):
    torch.manual_seed(6)
    x = torch.randn(9, n)
    alone = [torch.fft.rfft(row) for row in x]
    x[3] = float("nan")
    x[5] *= 1e30
    y = torch.fft.rfft(x)
    assert y[3].isnan().all()
    for r in (0, 1, 2, 4, 6, 7, 8):
        assert (y[r] == alone[r]).all()
    z = torch.fft.irfft(y)
    assert not z[[0, 1, 2, 4, 6, 7, 8]].isnan().any()


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "ihfft", "rfft2", "fftn", "irfft", "hfft", "irfftn"])
@pytest.mark.parametrize("width", [6, 7])
def test_gradients_are_those_of_the_linear_map(name, width):
    torch.manual_seed(4)
    f = getattr(torch.fft, name)
    x = torch.randn(3, width, dtype=torch.float64).requires_grad_()
    direction = torch.randn(3, width, dtype=torch.float64)
    y = f(x)
    weight = torch.randn(y.shape, dtype=y.dtype)

    def pairing(t):
        if t.is_complex():
            return (torch.view_as_real(t) * torch.view_as_real(weight)).sum()
        return (t * weight).sum()

    (gradient,) = torch.autograd.grad(pairing(y), x)
    expected = pairing(f(direction)).item()
    assert (gradient * direction).sum().item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    (first,) = torch.autograd.grad(pairing(f(x)) ** 2, x, create_graph=True)
    (second,) = torch.autograd.grad((first * direction).sum(), x)
    assert (second * direction).sum().item() == pytest.approx(2 * expected**2, rel=1e-9, abs=1e-9)


def test_frequencies_and_shifts():
    assert torch.fft.fftfreq(5).tolist() == pytest.approx([0, 0.2, 0.4, -0.4, -0.2])
    assert torch.fft.fftfreq(4, 0.5).tolist() == pytest.approx([0, 0.5, -1, -0.5])
    assert torch.fft.rfftfreq(5).tolist() == pytest.approx([0, 0.2, 0.4])
    assert torch.fft.fftshift(torch.arange(5)).tolist() == [3, 4, 0, 1, 2]
    assert torch.fft.ifftshift(torch.fft.fftshift(torch.arange(5))).tolist() == [0, 1, 2, 3, 4]


def test_dtypes_and_errors():
    assert torch.fft.fft(torch.arange(4)).dtype == torch.complex64
    x = torch.ones(4, 6)
    with pytest.raises(NotImplementedError):
        torch.fft.fft(x.half())
    with pytest.raises(TypeError):
        torch.fft.rfft(x.to(torch.complex64))
    for call in (
        lambda: torch.fft.fft(x, n=0),
        lambda: torch.fft.irfft(torch.ones(3, 1)),
        lambda: torch.fft.fft(x, norm="bad"),
        lambda: torch.fft.fftn(x, dim=(0, 0)),
        lambda: torch.fft.fftn(x, s=(1, 2), dim=(0,)),
        lambda: torch.fft.rfftn(x, dim=()),
    ):
        with pytest.raises(RuntimeError):
            call()
    with pytest.raises(IndexError):
        torch.fft.fft(torch.tensor(1.0))
    assert torch.fft.fft(torch.ones(0, 4)).shape == (0, 4)


@pytest.mark.parametrize("shape, dim", [((70000,), 0), ((65536,), 0), ((300, 97), 1), ((64, 100), 0)])
def test_bits_do_not_depend_on_threads(shape, dim):
    torch.manual_seed(5)
    x = torch.randn(shape)
    equal_on_threads(lambda: torch.view_as_real(torch.fft.rfft(x, dim=dim)))
