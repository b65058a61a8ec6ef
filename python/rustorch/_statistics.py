"""histogramdd, whose bins are a number, numbers or tensors and whose result holds a tuple."""

from typing import NamedTuple

from . import _C
from ._C import Tensor


class HistogramDD(NamedTuple):
    """What histogramdd returns."""

    hist: Tensor
    bin_edges: tuple


def histogramdd(input, bins, *, range=None, weight=None, density=False, out=None):
    """The histogram of points [.., dimensions] over a grid: bins is the number of bins of every dimension, one
    number for all, or their edges; range is (low, high) of every dimension, one after the other."""
    if out is not None:
        raise TypeError("histogramdd() got an unexpected keyword argument 'out'")
    if isinstance(bins, int):
        if input.dim() < 2:
            raise RuntimeError(f"histogramdd(): input tensor should have at least 2 dimensions, but got {input.dim()}")
        bins = [bins] * input.shape[-1]
    bins = list(bins)
    if bins and isinstance(bins[0], Tensor):
        hist, *edges = _C.ops._histogramdd(input, bins, weight=weight, density=density)
    else:
        hist, *edges = _C.ops._histogramdd(input, bins, range, weight, density)
    return HistogramDD(hist, tuple(edges))
