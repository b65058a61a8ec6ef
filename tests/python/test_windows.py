"""rustorch.signal.windows beyond the recorded calls of test_op_golden.py: shapes of windows, short ones, errors."""

import math

import pytest

import rustorch as rt
from rustorch.signal import windows

SIMPLE = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
    "general_hamming",
]


@pytest.mark.parametrize("name", SIMPLE)
def test_every_window(name):
    window = getattr(windows, name)
    assert window(0).shape == (0,)
    assert window(1).tolist() == pytest.approx([1.0])
    for m in (2, 7, 8):
        w = window(m, dtype=rt.float64)
        assert w.shape == (m,) and w.dtype == rt.float64
        assert w.max().item() <= 1 + 1e-12
        assert rt.allclose(w, w.flip(0), atol=1e-12)
        # One period is the longer symmetric window without its last point.
        if name != "gaussian":
            assert rt.allclose(window(m, sym=False, dtype=rt.float64), window(m + 1, dtype=rt.float64)[:-1], atol=1e-12)
    with pytest.raises(ValueError, match="requires non-negative window length, got M=-1"):
        window(-1)
    with pytest.raises(ValueError, match="expects float32 or float64 dtypes"):
        window(3, dtype=rt.float16)
    with pytest.raises(ValueError, match="implemented for strided tensors only"):
        window(3, layout=rt.sparse_coo)


def test_known_values():
    assert windows.hann(5).tolist() == pytest.approx([0, 0.5, 1, 0.5, 0], abs=1e-6)
    assert windows.bartlett(5).tolist() == pytest.approx([0, 0.5, 1, 0.5, 0], abs=1e-6)
    assert windows.gaussian(3, std=2.0).tolist() == pytest.approx([math.exp(-1 / 8), 1, math.exp(-1 / 8)])
    assert windows.exponential(4, center=0, sym=False, tau=2.0).tolist() == pytest.approx(
        [math.exp(-n / 2) for n in range(4)]
    )
    assert windows.general_cosine(3, a=[0.5, 0.5]).tolist() == pytest.approx([0, 1, 0], abs=1e-6)
    assert windows.kaiser(3, beta=0.0).tolist() == [1.0, 1.0, 1.0]
    assert windows.hann(4, requires_grad=True).requires_grad


def test_errors():
    with pytest.raises(ValueError, match="Tau must be positive, got: 0 instead."):
        windows.exponential(3, tau=0)
    with pytest.raises(ValueError, match="Center must be None for symmetric windows"):
        windows.exponential(3, center=1)
    with pytest.raises(ValueError, match="Standard deviation must be positive"):
        windows.gaussian(3, std=-1)
    with pytest.raises(ValueError, match="beta must be non-negative"):
        windows.kaiser(3, beta=-1)
    with pytest.raises(TypeError, match="Coefficients must be a list/tuple"):
        windows.general_cosine(3, a=1)
    with pytest.raises(ValueError, match="Coefficients cannot be empty"):
        windows.general_cosine(3, a=[])
