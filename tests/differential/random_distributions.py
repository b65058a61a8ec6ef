"""Random parameters, batch shapes and samples for every distribution, on rustorch and on PyTorch.

    python tests/differential/random_distributions.py [--count 40] [--seed 0] [--filter Gamma]

Needs torch and rustorch in one interpreter (torch in a venv of its own; rustorch by PYTHONPATH). Parameters are made
from the constraints of PyTorch's classes, samples are drawn by PyTorch; densities, their gradients, moments, entropy,
cdf, icdf and divergences must agree. `--count` is per class. The exit status is 1 when anything differs.
"""

import argparse
import sys
import warnings

import torch

import rustorch

D, R = torch.distributions, rustorch.distributions
# options that are numbers, or parameters that must fit each other
SPECIAL = {
    "Binomial": lambda s: {"total_count": torch.randint(1, 9, s), "probs": torch.rand(s).double()},
    "NegativeBinomial": lambda s: {"total_count": torch.rand(s).double() * 5 + 0.5, "probs": torch.rand(s).double()},
    "Multinomial": lambda s: {"total_count": 5, "probs": torch.rand((*s, 4)).double() + 0.1},
    "Uniform": lambda s: (lambda a: {"low": a, "high": a + torch.rand(s).double() + 0.1})(torch.randn(s).double()),
    "LKJCholesky": lambda s: {"dim": 3, "concentration": torch.rand(s).double() * 3 + 0.5},
    "Wishart": lambda s: {"df": torch.rand(s).double() * 4 + 3.1, "covariance_matrix": spd(s, 3)},
    "MultivariateNormal": lambda s: {"loc": torch.randn((*s, 3)).double(), "covariance_matrix": spd(s, 3)},
    "LowRankMultivariateNormal": lambda s: {
        "loc": torch.randn((*s, 3)).double(), "cov_factor": torch.randn((*s, 3, 2)).double(),
        "cov_diag": torch.rand((*s, 3)).double() + 0.2,
    },
    "RelaxedBernoulli": lambda s: {"temperature": torch.tensor(0.7).double(), "probs": torch.rand(s).double()},
    "RelaxedOneHotCategorical": lambda s: {
        "temperature": torch.tensor(0.7).double(), "probs": torch.rand((*s, 4)).double() + 0.1,
    },
    "GeneralizedPareto": lambda s: {
        "loc": torch.randn(s), "scale": torch.rand(s) + 0.2, "concentration": torch.rand(s) - 0.3,
    },
}  # fmt: skip
SKIP = (
    "Independent",
    "TransformedDistribution",
    "MixtureSameFamily",
    "Distribution",
    "ExponentialFamily",
    "LogitRelaxedBernoulli",
)
# classes with parameters over a last dim of events
EVENTS = ("Categorical", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Dirichlet")


def spd(shape, n):
    a = torch.randn((*shape, n, n)).double()
    return a @ a.mT + 0.5 * torch.eye(n).double()


def parameters(name):
    """Random keyword arguments of a class, float64."""
    shape = [(), (3,), (2, 1), (2, 3)][int(torch.randint(0, 4, ()))]
    if name in SPECIAL:
        return SPECIAL[name](shape)
    cls = getattr(D, name)
    names = [n for n in cls.arg_constraints if n not in ("logits", "precision_matrix", "scale_tril")]
    if "logits" in cls.arg_constraints and torch.rand(()) < 0.5:
        names = [n for n in names if n != "probs"] + ["logits"]
    out = {}
    for n in names:
        full = (*shape, 4) if name in EVENTS else shape
        if shape and torch.rand(()) < 0.2 and name not in EVENTS:
            full = shape[1:]  # to be broadcast
        constraint = cls.arg_constraints[n]
        if constraint is D.constraints.real_vector or n == "logits":
            out[n] = torch.randn(full).double()
        else:
            out[n] = D.transform_to(constraint)(torch.randn(full).double())
    return out


def convert(x):
    if isinstance(x, torch.Tensor):
        dtype = getattr(rustorch, str(x.dtype).split(".")[1])
        return rustorch.tensor(x.detach().tolist(), dtype=dtype).reshape(tuple(x.shape))
    return x


def back(x, like):
    return torch.tensor(x.detach().tolist(), dtype=like.dtype).reshape(tuple(x.shape))


def attempt(f):
    """The value, or the NotImplementedError's class; other errors pass."""
    try:
        return f()
    except NotImplementedError:
        return NotImplementedError


def leaves(kwargs):
    return {
        k: v.clone().requires_grad_(True) if isinstance(v, torch.Tensor) and v.is_floating_point() else v
        for k, v in kwargs.items()
    }


def gradients(t, d, x, kwargs):
    inputs = [v for v in kwargs.values() if isinstance(v, t.Tensor) and v.requires_grad]
    y = d.log_prob(x)
    if not inputs or not y.requires_grad:
        return []
    got = t.autograd.grad(y.sum(), inputs, allow_unused=True)
    return [t.zeros_like(p) if g is None else g for p, g in zip(inputs, got)]


def compare(what, want, got, tol=1e-7):
    """Yields texts."""
    if want is NotImplementedError or got is NotImplementedError:
        if got is NotImplementedError and want is not got:
            yield f"{what}: not implemented"
        return
    if tuple(want.shape) != tuple(got.shape):
        yield f"{what}: shapes {tuple(want.shape)} and {tuple(got.shape)}"
        return
    other = back(got, want)
    if not torch.allclose(want.detach(), other, rtol=tol, atol=tol, equal_nan=True):
        worst = (want.detach() - other).abs()
        yield f"{what}: differ by {float(worst.max()):.3g}: {want.detach().flatten()[:3].tolist()} {other.flatten()[:3].tolist()}"


def check(name):
    """Differences of one random case of a class."""
    kwargs = leaves(parameters(name))
    ours = {k: convert(v) for k, v in kwargs.items()}
    for k, v in kwargs.items():
        if isinstance(v, torch.Tensor) and v.requires_grad:
            ours[k].requires_grad_(True)
    a, b = getattr(D, name)(**kwargs), getattr(R, name)(**ours)
    if (tuple(a.batch_shape), tuple(a.event_shape)) != (tuple(b.batch_shape), tuple(b.event_shape)):
        yield f"shapes {a.batch_shape} {a.event_shape} and {b.batch_shape} {b.event_shape}"
    # PyTorch has float32 samples of the first only, and a polynomial for the Bessel functions of the second
    near = 1e-5 if name in ("GeneralizedPareto", "VonMises") else 1e-7
    for what in ("mean", "variance", "stddev", "mode"):
        yield from compare(what, attempt(lambda: getattr(a, what)), attempt(lambda: getattr(b, what)), near)
    yield from compare("entropy", attempt(a.entropy), attempt(b.entropy), near)
    shape = [(), (2,)][int(torch.randint(0, 2, ()))]
    x = a.sample(shape)
    y = convert(x)
    loose = {"VonMises": 1e-5, "ContinuousBernoulli": 1e-5, "GeneralizedPareto": 1e-4}.get(name, 1e-7)
    yield from compare("log_prob", a.log_prob(x), b.log_prob(y), loose)
    if name != "Wishart":  # PyTorch's has a slope in the half of scale_tril that is not read
        for i, (g, h) in enumerate(zip(gradients(torch, a, x, kwargs), gradients(rustorch, b, y, ours))):
            yield from compare(f"gradient {i} of log_prob", g, h, loose * 10)
    yield from compare("cdf", attempt(lambda: a.cdf(x)), attempt(lambda: b.cdf(y)), loose)
    p = torch.rand(x.shape, dtype=x.dtype if x.is_floating_point() else torch.float64) * 0.98 + 0.01
    yield from compare("icdf", attempt(lambda: a.icdf(p)), attempt(lambda: b.icdf(convert(p))), loose * 10)
    wide = (2, *a.batch_shape)
    yield from compare("expand", a.expand(wide).log_prob(x.expand((*shape, *wide, *a.event_shape)) if not shape else x.unsqueeze(1).expand((*shape, *wide, *a.event_shape))),
                       b.expand(wide).log_prob(y.expand((*shape, *wide, *b.event_shape)) if not shape else y.unsqueeze(1).expand((*shape, *wide, *b.event_shape))), loose)  # fmt: skip
    try:
        other = parameters(name)
        want = attempt(lambda: D.kl_divergence(a, getattr(D, name)(**other)))
    except (IndexError, RuntimeError, ValueError):  # shapes that it does not broadcast, or another total_count
        return
    got = attempt(lambda: R.kl_divergence(b, getattr(R, name)(**{k: convert(v) for k, v in other.items()})))
    if want is not NotImplementedError and bool(torch.isfinite(want).all()):
        yield from compare("kl", want, got, loose * 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--filter", default="")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    names = [n for n in D.__all__ if n[0].isupper() and n not in SKIP and isinstance(getattr(D, n), type)]
    names = [n for n in names if issubclass(getattr(D, n), D.Distribution) and args.filter in n]
    failed = 0
    for name in names:
        for seed in range(args.seed, args.seed + args.count):
            torch.manual_seed(seed)
            try:
                found = list(check(name))
            except Exception as e:
                found = [f"{type(e).__name__}: {e}"]
            failed += bool(found)
            for text in found:
                print(f"{name} {seed}: {text[:300]}")
    print(f"{len(names)} classes, {len(names) * args.count} cases, {failed} with differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
