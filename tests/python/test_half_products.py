"""Products of 16-bit floats: sums in float32, one rounding, whatever the layout."""

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

DTYPES = [rt.bfloat16, rt.float16]


def operands(dtype, *shapes):
    rt.manual_seed(3)
    return [rt.randn(*shape).to(dtype) for shape in shapes]


def close(got, want, dtype):
    assert got.dtype == dtype
    eps = 2.0**-8 if dtype == rt.bfloat16 else 2.0**-11
    return rt.allclose(got.float(), want, eps, 1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m,n,k", [(1, 70, 40), (70, 1, 40), (3, 5, 2), (65, 33, 100), (130, 64, 257), (4, 4, 0)])
def test_layouts(dtype, m, n, k):
    a, b = operands(dtype, (m, k), (k, n))
    want = a.float() @ b.float()
    for left in (a, a.t().contiguous().t(), rt.stack([a, a], -1)[..., 0]):
        for right in (b, b.t().contiguous().t(), rt.stack([b, b], -1)[..., 0]):
            assert close(left @ right, want, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_batches_bias_and_factors(dtype):
    a, b, c, bias = operands(dtype, (5, 33, 40), (5, 40, 48), (33, 48), (48,))
    assert close(a @ b, a.float() @ b.float(), dtype)
    assert close(a @ b[0], a.float() @ b[0].float(), dtype)
    assert close(a[:, :, ::2] @ b[:, ::2], a[:, :, ::2].float() @ b[:, ::2].float(), dtype)
    mixed = rt.addmm(c, a[0], b[0], beta=0.5, alpha=2)
    assert close(mixed, rt.addmm(c.float(), a[0].float(), b[0].float(), beta=0.5, alpha=2), dtype)
    weight = b[0].t()
    linear = rt.nn.functional.linear(a, weight, bias)
    assert close(linear, rt.nn.functional.linear(a.float(), weight.float(), bias.float()), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_threads(dtype):
    a, b = operands(dtype, (150, 200), (200, 170))
    equal_on_threads(lambda: a @ b, (1, 2, 5, 8))
