"""Sobol's sequence: points that fill a cube more evenly than random ones."""

from __future__ import annotations

import struct
import zlib
from base64 import b85decode
from typing import Any

import rustorch as rt

__all__ = ["SobolEngine"]
_BITS = 30


def _directions(dimension: int) -> list[list[int]]:
    """The direction numbers of every dimension, as numbers of _BITS bits."""
    from ._sobol_numbers import TABLE

    raw = zlib.decompress(b85decode(TABLE))
    numbers = iter(struct.unpack(f"<{len(raw) // 2}H", raw))
    rows = [[1] * _BITS]
    while len(rows) < dimension:
        polynomial = next(numbers)
        degree = polynomial.bit_length() - 1
        v = [next(numbers) for _ in range(degree)]
        for j in range(degree, _BITS):
            new = v[j - degree]
            for k in range(degree):
                if polynomial >> (degree - 1 - k) & 1:
                    new ^= v[j - k - 1] << (k + 1)
            v.append(new)
        rows.append(v)
    return [[v << (_BITS - 1 - j) for j, v in enumerate(row[:_BITS])] for row in rows]


class SobolEngine:
    """Points of Sobol's sequence in [0, 1)^dimension, in the order of Gray's code.

    With scramble=True the points are shuffled by random matrices and a shift (Owen, from seed when given), which keeps how
    evenly they lie. Direction numbers: S. Joe and F. Y. Kuo, 2008.

    >>> rustorch.quasirandom.SobolEngine(2).draw(3)
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000],
            [0.7500, 0.2500]])
    """

    MAXBIT = _BITS
    MAXDIM = 1111

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        self.num_generated = 0
        self.sobolstate = rt.tensor(_directions(dimension), dtype=rt.int64, device="cpu")
        self.shift = rt.zeros(dimension, dtype=rt.int64, device="cpu")
        if scramble:
            self._scramble()

    def _scramble(self) -> None:
        generator = None if self.seed is None else rt.Generator().manual_seed(self.seed)
        n, options = self.dimension, {"generator": generator, "dtype": rt.int64, "device": "cpu"}
        places = rt.arange(_BITS - 1, -1, -1, device="cpu")
        weights = 2**places
        self.shift = (rt.randint(0, 2, (n, _BITS), **options) * weights).sum(1)
        lower = rt.randint(0, 2, (n, _BITS, _BITS), **options).tril(-1) + rt.eye(_BITS, dtype=rt.int64, device="cpu")
        bits = (self.sobolstate.unsqueeze(-1) >> places) & 1  # dimension, direction, bit from the highest
        mixed = rt.einsum("dpq,djq->djp", lower.to(rt.float64), bits.to(rt.float64)).to(rt.int64) & 1
        self.sobolstate = (mixed * weights).sum(-1)

    def draw(self, n: int = 1, out: Any = None, dtype: Any = None) -> Any:
        """The next n points, (n, dimension)."""
        if self.num_generated + n > 2**_BITS:
            raise ValueError(f"SobolEngine has 2**{_BITS} points; got {self.num_generated} + {n}")
        index = rt.arange(self.num_generated, self.num_generated + n, device="cpu")
        gray = index ^ (index >> 1)
        points = self.shift.expand(n, self.dimension)
        for bit in range(max(1, (self.num_generated + n).bit_length())):
            if bit < _BITS:
                points = points ^ (((gray >> bit) & 1).unsqueeze(1) * self.sobolstate[:, bit])
        self.num_generated += n
        result = points.to(dtype or rt.get_default_dtype()) * 2.0**-_BITS
        if out is None:
            return result
        out.resize_(result.shape).copy_(result)
        return out

    def draw_base2(self, m: int, out: Any = None, dtype: Any = None) -> Any:
        """The next 2**m points; after them the number of all points must be a power of 2."""
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                "The balance properties of Sobol' points require n to be a power of 2. "
                f"{self.num_generated} points have been previously generated, then: n={self.num_generated}+2**{m}={total}. "
                "If you still want to do this, please use 'SobolEngine.draw()' instead."
            )
        return self.draw(n, out, dtype)

    def reset(self) -> SobolEngine:
        """Starts again from the first point."""
        self.num_generated = 0
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Leaves out the next n points."""
        self.num_generated += n
        return self

    def __repr__(self) -> str:
        parts = [f"dimension={self.dimension}"]
        parts += ["scramble=True"] if self.scramble else []
        parts += [f"seed={self.seed}"] if self.seed is not None else []
        return f"{type(self).__name__}({', '.join(parts)})"
