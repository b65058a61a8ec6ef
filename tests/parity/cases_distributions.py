"""The Python twin of distributions.cc: the same distributions, transforms, divergences and constraints."""

from cases import checksum, idx, x

import rustorch as rt
from rustorch import distributions as D
from rustorch.distributions import constraints as c
from rustorch.distributions import transforms as T


class Line:
    def __init__(self, name):
        self.text = name + "|"

    def add(self, key, value):
        if isinstance(value, str):
            self.text += f" {key}={value}"
            return
        try:
            self.text += f" {key}={checksum([value()])}"
        except NotImplementedError:
            self.text += f" {key}=-"


def shape_text(shape):
    return "[" + ",".join(map(str, shape)) + "]"


def pos(*shape, k=0):
    return x(*shape, k=k).abs() + 0.25


def unit(*shape, k=0):
    return x(*shape, k=k).sigmoid()


def simplex(*shape, k=0):
    return x(*shape, k=k).softmax(-1)


def counts(*shape, high):
    return idx(*shape, high=high).to(rt.float32)


def factor(n):
    return x(n, n, k=2).tril(-1) + rt.eye(n) * 1.5


def distributions():
    lines = {}
    for part in (_continuous, _discrete, _composite, _gradients, _divergences, _transforms):
        part(lines)
    return lines


def _check(lines, name, d, values):
    line = Line(name)
    line.add("batch", shape_text(d.batch_shape))
    line.add("event", shape_text(d.event_shape))
    line.add("rsample", "1" if d.has_rsample else "0")
    for key in ("mean", "mode", "variance", "stddev"):
        line.add(key, lambda key=key: getattr(d, key))
    line.add("entropy", d.entropy)
    line.add("log_prob", lambda: d.log_prob(values))
    line.add("cdf", lambda: d.cdf(values))
    line.add("icdf", lambda: d.icdf(rt.tensor([0.2, 0.7]).reshape(2, 1)))
    line.add("support", lambda: d.support.check(values))
    rt.manual_seed(3)
    line.add("sample", lambda: d.sample((2,)))
    rt.manual_seed(4)
    line.add("expand", lambda: d.expand((2, *d.batch_shape)).sample((3,)))
    line.add("enumerate", d.enumerate_support)
    lines[name] = line.text


def _continuous(lines):
    def check(name, d, values):
        _check(lines, name, d, values)

    v, p, u = x(2, 3), pos(2, 3, k=1), unit(2, 3, k=2)
    a, b, e = x(3, k=3), pos(3, k=4), pos(3, k=5)
    check("Normal", D.Normal(a, b), v)
    check("Normal2", D.Normal(0.5, 2.0), v)
    check("LogNormal", D.LogNormal(a, b), p)
    check("HalfNormal", D.HalfNormal(b), p)
    check("LogisticNormal", D.LogisticNormal(a, b), simplex(2, 4))
    check("Uniform", D.Uniform(a, a + b), a + unit(2, 3) * b)
    check("Cauchy", D.Cauchy(a, b), v)
    check("HalfCauchy", D.HalfCauchy(b), p)
    check("Laplace", D.Laplace(a, b), v)
    check("Gumbel", D.Gumbel(a, b), v)
    check("Exponential", D.Exponential(b), p)
    check("Gamma", D.Gamma(b, e), p)
    check("Chi2", D.Chi2(b + 1), p)
    check("InverseGamma", D.InverseGamma(b + 2, e), p)
    check("FisherSnedecor", D.FisherSnedecor(b + 3, e + 4), p)
    check("Weibull", D.Weibull(b, e), p)
    check("Pareto", D.Pareto(b, e + 2), b + p)
    check("GeneralizedPareto", D.GeneralizedPareto(a, b, rt.tensor([0.0, 0.3, 0.2])), a + p)
    check("StudentT", D.StudentT(b + 2, a, e), v)
    check("VonMises", D.VonMises(a, b), v)
    check("Dirichlet", D.Dirichlet(pos(2, 3, k=6)), simplex(2, 3))
    check("Beta", D.Beta(b, e), u)
    check("Kumaraswamy", D.Kumaraswamy(b, e), u)
    check("MultivariateNormal", D.MultivariateNormal(x(2, 3), scale_tril=factor(3)), v)
    covariance = factor(3) @ factor(3).T
    check("MultivariateNormal2", D.MultivariateNormal(a, covariance), v)
    check("MultivariateNormal3", D.MultivariateNormal(a, precision_matrix=covariance), v)
    check("LowRankMultivariateNormal", D.LowRankMultivariateNormal(a, x(3, 2), b), v)
    check("Wishart", D.Wishart(5.0, scale_tril=factor(3)), covariance + rt.eye(3))
    check("LKJCholesky", D.LKJCholesky(3, 1.5), T.CorrCholeskyTransform()(x(2, 3)))


def _discrete(lines):
    def check(name, d, values):
        _check(lines, name, d, values)

    u, logits, rows, scores = unit(3), x(3, k=1), simplex(2, 4), x(2, 4, k=1)
    check("Bernoulli", D.Bernoulli(u), counts(2, 3, high=2))
    check("Bernoulli2", D.Bernoulli(logits=logits), counts(2, 3, high=2))
    check("ContinuousBernoulli", D.ContinuousBernoulli(u), unit(2, 3, k=2))
    check("ContinuousBernoulli2", D.ContinuousBernoulli(logits=rt.tensor([-1.0, 0.001, 2.0])), unit(2, 3, k=2))
    check("Geometric", D.Geometric(u), counts(2, 3, high=5))
    check("Geometric2", D.Geometric(logits=logits), counts(2, 3, high=5))
    check("Binomial", D.Binomial(4, u), counts(2, 3, high=5))
    check("Binomial2", D.Binomial(4, logits=logits), counts(2, 3, high=5))
    check("NegativeBinomial", D.NegativeBinomial(3.0, u), counts(2, 3, high=5))
    check("NegativeBinomial2", D.NegativeBinomial(pos(3), logits=logits), counts(2, 3, high=5))
    check("Poisson", D.Poisson(pos(3)), counts(2, 3, high=5))
    check("Categorical", D.Categorical(rows * 3), idx(3, 2, high=4))
    check("Categorical2", D.Categorical(logits=scores), idx(3, 2, high=4))
    hot = rt.nn.functional.one_hot(idx(2, high=4), 4).to(rt.float32)
    check("OneHotCategorical", D.OneHotCategorical(rows), hot)
    check("OneHotCategorical2", D.OneHotCategorical(logits=scores), hot)
    check("OneHotCategoricalStraightThrough", D.OneHotCategoricalStraightThrough(rows), hot)
    check("Multinomial", D.Multinomial(6, rows), counts(2, 4, high=2))
    check("Multinomial2", D.Multinomial(6, logits=scores), counts(2, 4, high=2))
    check("RelaxedBernoulli", D.RelaxedBernoulli(0.7, u), unit(2, 3, k=2))
    check("RelaxedBernoulli2", D.RelaxedBernoulli(rt.tensor(0.7), logits=logits), unit(2, 3, k=2))
    check("RelaxedOneHotCategorical", D.RelaxedOneHotCategorical(0.7, rows), simplex(2, 4, k=3))
    check("RelaxedOneHotCategorical2", D.RelaxedOneHotCategorical(rt.tensor(0.7), logits=scores), simplex(2, 4, k=3))


def _composite(lines):
    def check(name, d, values):
        _check(lines, name, d, values)

    v, a, b = x(2, 3), x(2, 3, k=3), pos(2, 3, k=4)
    check("Independent", D.Independent(D.Normal(a, b), 1), v)
    check("Independent2", D.Independent(D.Bernoulli(unit(2, 3)), 2), counts(2, 3, high=2))
    check("MixtureSameFamily", D.MixtureSameFamily(D.Categorical(simplex(3)), D.Normal(x(3), pos(3))), v)
    parts = D.Independent(D.Normal(x(2, 3, 2), pos(2, 3, 2)), 1)
    check("MixtureSameFamily2", D.MixtureSameFamily(D.Categorical(logits=x(2, 3)), parts), x(2, 2))
    chain = [T.AffineTransform(0.5, -2.0), T.TanhTransform()]
    check("TransformedDistribution", D.TransformedDistribution(D.Normal(a, b), chain), x(2, 3, k=5).tanh() * 0.9)
    uniform = D.Uniform(rt.zeros(3), rt.ones(3))
    check("TransformedDistribution2", D.TransformedDistribution(uniform, T.SigmoidTransform().inv), v)
    base = D.Independent(D.Normal(a, b), 1)
    check("TransformedDistribution3", D.TransformedDistribution(base, [T.StickBreakingTransform()]), simplex(2, 4))


def _gradients(lines):
    def check(name, parameter, value, make):
        line = Line(name)

        def gradient(f):
            leaf = parameter.detach().clone().requires_grad_(True)
            f(leaf).sum().backward()
            return leaf.grad

        rt.manual_seed(5)
        line.add("rsample", lambda: gradient(lambda p: make(p).rsample((3,))))
        line.add("log_prob", lambda: gradient(lambda p: make(p).log_prob(value)))
        lines[name] = line.text

    b, v, p, u = pos(3, k=4), x(2, 3), pos(2, 3, k=1), unit(2, 3, k=2)
    check("Normal'", b, v, lambda t: D.Normal(t, t))
    check("LogNormal'", b, p, lambda t: D.LogNormal(t, t))
    check("Gamma'", b, p, lambda t: D.Gamma(t, t))
    check("Beta'", b, u, lambda t: D.Beta(t, t))
    check("StudentT'", b, v, lambda t: D.StudentT(t + 2, t, t))
    check("Weibull'", b, p, lambda t: D.Weibull(t, t))
    check("Gumbel'", b, v, lambda t: D.Gumbel(t, t))
    check("Kumaraswamy'", b, u, lambda t: D.Kumaraswamy(t, t))
    check("Dirichlet'", b, simplex(2, 3), D.Dirichlet)
    check("MultivariateNormal'", factor(3), v, lambda t: D.MultivariateNormal(x(3), scale_tril=t))
    check("RelaxedBernoulli'", unit(3), u, lambda t: D.RelaxedBernoulli(0.7, t))
    check("ContinuousBernoulli'", unit(3), u, D.ContinuousBernoulli)


def _divergences(lines):
    def kl(name, p, q):
        line = Line(name)
        line.add("kl", lambda: D.kl_divergence(p, q))
        lines[name] = line.text

    a, b, e, d, u, w = x(3), pos(3), x(3, k=2), pos(3, k=3), unit(3), unit(3, k=2)
    inside, wide = D.Uniform(u * 0.5, u * 0.5 + 0.4), D.Uniform(-b - 3, b + 3)
    n, m = D.Normal(a, b), D.Normal(e, d)
    beta, beta2 = D.Beta(b, d), D.Beta(d, b)
    gamma, gamma2 = D.Gamma(b, d), D.Gamma(d, b)
    exp, exp2 = D.Exponential(b), D.Exponential(d)
    g, h = D.Gumbel(a, b), D.Gumbel(e, d)
    p, q = D.Laplace(a, b), D.Laplace(e, d)
    pareto, pareto2 = D.Pareto(b, d + 2), D.Pareto(b * 0.5, b + 2)
    cb, cb2 = D.ContinuousBernoulli(u), D.ContinuousBernoulli(w)
    bern, bern2 = D.Bernoulli(u), D.Bernoulli(w)
    rate, rate2 = D.Poisson(b), D.Poisson(d)
    kl("Bernoulli Bernoulli", bern, bern2)
    kl("Binomial Binomial", D.Binomial(4, u), D.Binomial(4, w))
    kl("Categorical Categorical", D.Categorical(simplex(2, 4)), D.Categorical(simplex(2, 4, k=1)))
    kl("OneHot OneHot", D.OneHotCategorical(simplex(2, 4)), D.OneHotCategorical(simplex(2, 4, k=1)))
    kl("Geometric Geometric", D.Geometric(u), D.Geometric(w))
    kl("Poisson Poisson", rate, rate2)
    kl("Dirichlet Dirichlet", D.Dirichlet(pos(2, 3)), D.Dirichlet(pos(2, 3, k=1)))
    kl("Beta Beta", beta, beta2)
    kl("ContinuousBernoulli ContinuousBernoulli", cb, cb2)
    kl("Exponential Exponential", exp, exp2)
    kl("Gamma Gamma", gamma, gamma2)
    kl("Chi2 Gamma", D.Chi2(b + 1), gamma2)
    kl("Normal Normal", n, m)
    kl("LogNormal LogNormal", D.LogNormal(a, b), D.LogNormal(e, d))
    kl("HalfNormal HalfNormal", D.HalfNormal(b), D.HalfNormal(d))
    kl("Cauchy Cauchy", D.Cauchy(a, b), D.Cauchy(e, d))
    kl("Laplace Laplace", p, q)
    kl("Gumbel Gumbel", g, h)
    kl("Pareto Pareto", pareto, pareto2)
    kl("Uniform Uniform", inside, wide)
    kl("Uniform Uniform2", wide, inside)
    v = D.MultivariateNormal(x(3), scale_tril=factor(3))
    v2 = D.MultivariateNormal(x(2, 3, k=1), scale_tril=factor(3) * 2)
    r = D.LowRankMultivariateNormal(x(3), x(3, 2), b)
    r2 = D.LowRankMultivariateNormal(x(3, k=1), x(3, 1, k=2), d)
    kl("MultivariateNormal MultivariateNormal", v, v2)
    kl("MultivariateNormal LowRank", v, r)
    kl("LowRank MultivariateNormal", r, v)
    kl("LowRank LowRank", r, r2)
    kl("Wishart Wishart", D.Wishart(5.0, scale_tril=factor(3)), D.Wishart(6.0, scale_tril=factor(3) * 2))
    kl("Independent Independent", D.Independent(n, 1), D.Independent(m, 1))
    kl("Normal Independent", n, D.Independent(m, 1))
    for i, own in enumerate((beta, cb, exp, gamma, g, p, n, pareto, inside, wide)):
        for j, other in enumerate((beta2, cb2, exp2, gamma2, h, q, m, pareto2, wide, inside)):
            kl(f"cross {i} {j}", own, other)
    kl("Bernoulli Poisson", bern, rate)
    kl("Poisson Bernoulli", rate, bern)
    kl("Poisson Binomial", rate, D.Binomial(4, u))


def _transforms(lines):
    def check(name, t, at):
        line = Line(name + "Transform")
        y = t(at)
        line.add("y", lambda: y)
        line.add("inverse", lambda: t.inv(y))
        line.add("slope", lambda: t.log_abs_det_jacobian(at, y))
        line.add("inverse_slope", lambda: t.inv.log_abs_det_jacobian(y, at))
        line.add("forward", shape_text(t.forward_shape(at.shape)))
        line.add("backward", shape_text(t.inverse_shape(y.shape)))
        line.add("bijective", "1" if t.bijective else "0")
        line.add("domain", repr(t.domain))
        line.add("codomain", repr(t.codomain))
        lines[name + "Transform"] = line.text

    v, exp = x(2, 3), T.ExpTransform()
    check("Exp", exp, v)
    check("Exp.inv", exp.inv, pos(2, 3))
    check("Sigmoid", T.SigmoidTransform(), v)
    check("Softplus", T.SoftplusTransform(), v)
    check("Tanh", T.TanhTransform(), v)
    check("Power", T.PowerTransform(pos(3)), pos(2, 3, k=1))
    check("Power2", T.PowerTransform(2), pos(2, 3, k=1))
    check("Affine", T.AffineTransform(1, -2.5), v)
    check("Affine2", T.AffineTransform(x(3), pos(3), 1), v)
    check("Reshape", T.ReshapeTransform((3, 2), (6,)), x(2, 3, 2))
    check("Compose", T.ComposeTransform([exp, T.AffineTransform(1, 2), T.PowerTransform(0.5)]), v)
    check("Identity", T.identity_transform, v)
    check("Independent", T.IndependentTransform(exp, 1), v)
    check("Cumulative", T.CumulativeDistributionTransform(D.Normal(0.0, 2.0)), v)
    check("StickBreaking", T.StickBreakingTransform(), v)
    check("CorrCholesky", T.CorrCholeskyTransform(), x(2, 6))
    check("Cat", T.CatTransform([exp, T.AffineTransform(0, 2)], -1, [1, 2]), v)
    check("Stack", T.StackTransform([exp, T.SigmoidTransform(), exp], -1), v)
    line = Line("registry")

    def add(key, k, at):
        line.add(key, lambda: D.biject_to(k)(at))
        line.add(key, lambda: D.transform_to(k)(at))
        line.add(key, lambda: k.check(D.transform_to(k)(at)))
        line.add(key, repr(k))

    add("real", c.real, v)
    add("positive", c.positive, v)
    add("less_than", c.less_than(2.0), v)
    add("interval", c.interval(-1.0, 3.0), v)
    add("interval2", c.interval(x(3), x(3) + 2), v)
    add("unit", c.unit_interval, v)
    add("half_open", c.half_open_interval(0.0, 2.0), v)
    add("simplex", c.simplex, v)
    add("lower_cholesky", c.lower_cholesky, x(2, 3, 3))
    add("positive_definite", c.positive_definite, x(2, 3, 3))
    add("corr_cholesky", c.corr_cholesky, x(2, 6))
    add("independent", c.independent(c.positive, 1), v)
    add("cat", c.cat([c.positive, c.real], -1, [1, 2]), v)
    add("stack", c.stack([c.positive, c.real, c.unit_interval], -1), v)
    lines["registry"] = line.text
