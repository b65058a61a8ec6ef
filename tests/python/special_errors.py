"""Errors of rustorch.special in units of the last place, against stored values of mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import rustorch as rt

DIGITS = {"float32": (24, -149), "float64": (53, -1074)}


def call(name, args, dtype):
    tensors = [rt.tensor(column, dtype=dtype) for column in args]
    base, _, order = name.partition("polygamma_")
    return rt.special.polygamma(int(order), *tensors) if order else getattr(rt.special, base)(*tensors)


def unit(size: float, kind: str) -> float:
    digits, lowest = DIGITS[kind]
    return math.ldexp(1.0, max(math.frexp(size)[1] - digits, lowest))


def worst(name, row, kind):
    """Largest error over the samples; values that the dtype cannot hold are left out."""
    got = call(name, row["args"], getattr(rt, kind)).tolist()
    largest = {"float32": 3.4028234e38, "float64": 1.7976931348623157e308}[kind]
    smallest = {"float32": 1.2e-38, "float64": 2.3e-308}[kind]
    error = 0.0
    for k, (value, text) in enumerate(zip(got, row["want"])):
        want = Fraction(text)
        size = abs(float(want))
        if size > largest or size < smallest:
            continue
        if row["bound"] == "envelope":
            size = max(size, math.sqrt(2 / (math.pi * abs(row["args"][0][k]))))
        error = max(error, float(abs(Fraction(value) - want)) / unit(size, kind) if math.isfinite(value) else math.inf)
    return error
