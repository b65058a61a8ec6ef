"""Window functions of M points, as rustorch.signal.windows.hann(8).

With sym=True (the default) a window is symmetric, for filter design; with sym=False it is one period of a longer one, for
spectral analysis. dtype is float32 or float64 (the default dtype when not given).
"""

import math
from collections.abc import Iterable

from .. import _C

_ops = _C.ops
__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann",
    "kaiser", "nuttall",
]  # fmt: skip


def _checked(name, M, dtype, layout):
    """The dtype of a window, after the checks that all windows share."""
    dtype = _C.get_default_dtype() if dtype is None else dtype
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not _C.strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (_C.float32, _C.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return dtype


def _points(start, step, M, options):
    """start, start + step, ...: M points."""
    return _ops.linspace(start, start + (M - 1) * step, M, **options)


def _constant(M, options):
    """The window of none or one point."""
    return _ops.ones((M,), **options)


def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """exp(-abs(n - center) / tau), a Poisson window; center is the middle unless given (with sym=False only)."""
    options = {"dtype": _checked("exponential", M, dtype, layout), "device": device, "requires_grad": requires_grad}
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    if M == 0:
        return _constant(M, options)
    if center is None:
        center = (M if not sym and M > 1 else M - 1) / 2.0
    return (-_points(-center / tau, 1 / tau, M, options).abs()).exp()


def cosine(M, *, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """sin(pi / M * (n + 1 / 2)), half a wave."""
    options = {"dtype": _checked("cosine", M, dtype, layout), "device": device, "requires_grad": requires_grad}
    if M == 0:
        return _constant(M, options)
    step = math.pi / (M + 1 if not sym and M > 1 else M)
    return _points(0.5 * step, step, M, options).sin()


def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """exp(-(n / std)^2 / 2), n from the middle."""
    options = {"dtype": _checked("gaussian", M, dtype, layout), "device": device, "requires_grad": requires_grad}
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    if M == 0:
        return _constant(M, options)
    middle = (M if not sym and M > 1 else M - 1) / 2.0
    step = 1 / (std * math.sqrt(2))
    return (-(_points(-middle * step, step, M, options) ** 2)).exp()


def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """i0(beta * sqrt(1 - x^2)) / i0(beta), x from -1 to 1."""
    options = {"dtype": _checked("kaiser", M, dtype, layout), "device": device, "requires_grad": requires_grad}
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M <= 1:
        return _constant(M, options)
    # In the dtype of the window, and the last point not past the end: the root must not be of a negative number.
    beta = _C.tensor(beta, dtype=options["dtype"], device=device)
    end = _ops.minimum(beta, -beta + (M - 1) * (2.0 * beta / (M - 1 if sym else M)))
    k = _ops.linspace(-beta.item(), end.item(), M, **options)
    return _ops.i0((beta * beta - k**2).sqrt()) / _ops.i0(beta)


def bartlett(M, *, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """1 - abs(2 n / (M - 1) - 1), a triangle that is 0 at both ends."""
    options = {"dtype": _checked("bartlett", M, dtype, layout), "device": device, "requires_grad": requires_grad}
    if M <= 1:
        return _constant(M, options)
    return 1 - _points(-1, 2 / (M - 1 if sym else M), M, options).abs()


def general_cosine(M, *, a, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """Sum over i of (-1)^i a[i] cos(2 pi i n / (M - 1))."""
    options = {"dtype": _checked("general_cosine", M, dtype, layout), "device": device, "requires_grad": requires_grad}
    if M <= 1:
        return _constant(M, options)
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    k = _points(0, 2 * math.pi / (M - 1 if sym else M), M, options)
    weights = _C.tensor([(-1) ** i * w for i, w in enumerate(a)], **options)
    waves = _ops.arange(weights.shape[0], dtype=options["dtype"], device=device).unsqueeze(-1) * k
    return (weights.unsqueeze(-1) * waves.cos()).sum(0)


def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """alpha - (1 - alpha) cos(2 pi n / (M - 1))."""
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, device=device,
                          requires_grad=requires_grad)  # fmt: skip


def hamming(M, *, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """general_hamming with alpha = 0.54."""
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hann(M, *, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """general_hamming with alpha = 0.5: a raised cosine."""
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device,
                           requires_grad=requires_grad)  # fmt: skip


def blackman(M, *, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """general_cosine with a = [0.42, 0.5, 0.08]."""
    _checked("blackman", M, dtype, layout)
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, device=device,
                          requires_grad=requires_grad)  # fmt: skip


def nuttall(M, *, sym=True, dtype=None, layout=_C.strided, device=None, requires_grad=False):
    """general_cosine with a = [0.3635819, 0.4891775, 0.1365995, 0.0106411]: the least side lobes of four terms."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype, layout=layout,
                          device=device, requires_grad=requires_grad)  # fmt: skip
