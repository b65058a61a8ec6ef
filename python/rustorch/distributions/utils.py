"""Helpers that the distributions share: broadcasting of parameters, probabilities and logits, lazy properties."""

import rustorch as rt

from .. import Tensor

euler_constant = 0.57721566490153286060
Number = (int, float, bool)

__all__ = [
    "broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits", "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]  # fmt: skip


def broadcast_all(*values):
    """The values as tensors of one shape. Numbers take the dtype of the first tensor, else the default dtype."""
    if not all(isinstance(v, (Tensor, *Number)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    first = next((v for v in values if isinstance(v, Tensor)), None)
    options = {"dtype": rt.get_default_dtype()} if first is None else {"dtype": first.dtype, "device": first.device}
    return rt.broadcast_tensors(*[v if isinstance(v, Tensor) else rt.tensor(v, **options) for v in values])


def sum_rightmost(value, n):
    """Sum over the last n dimensions."""
    return value if n == 0 else value.reshape(value.shape[: value.dim() - n] + (-1,)).sum(-1)


def eps_of(t):
    """The distance from 1 to the next number of t's dtype."""
    return rt.finfo(t.dtype).eps


def tiny_of(t):
    """The smallest positive normal number of t's dtype."""
    return rt.finfo(t.dtype).tiny


def open_uniform(shape, like):
    """Uniform numbers in (0, 1), safe to take logarithms of at both ends."""
    u = rt.rand(shape, dtype=like.dtype, device=like.device)
    return u.clamp(tiny_of(u), 1 - eps_of(u) / 2)


def standard_normal(shape, like):
    """Normal numbers with the dtype and device of `like`."""
    return rt.randn(shape, dtype=like.dtype, device=like.device)


def log1mexp(x):
    """log(1 - exp(x)) for x < 0 without cancellation."""
    return rt.where(x > -0.6931471805599453, (-rt.expm1(x)).log(), rt.log1p(-x.exp()))


def clamp_probs(probs):
    """Probabilities moved into [eps, 1 - eps], so that their logits are finite."""
    eps = eps_of(probs)
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits, is_binary=False):
    """Probabilities from log-odds (is_binary) or from unnormalised log-probabilities of the last dimension."""
    return rt.sigmoid(logits) if is_binary else rt.softmax(logits, dim=-1)


def probs_to_logits(probs, is_binary=False):
    """Log-odds (is_binary) or log-probabilities."""
    clamped = clamp_probs(probs)
    return clamped.log() - rt.log1p(-clamped) if is_binary else clamped.log()


class lazy_property:  # noqa: N801
    """A property that is computed when it is first read, with gradients on, and then kept as an attribute."""

    def __init__(self, wrapped):
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__
        self.__name__ = wrapped.__name__

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        with rt.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.__name__, value)
        return value


def vec_to_tril_matrix(vec, diag=0):
    """Lower triangular matrices (D x D) from vectors of their D (D+1) / 2 elements, row by row."""
    count = vec.shape[-1]
    # The triangle of n + diag rows, without the two corners of diag rows that stand out when diag > 0.
    n = round(((1 + 8 * count + 8 * max(diag, 0) * (diag + 1)) ** 0.5 - 1) / 2) - diag
    rows, cols = rt.tril_indices(n, n, diag)
    if rows.numel() != count:
        raise RuntimeError(f"{count} elements do not fill a lower triangle with diagonal {diag}")
    place = rt.zeros(n * n, dtype=rt.int64)
    place[rows * n + cols] = rt.arange(1, count + 1)
    padded = rt.cat([vec.new_zeros(vec.shape[:-1] + (1,)), vec], -1)
    return padded.index_select(-1, place.to(vec.device)).reshape(vec.shape[:-1] + (n, n))


def tril_matrix_to_vec(mat, diag=0):
    """Vectors of the elements of the lower triangles of a batch of matrices, row by row."""
    n = mat.shape[-1]
    if diag < -n or diag >= n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, cols = rt.tril_indices(n, n, diag)
    return mat.reshape(mat.shape[:-2] + (n * n,)).index_select(-1, (rows * n + cols).to(mat.device))


# The names by which libraries on top of PyTorch know these.
_sum_rightmost = sum_rightmost


def _standard_normal(shape, dtype, device):
    return rt.randn(shape, dtype=dtype, device=device)
