#!/usr/bin/env python3
"""Fits the piecewise polynomials of src/backend/cpu/simd/math_tables.h and prints its tables.

An argument's exponent and first two fraction bits choose one of 32 intervals (the first one reaches down to 0). On
each the function is c0 + t (c1 + t (c2 + ...)) with t = a - centre; erf adds t to that on the first. Centres lie where the function is very close to a
float, so that c0 brings no error of its own; the other coefficients are rounded to float one after the other, each time
fitting the rest again. Needs NumPy and mpmath.
"""

import mpmath
import numpy as np


def fit(function, low_exponent, degree):
    """Rows of 32: centres, then the coefficients from c0 on."""
    table = np.zeros((degree + 2, 32), np.float32)
    for index in range(32):
        begin = 2.0 ** (low_exponent + index // 4) * (1 + index % 4 / 4)
        end = 2.0 ** (low_exponent + (index + 1) // 4) * (1 + (index + 1) % 4 / 4)
        if index == 0:
            table[:, 0] = fit_origin(function, end, degree)
            continue
        centre = best_centre(function, begin, end)
        coefficients = [np.float32(float(function(centre)))]
        nodes = (begin + end) / 2 + (end - begin) / 2 * np.cos(np.pi * (np.arange(64) + 0.5) / 64)
        t = nodes - float(centre)
        values = np.array([float(function(x) - function(centre)) for x in nodes])
        for k in range(1, degree + 1):
            powers = np.stack([t**j for j in range(k, degree + 1)], 1)
            solution = np.linalg.lstsq(powers, values, rcond=None)[0]
            coefficients.append(np.float32(solution[0]))
            values = values - float(coefficients[-1]) * t**k
        table[:, index] = [centre, *coefficients]
    return table


def fit_origin(function, end, degree):
    """Odd functions near 0: centre 0, even coefficients 0, relative error."""
    nodes = end / 2 + end / 2 * np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    ratios = np.array([float(function(x) / x) for x in nodes])
    column = np.zeros(degree + 2, np.float32)
    for k in range(1, degree + 1, 2):
        powers = np.stack([nodes ** (j - 1) for j in range(k, degree + 1, 2)], 1)
        column[k + 1] = np.float32(np.linalg.lstsq(powers, ratios, rcond=None)[0][0])
        ratios = ratios - float(column[k + 1]) * nodes ** (k - 1)
    return column


def best_centre(function, begin, end):
    middle = np.float32((begin + end) / 2)
    step = np.float32(np.spacing(middle))
    candidates = [np.float32(middle + np.float32(k) * step) for k in range(-400, 401)]

    def distance(x):
        value = function(x)
        return abs(float(value - mpmath.mpf(float(np.float32(float(value)))))) / float(value)

    return min(candidates, key=distance)


def show(name, comment, table):
    print(f"/// {comment}")
    print(f"inline constexpr float {name}[{len(table)}][32] = {{")
    for row in table:
        print("    {" + ", ".join(f"{float(x):.9g}f" if float(x) % 1 else f"{float(x):.0f}" for x in row) + "},")
    print("};")


def main():
    mpmath.mp.dps = 30
    show("kTanhTable", "tanh on [0, 16).", fit(lambda x: mpmath.tanh(mpmath.mpf(float(x))), -4, 5))
    erf = fit(lambda x: mpmath.erf(mpmath.mpf(float(x))), -6, 6)
    erf[:, 0] = fit_origin(lambda x: mpmath.erf(mpmath.mpf(float(x))) - mpmath.mpf(float(x)), 2.0**-6 * 1.25, 6)
    show("kErfTable", "erf on [0, 4); erf(a) - a on the first interval.", erf)


if __name__ == "__main__":
    main()
