"""Make distributions.json: `python make_distributions_golden.py` in an environment that has torch and mpmath."""

import json
import pathlib
import warnings

import distributions_cases as cases
import mpmath
import torch

warnings.simplefilter("ignore")
mpmath.mp.dps = 50
torch.set_default_dtype(torch.float64)  # GeneralizedPareto of PyTorch takes no other dtype than the default one


def implicit(cdf, density, a):
    """-(dF/da) / density by a central difference."""
    h = mpmath.mpf(10) ** -15 * a
    return float(-(cdf(a + h) - cdf(a - h)) / (2 * h) / density)


def gamma_grad(a, x):
    a, x = mpmath.mpf(a), mpmath.mpf(x)
    density = mpmath.exp((a - 1) * mpmath.log(x) - x - mpmath.loggamma(a))
    if x < a:
        return implicit(lambda s: mpmath.gammainc(s, 0, x, regularized=True), density, a)
    return implicit(lambda s: -mpmath.gammainc(s, x, mpmath.inf, regularized=True), density, a)


def beta_grad(x, a, b):
    x, a, b = (mpmath.mpf(v) for v in (x, a, b))
    density = x ** (a - 1) * (1 - x) ** (b - 1) / mpmath.beta(a, b)
    if x < a / (a + b):
        return implicit(lambda s: mpmath.betainc(s, b, 0, x, regularized=True), density, a) / float(1 - x)
    # the upper tail is computed from the lower end, where it is small
    return implicit(lambda s: -mpmath.betainc(b, s, 0, 1 - x, regularized=True), density, a) / float(1 - x)


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return {k: rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


golden = {
    "cases": {name: cases.evaluate(torch, name) for name in cases.CASES},
    "kl": cases.divergences(torch),
    "transforms": {name: cases.evaluate_transform(torch, name) for name in cases.TRANSFORMS},
    "gamma_grad": [gamma_grad(a, cases.gamma_point(a, z)) for a, z in cases.GAMMA_GRAD],
    "beta_grad": [beta_grad(x, a, b) for x, a, b in cases.BETA_GRAD],
}
path = pathlib.Path(__file__).parent / "distributions.json"
path.write_text(json.dumps(rounded(golden), separators=(",", ":")) + "\n")
