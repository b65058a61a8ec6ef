"""Reductions and normalizations that leave out the elements where a mask is False.

A mask is broadcast to the input (it may not have more dimensions) and read as bool. Functions with an identity element
fill the places that are left out with it and run the plain operator; mean, var and std count what remains. A slice with
every element left out gives the identity, or nan where there is none.
"""

from ._normalizations import cumprod, cumsum, log_softmax, logaddexp, normalize, softmax, softmin
from ._reductions import amax, amin, argmax, argmin, logsumexp, mean, median, norm, prod, std, sum, var

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean", "median",
    "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var",
]  # fmt: skip
