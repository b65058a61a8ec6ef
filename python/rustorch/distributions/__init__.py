"""Probability distributions, transforms between them, constraints on their parameters, and divergences.

Every distribution has a batch shape (independent copies with their own parameters) and an event shape (that of one
sample). Families of distributions share a file; PyTorch's module names, such as `distributions.log_normal`, are
other names of these files.
"""

import sys as _sys

from . import (
    bernoulli,
    beta,
    categorical,
    constraint_registry,
    constraints,
    counts,
    distribution,
    exp_family,
    gamma,
    independent,
    kl,
    location_scale,
    mixture_same_family,
    multivariate_normal,
    normal,
    pareto,
    relaxed,
    transformed_distribution,
    transforms,
    utils,
    von_mises,
    wishart,
)
from .bernoulli import Bernoulli, ContinuousBernoulli
from .beta import Beta, Dirichlet, Kumaraswamy
from .categorical import Categorical, Multinomial, OneHotCategorical, OneHotCategoricalStraightThrough
from .constraint_registry import biject_to, transform_to
from .counts import Binomial, Geometric, NegativeBinomial, Poisson
from .distribution import Distribution
from .exp_family import ExponentialFamily
from .gamma import Chi2, Exponential, FisherSnedecor, Gamma, InverseGamma, Weibull
from .independent import Independent
from .kl import kl_divergence, register_kl
from .location_scale import Cauchy, Gumbel, HalfCauchy, Laplace, StudentT
from .mixture_same_family import MixtureSameFamily
from .multivariate_normal import LowRankMultivariateNormal, MultivariateNormal
from .normal import HalfNormal, LogisticNormal, LogNormal, Normal
from .pareto import GeneralizedPareto, Pareto, Uniform
from .relaxed import RelaxedBernoulli, RelaxedOneHotCategorical
from .transformed_distribution import TransformedDistribution
from .transforms import *
from .von_mises import VonMises
from .wishart import LKJCholesky, Wishart

# PyTorch has one module for each distribution.
_FILES = {
    bernoulli: "continuous_bernoulli",
    beta: "dirichlet kumaraswamy",
    categorical: "multinomial one_hot_categorical",
    counts: "binomial geometric negative_binomial poisson",
    gamma: "chi2 exponential fishersnedecor inverse_gamma weibull",
    location_scale: "cauchy gumbel half_cauchy laplace studentT",
    multivariate_normal: "lowrank_multivariate_normal",
    normal: "half_normal log_normal logistic_normal",
    pareto: "generalized_pareto uniform",
    relaxed: "relaxed_bernoulli relaxed_categorical",
    wishart: "lkj_cholesky",
}
for _module, _names in _FILES.items():
    for _name in _names.split():
        globals()[_name] = _module
        _sys.modules[f"{__name__}.{_name}"] = _module
del _module, _names, _name

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "ContinuousBernoulli", "Dirichlet",
    "Distribution", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma", "GeneralizedPareto", "Geometric",
    "Gumbel", "HalfCauchy", "HalfNormal", "Independent", "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace",
    "LogNormal", "LogisticNormal", "LowRankMultivariateNormal", "MixtureSameFamily", "Multinomial",
    "MultivariateNormal", "NegativeBinomial", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough",
    "Pareto", "Poisson", "RelaxedBernoulli", "RelaxedOneHotCategorical", "StudentT", "TransformedDistribution",
    "Uniform", "VonMises", "Weibull", "Wishart", "biject_to", "kl_divergence", "register_kl", "transform_to",
]  # fmt: skip
__all__.extend(transforms.__all__)
