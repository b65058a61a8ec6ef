"""hann_window() and its relatives: windows of the old signature, periodic unless told otherwise."""

from . import _C
from .signal import windows


def _window(name, length, periodic, dtype, layout, device, requires_grad, make):
    """make(**options) after the checks; 16-bit types are rounded from float32."""
    dtype = dtype or _C.get_default_dtype()
    if layout is not None and layout is not _C.strided:
        raise RuntimeError(f"{name} is not implemented for sparse types, got: {layout}")
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    wide = _C.float64 if dtype in (_C.float64, _C.complex128) else _C.float32
    w = make(length, sym=not periodic, dtype=wide, device=device).to(dtype)
    return w.requires_grad_(True) if requires_grad else w


def bartlett_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                    requires_grad=False):  # fmt: skip
    """A triangle; periodic windows are the first points of one that is a point longer."""
    return _window("bartlett_window", window_length, periodic, dtype, layout, device, requires_grad, windows.bartlett)


def blackman_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                    requires_grad=False):  # fmt: skip
    """0.42 - 0.5 cos(x) + 0.08 cos(2 x), x from 0 to 2 pi."""
    return _window("blackman_window", window_length, periodic, dtype, layout, device, requires_grad, windows.blackman)


def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, *, dtype=None, layout=None, device=None,
                   pin_memory=False, requires_grad=False):  # fmt: skip
    """alpha - beta cos(x), x from 0 to 2 pi."""

    def make(m, **options):
        return windows.general_cosine(m, a=[alpha, beta], **options)

    return _window("hamming_window", window_length, periodic, dtype, layout, device, requires_grad, make)


def hann_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                requires_grad=False):  # fmt: skip
    """0.5 - 0.5 cos(x), x from 0 to 2 pi."""
    return _window("hann_window", window_length, periodic, dtype, layout, device, requires_grad, windows.hann)


def kaiser_window(window_length, periodic=True, beta=12.0, *, dtype=None, layout=None, device=None, pin_memory=False,
                  requires_grad=False):  # fmt: skip
    """i0(beta sqrt(1 - x^2)) / i0(beta), x from -1 to 1."""

    def make(m, **options):
        return windows.kaiser(m, beta=beta, **options)

    return _window("kaiser_window", window_length, periodic, dtype, layout, device, requires_grad, make)


__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]
