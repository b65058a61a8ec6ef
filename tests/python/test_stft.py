"""Short-time Fourier transforms and windows against their definitions in NumPy."""

import numpy as np
import pytest

import rustorch as rt

RNG = np.random.default_rng(6)


def frames(x, n, hop):
    return np.stack([x[i : i + n] for i in range(0, len(x) - n + 1, hop)])


@pytest.mark.parametrize("onesided", [True, False])
def test_stft(onesided):
    x, w = RNG.standard_normal(50), RNG.random(6)
    padded = np.pad(x, 4, mode="reflect")
    window = np.pad(w, 1)
    parts = frames(padded, 8, 3) * window
    want = (np.fft.rfft(parts) if onesided else np.fft.fft(parts)).T
    got = rt.stft(rt.tensor(x), 8, 3, 6, rt.tensor(w), onesided=onesided, return_complex=True)
    np.testing.assert_allclose(got.numpy(), want, atol=1e-12)
    pairs = rt.tensor(x).stft(8, 3, 6, rt.tensor(w), onesided=onesided, normalized=True, return_complex=False)
    np.testing.assert_allclose(pairs.numpy(), np.stack([want.real, want.imag], -1) / np.sqrt(8), atol=1e-12)


def test_complex_signals():
    z = RNG.standard_normal((2, 30)) + 1j * RNG.standard_normal((2, 30))
    got = rt.stft(rt.tensor(z), 6, 2, center=False)
    for row in range(2):
        np.testing.assert_allclose(got.numpy()[row], np.fft.fft(frames(z[row], 6, 2)).T, atol=1e-12)
    back = rt.istft(got, 6, 2, center=False, return_complex=True)
    np.testing.assert_allclose(back.numpy(), z, atol=1e-12)


@pytest.mark.parametrize("center", [True, False])
def test_round_trip_and_gradient(center):
    x = rt.tensor(RNG.standard_normal((2, 64)), requires_grad=True)
    w = rt.hamming_window(16, dtype=rt.float64)
    spectrum = rt.stft(x, 16, 4, window=w, center=center, return_complex=True)
    back = rt.istft(spectrum, 16, 4, window=w, center=center, length=64)
    np.testing.assert_allclose(back.detach().numpy(), x.detach().numpy(), atol=1e-12)
    c = RNG.standard_normal((2, 64))
    back.backward(rt.tensor(c))  # the map is the identity
    np.testing.assert_allclose(x.grad.numpy(), c, atol=1e-12)


def test_errors():
    x = rt.ones(20)
    for call, text in (
        (lambda: rt.stft(x, 8), "return_complex"),
        (lambda: rt.stft(x, 40, center=False, return_complex=True), "expected 0 < n_fft"),
        (lambda: rt.stft(x, 8, 0, return_complex=True), "hop_length > 0"),
        (lambda: rt.stft(x, 8, window=rt.ones(3), return_complex=True), "1D window tensor"),
        (lambda: rt.stft(rt.ones(2, 3, 4), 2, return_complex=True), "1D or 2D"),
        (lambda: rt.istft(x, 8), "complex-valued"),
    ):
        with pytest.raises((RuntimeError, TypeError), match=text):
            call()


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_windows(n):
    for name, f in (
        ("hann", np.hanning),
        ("hamming", np.hamming),
        ("bartlett", np.bartlett),
        ("blackman", np.blackman),
    ):
        make = getattr(rt, f"{name}_window")
        np.testing.assert_allclose(make(n, False, dtype=rt.float64).numpy(), f(n), atol=1e-12)
        want = f(n + 1)[:-1] if n > 1 else np.ones(1)
        np.testing.assert_allclose(make(n, dtype=rt.float64).numpy(), want, atol=1e-12)
    np.testing.assert_allclose(rt.kaiser_window(n, False, 8.6, dtype=rt.float64).numpy(), np.kaiser(n, 8.6), atol=1e-12)
    assert rt.hann_window(0).shape == (0,)
    with pytest.raises(RuntimeError, match="floating point"):
        rt.hann_window(3, dtype=rt.int64)
    with pytest.raises(RuntimeError, match="non-negative"):
        rt.hann_window(-1)
