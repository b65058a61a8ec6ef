"""Distributions, transforms and divergences as data, evaluated by any framework with PyTorch's API.

A case is a class and its arguments: lists become float64 tensors, tuples are (class, arguments) of other
distributions, the rest is passed as it is.
"""

import itertools
import math

POS, POS2, LOC = [0.7, 1.3, 2.5], [2.2, 0.8, 1.7], [-0.5, 0.2, 1.1]
PROB, LOGITS = [0.2, 0.5, 0.85], [-1.0, 0.2, 1.4]
SIMPLEX, CONC = [[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]], [[0.8, 1.5, 2.2], [3.0, 1.1, 0.9]]
PSD, TRIL = [[2.0, 0.3], [0.3, 1.5]], [[1.4, 0.0], [0.3, 1.2]]
REAL, POSITIVE, UNIT = [-1.3, 0.4, 2.2], [0.3, 1.1, 2.9], [0.15, 0.5, 0.93]
COUNTS = [0.0, 1.0, 3.0]
POINTS = [[0.2, 0.3, 0.5], [0.7, 0.1, 0.2]]

# name: (class, arguments, values)
CASES = {
    "bernoulli": ("Bernoulli", {"probs": PROB}, [0.0, 1.0, 1.0]),
    "bernoulli logits": ("Bernoulli", {"logits": LOGITS}, [0.0, 1.0, 0.0]),
    "bernoulli certain": ("Bernoulli", {"probs": [0.0, 1.0]}, [0.0, 1.0]),
    "beta": ("Beta", {"concentration1": POS, "concentration0": POS2}, UNIT),
    "binomial": ("Binomial", {"total_count": 10, "probs": PROB}, COUNTS),
    "binomial logits": ("Binomial", {"total_count": [5.0, 3.0, 8.0], "logits": LOGITS}, COUNTS),
    "categorical": ("Categorical", {"probs": SIMPLEX}, [0.0, 2.0]),
    "categorical logits": ("Categorical", {"logits": [[0.5, -0.2, 0.1], [0.0, 1.0, -1.0]]}, [1.0, 2.0]),
    "cauchy": ("Cauchy", {"loc": LOC, "scale": POS}, REAL),
    "chi2": ("Chi2", {"df": POS}, POSITIVE),
    "continuous_bernoulli": ("ContinuousBernoulli", {"probs": [0.2, 0.5, 0.85]}, UNIT),
    "continuous_bernoulli logits": ("ContinuousBernoulli", {"logits": [-3.0, 0.2, 8.0]}, UNIT),
    "dirichlet": ("Dirichlet", {"concentration": CONC}, POINTS),
    "exponential": ("Exponential", {"rate": POS}, POSITIVE),
    "fisher_snedecor": ("FisherSnedecor", {"df1": [2.7, 3.3, 4.5], "df2": [7.2, 5.8, 1.7]}, POSITIVE),
    "gamma": ("Gamma", {"concentration": POS, "rate": POS2}, POSITIVE),
    "generalized_pareto": (
        "GeneralizedPareto", {"loc": LOC, "scale": POS, "concentration": [0.2, 0.0, -0.3]}, [0.1, 1.0, 2.9],
    ),
    "geometric": ("Geometric", {"probs": PROB}, COUNTS),
    "gumbel": ("Gumbel", {"loc": LOC, "scale": POS}, REAL),
    "half_cauchy": ("HalfCauchy", {"scale": POS}, POSITIVE),
    "half_normal": ("HalfNormal", {"scale": POS}, POSITIVE),
    "independent": (
        "Independent", {"base_distribution": ("Normal", {"loc": CONC, "scale": CONC}), "reinterpreted_batch_ndims": 1},
        POINTS,
    ),
    "inverse_gamma": ("InverseGamma", {"concentration": [3.2, 1.5, 5.0], "rate": POS2}, POSITIVE),
    "kumaraswamy": ("Kumaraswamy", {"concentration1": POS, "concentration0": POS2}, UNIT),
    "laplace": ("Laplace", {"loc": LOC, "scale": POS}, REAL),
    "lkj_cholesky": (
        "LKJCholesky", {"dim": 3, "concentration": 0.8}, [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.28, 0.96]],
    ),
    "log_normal": ("LogNormal", {"loc": LOC, "scale": [0.3, 0.6, 0.9]}, POSITIVE),
    "logistic_normal": ("LogisticNormal", {"loc": LOC, "scale": POS}, [0.1, 0.3, 0.2, 0.4]),
    "low_rank_normal": (
        "LowRankMultivariateNormal", {"loc": LOC, "cov_factor": [[0.5], [0.2], [-0.4]], "cov_diag": POS}, [REAL, UNIT],
    ),
    "mixture": (
        "MixtureSameFamily",
        {"mixture_distribution": ("Categorical", {"probs": [0.2, 0.3, 0.5]}),
         "component_distribution": ("Normal", {"loc": LOC, "scale": POS})},
        REAL,
    ),
    "multinomial": ("Multinomial", {"total_count": 6, "probs": SIMPLEX}, [[1.0, 2.0, 3.0], [0.0, 5.0, 1.0]]),
    "normal_vector": ("MultivariateNormal", {"loc": [0.5, -1.0], "covariance_matrix": PSD}, [[0.1, 0.2], [1.0, -2.0]]),
    "normal_vector precision": (
        "MultivariateNormal", {"loc": [0.5, -1.0], "precision_matrix": PSD}, [[0.1, 0.2], [1.0, -2.0]],
    ),
    "normal_vector factor": (
        "MultivariateNormal", {"loc": [[0.5, -1.0], [2.0, 0.0]], "scale_tril": TRIL}, [[0.1, 0.2], [1.0, -2.0]],
    ),
    "negative_binomial": ("NegativeBinomial", {"total_count": [3.0, 5.0, 2.5], "probs": PROB}, COUNTS),
    "normal": ("Normal", {"loc": LOC, "scale": POS}, REAL),
    "normal scalar": ("Normal", {"loc": [0.0], "scale": 2.0}, [0.7]),
    "one_hot": ("OneHotCategorical", {"probs": SIMPLEX}, [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    "pareto": ("Pareto", {"scale": POS, "alpha": [4.7, 0.8, 1.7]}, [0.9, 1.3, 7.0]),
    "poisson": ("Poisson", {"rate": POS}, COUNTS),
    "relaxed_bernoulli": ("RelaxedBernoulli", {"temperature": [0.7], "probs": PROB}, UNIT),
    "relaxed_one_hot": ("RelaxedOneHotCategorical", {"temperature": [0.7], "probs": SIMPLEX}, POINTS),
    "student_t": ("StudentT", {"df": [0.7, 1.5, 4.5], "loc": LOC, "scale": POS2}, REAL),
    "uniform": ("Uniform", {"low": LOC, "high": [0.2, 1.5, 3.6]}, [0.1, 0.4, 2.2]),
    "von_mises": ("VonMises", {"loc": LOC, "concentration": [0.7, 13.0, 250.0]}, REAL),
    "weibull": ("Weibull", {"scale": POS, "concentration": [2.7, 1.3, 2.2]}, POSITIVE),
    "wishart": ("Wishart", {"df": [4.5], "covariance_matrix": PSD}, [[[1.5, 0.2], [0.2, 3.0]]]),
    "wishart precision": ("Wishart", {"df": [2.7], "precision_matrix": PSD}, [[[1.5, 0.2], [0.2, 3.0]]]),
}  # fmt: skip

ATTRIBUTES = ("mean", "variance", "stddev", "mode")
PROBABILITIES = [0.1, 0.5, 0.8]


def to_tensor(torch, value):
    return torch.tensor(value, dtype=torch.float64)


def build(torch, case, leaves=None):
    """The distribution of a case; `leaves` collects its tensors, made to require gradients."""
    cls, arguments = case[0], {}
    for name, value in case[1].items():
        if isinstance(value, tuple):
            value = build(torch, value, leaves)
        elif isinstance(value, list):
            value = to_tensor(torch, value)
            if leaves is not None:
                value.requires_grad_()
                leaves.append(value)
        arguments[name] = value
    return getattr(torch.distributions, cls)(**arguments)


def _optional(function):
    try:
        return function().tolist()
    except NotImplementedError:
        return None


def evaluate(torch, name):
    """Everything that a case defines, as nested lists."""
    case, leaves = CASES[name], []
    d = build(torch, case)
    x = to_tensor(torch, case[2])
    q = to_tensor(torch, PROBABILITIES[: d.batch_shape[-1] if d.batch_shape else 1])
    out = {"shapes": [list(d.batch_shape), list(d.event_shape)], "log_prob": d.log_prob(x).tolist()}
    for attribute in ATTRIBUTES:
        out[attribute] = _optional(lambda: getattr(d, attribute))
    out["entropy"] = _optional(d.entropy)
    out["cdf"] = _optional(lambda: d.cdf(x))
    out["icdf"] = _optional(lambda: d.icdf(q))
    out["enumerate"] = _optional(d.enumerate_support)
    total = build(torch, case, leaves).log_prob(x).sum()
    if leaves:
        out["grad"] = [g.tolist() for g in torch.autograd.grad(total, leaves)]
    return out


def divergences(torch):
    """KL(p || q) of all pairs of cases that have one and whose batches fit, by "p|q"."""
    out = {}
    for p, q in itertools.product(CASES, CASES):
        a, b = build(torch, CASES[p]), build(torch, CASES[q])
        try:
            kl = torch.distributions.kl_divergence(a, b)
        except (NotImplementedError, ValueError, RuntimeError):
            continue
        out[f"{p}|{q}"] = kl.tolist()
    return out


# name: (maker, input)
TRANSFORMS = {
    "abs": (lambda D, t: D.AbsTransform(), REAL),
    "affine": (lambda D, t: D.AffineTransform(1.5, -2.0), REAL),
    "affine event": (lambda D, t: D.AffineTransform(t(UNIT), t(REAL), event_dim=1), REAL),
    "cat": (lambda D, t: D.CatTransform([D.ExpTransform(), D.SigmoidTransform()], 0, [1, 2]), REAL),
    "compose": (lambda D, t: D.ComposeTransform([D.AffineTransform(0.5, 2.0), D.ExpTransform()]), REAL),
    "compose vector": (
        lambda D, t: D.ComposeTransform([D.AffineTransform(0.5, 2.0), D.StickBreakingTransform()]),
        REAL,
    ),
    "corr_cholesky": (lambda D, t: D.CorrCholeskyTransform(), REAL),
    "corr_cholesky pair": (lambda D, t: D.CorrCholeskyTransform(), [0.4]),
    "cdf": (lambda D, t: D.CumulativeDistributionTransform(D.Normal(t(0.1), t(1.2))), REAL),
    "exp": (lambda D, t: D.ExpTransform(), REAL),
    "independent": (lambda D, t: D.IndependentTransform(D.ExpTransform(), 1), REAL),
    "lower_cholesky": (lambda D, t: D.LowerCholeskyTransform(), [[0.3, 0.0], [0.5, -0.2]]),
    "positive_definite": (lambda D, t: D.PositiveDefiniteTransform(), [[0.3, 0.0], [0.5, -0.2]]),
    "power": (lambda D, t: D.PowerTransform(t(1.7)), UNIT),
    "reshape": (lambda D, t: D.ReshapeTransform((3,), (3, 1)), REAL),
    "sigmoid": (lambda D, t: D.SigmoidTransform(), REAL),
    "softmax": (lambda D, t: D.SoftmaxTransform(), REAL),
    "softplus": (lambda D, t: D.SoftplusTransform(), REAL),
    "stack": (lambda D, t: D.StackTransform([D.ExpTransform(), D.TanhTransform(), D.SigmoidTransform()], 0), REAL),
    "stick_breaking": (lambda D, t: D.StickBreakingTransform(), REAL),
    "tanh": (lambda D, t: D.TanhTransform(), REAL),
}


def evaluate_transform(torch, name):
    """Forward, inverse, log determinant and shapes of a transform."""
    make, x = TRANSFORMS[name]
    x = to_tensor(torch, x)
    transform = make(torch.distributions, lambda v: to_tensor(torch, v))
    y = transform(x)
    return {
        "y": y.tolist(),
        "x": transform.inv(y).tolist(),
        "log_det": _optional(lambda: transform.log_abs_det_jacobian(x, y)),
        "shape": list(transform.forward_shape(x.shape)),
    }


# Arguments of _standard_gamma_grad(a, x) and _dirichlet_grad(x, a, total), whose values are computed with mpmath.
GAMMA_GRAD = list(itertools.product((0.05, 0.7, 1.0, 3.5, 40.0, 2500.0, 20000.0), (-2.5, -0.5, 0.1, 1.5, 3.0)))
BETA_GRAD = list(itertools.product((0.01, 0.3, 0.6, 0.95), (0.2, 1.0, 6.0), (0.3, 1.0, 9.0)))


def gamma_point(a, z):
    """A point of Gamma(a, 1) about z standard deviations from the middle (Wilson and Hilferty)."""
    return max(a * (1 - 1 / (9 * a) + z / math.sqrt(9 * a)) ** 3, 1e-3) if a > 0.5 else 10.0**z
