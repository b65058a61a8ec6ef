// Distributions, transforms, divergences and constraints: every number that they give, as a checksum.
#include <cstdio>
#include <functional>

#include "parity.h"

namespace parity {

using namespace rt::distributions;  // NOLINT
using rt::Tensor;

namespace {
/// "name=checksum name=checksum ..."; "-" where there is none.
class Line {
 public:
  explicit Line(std::string name) : name_(std::move(name)) {}
  void add(const char* key, const std::function<Tensor()>& f) {
    char text[64];
    try {
      std::snprintf(text, sizeof text, " %s=%08x", key, checksum({f()}));
    } catch (const rt::RusTorchError& e) {
      if (e.kind() != rt::ErrorKind::NotImplemented) throw;
      std::snprintf(text, sizeof text, " %s=-", key);
    }
    out_ += text;
  }
  void add(const char* key, const std::string& text) { out_ += std::string(" ") + key + "=" + text; }
  void print() const { std::printf("%s|%s\n", name_.c_str(), out_.c_str()); }

 private:
  std::string name_, out_;
};

std::string shape_text(rt::IntArrayRef shape) {
  std::string s;
  for (const int64_t n : shape) s += (s.empty() ? "" : ",") + std::to_string(n);
  return "[" + s + "]";
}

/// Everything about one distribution; values lie in its support.
template <class D>
void check(const char* name, const D& d, const Tensor& values) {
  Line line(name);
  line.add("batch", shape_text(d.batch_shape()));
  line.add("event", shape_text(d.event_shape()));
  line.add("rsample", d.has_rsample() ? "1" : "0");
  line.add("mean", [&] { return d.mean(); });
  line.add("mode", [&] { return d.mode(); });
  line.add("variance", [&] { return d.variance(); });
  line.add("stddev", [&] { return d.stddev(); });
  line.add("entropy", [&] { return d.entropy(); });
  line.add("log_prob", [&] { return d.log_prob(values); });
  line.add("cdf", [&] { return d.cdf(values); });
  line.add("icdf", [&] { return d.icdf(rt::tensor({0.2, 0.7}).reshape({2, 1})); });
  line.add("support", [&] { return d.support().check(values); });
  rt::manual_seed(3);
  line.add("sample", [&] { return d.sample({2}); });
  rt::manual_seed(4);
  std::vector<int64_t> wide = {2};
  wide.insert(wide.end(), d.batch_shape().begin(), d.batch_shape().end());
  line.add("expand", [&] { return d.expand(wide).sample({3}); });
  line.add("enumerate", [&] { return d.enumerate_support(); });
  line.print();
}

/// The gradients of a sample and of a density by a parameter.
template <class Make>
void gradients(const char* name, const Tensor& parameter, const Tensor& value, Make&& make) {
  Line line(name);
  const auto gradient = [&](const std::function<Tensor(const Tensor&)>& f) {
    const Tensor leaf = parameter.detach().clone().requires_grad_(true);
    f(leaf).sum().backward();
    return leaf.grad();
  };
  rt::manual_seed(5);
  line.add("rsample", [&] { return gradient([&](const Tensor& p) { return make(p).rsample({3}); }); });
  line.add("log_prob", [&] { return gradient([&](const Tensor& p) { return make(p).log_prob(value); }); });
  line.print();
}

void kl(const char* name, const Distribution& p, const Distribution& q) {
  Line line(name);
  line.add("kl", [&] { return kl_divergence(p, q); });
  line.print();
}

/// A transform at points of its domain.
void transform(const char* name, const Transform& t, const Tensor& x) {
  Line line(std::string(name) + "Transform");
  const Tensor y = t(x);
  line.add("y", [&] { return y; });
  line.add("inverse", [&] { return t.inv()(y); });
  line.add("slope", [&] { return t.log_abs_det_jacobian(x, y); });
  line.add("inverse_slope", [&] { return t.inv().log_abs_det_jacobian(y, x); });
  line.add("forward", shape_text(t.forward_shape(x.sizes())));
  line.add("backward", shape_text(t.inverse_shape(y.sizes())));
  line.add("bijective", t.bijective() ? "1" : "0");
  line.add("domain", t.domain().str());
  line.add("codomain", t.codomain().str());
  line.print();
}

Tensor pos(std::initializer_list<int64_t> shape, int k = 0) { return x(shape, k).abs() + 0.25; }
Tensor unit(std::initializer_list<int64_t> shape, int k = 0) { return x(shape, k).sigmoid(); }
Tensor simplex(std::initializer_list<int64_t> shape, int k = 0) { return x(shape, k).softmax(-1); }
Tensor counts(std::initializer_list<int64_t> shape, int64_t high) {
  return idx(shape, high).to(rt::kFloat32);
}
Tensor factor(int64_t n) { return x({n, n}, 2).tril(-1) + rt::eye(n) * 1.5; }

void continuous() {
  const Tensor v = x({2, 3}), p = pos({2, 3}, 1), u = unit({2, 3}, 2);
  const Tensor a = x({3}, 3), b = pos({3}, 4), c = pos({3}, 5);
  check("Normal", Normal(a, b), v);
  check("Normal2", Normal(0.5, 2.0), v);
  check("LogNormal", LogNormal(a, b), p);
  check("HalfNormal", HalfNormal(b), p);
  check("LogisticNormal", LogisticNormal(a, b), simplex({2, 4}));
  check("Uniform", Uniform(a, a + b), a + unit({2, 3}) * b);
  check("Cauchy", Cauchy(a, b), v);
  check("HalfCauchy", HalfCauchy(b), p);
  check("Laplace", Laplace(a, b), v);
  check("Gumbel", Gumbel(a, b), v);
  check("Exponential", Exponential(b), p);
  check("Gamma", Gamma(b, c), p);
  check("Chi2", Chi2(b + 1), p);
  check("InverseGamma", InverseGamma(b + 2, c), p);
  check("FisherSnedecor", FisherSnedecor(b + 3, c + 4), p);
  check("Weibull", Weibull(b, c), p);
  check("Pareto", Pareto(b, c + 2), b + p);
  check("GeneralizedPareto", GeneralizedPareto(a, b, rt::tensor({0.0, 0.3, 0.2})), a + p);
  check("StudentT", StudentT(b + 2, a, c), v);
  check("VonMises", VonMises(a, b), v);
  check("Dirichlet", Dirichlet(pos({2, 3}, 6)), simplex({2, 3}));
  check("Beta", Beta(b, c), u);
  check("Kumaraswamy", Kumaraswamy(b, c), u);
  check("MultivariateNormal", MultivariateNormal(x({2, 3}), factor(3)), v);
  const Tensor covariance = factor(3).matmul(factor(3).t());
  check("MultivariateNormal2", MultivariateNormal::from_covariance(a, covariance), v);
  check("MultivariateNormal3", MultivariateNormal::from_precision(a, covariance), v);
  check("LowRankMultivariateNormal", LowRankMultivariateNormal(a, x({3, 2}), b), v);
  check("Wishart", Wishart(5.0, factor(3)), covariance + rt::eye(3));
  check("LKJCholesky", LKJCholesky(3, 1.5), CorrCholeskyTransform()(x({2, 3})));
}

void discrete() {
  const Tensor u = unit({3}), logits = x({3}, 1), rows = simplex({2, 4}), scores = x({2, 4}, 1);
  check("Bernoulli", Bernoulli(u), counts({2, 3}, 2));
  check("Bernoulli2", Bernoulli::from_logits(logits), counts({2, 3}, 2));
  check("ContinuousBernoulli", ContinuousBernoulli(u), unit({2, 3}, 2));
  check("ContinuousBernoulli2", ContinuousBernoulli::from_logits(rt::tensor({-1.0, 0.001, 2.0})),
        unit({2, 3}, 2));
  check("Geometric", Geometric(u), counts({2, 3}, 5));
  check("Geometric2", Geometric::from_logits(logits), counts({2, 3}, 5));
  check("Binomial", Binomial(4, u), counts({2, 3}, 5));
  check("Binomial2", Binomial::from_logits(4, logits), counts({2, 3}, 5));
  check("NegativeBinomial", NegativeBinomial(3.0, u), counts({2, 3}, 5));
  check("NegativeBinomial2", NegativeBinomial::from_logits(pos({3}), logits), counts({2, 3}, 5));
  check("Poisson", Poisson(pos({3})), counts({2, 3}, 5));
  check("Categorical", Categorical(rows * 3), idx({3, 2}, 4));
  check("Categorical2", Categorical::from_logits(scores), idx({3, 2}, 4));
  const Tensor hot = rt::one_hot(idx({2}, 4), 4).to(rt::kFloat32);
  check("OneHotCategorical", OneHotCategorical(rows), hot);
  check("OneHotCategorical2", OneHotCategorical::from_logits(scores), hot);
  check("OneHotCategoricalStraightThrough", OneHotCategoricalStraightThrough(rows), hot);
  check("Multinomial", Multinomial(6, rows), counts({2, 4}, 2));
  check("Multinomial2", Multinomial::from_logits(6, scores), counts({2, 4}, 2));
  check("RelaxedBernoulli", RelaxedBernoulli(0.7, u), unit({2, 3}, 2));
  check("RelaxedBernoulli2", RelaxedBernoulli::from_logits(rt::scalar_tensor(0.7), logits), unit({2, 3}, 2));
  check("RelaxedOneHotCategorical", RelaxedOneHotCategorical(0.7, rows), simplex({2, 4}, 3));
  check("RelaxedOneHotCategorical2", RelaxedOneHotCategorical::from_logits(rt::scalar_tensor(0.7), scores),
        simplex({2, 4}, 3));
}

void composite() {
  const Tensor v = x({2, 3}), a = x({2, 3}, 3), b = pos({2, 3}, 4);
  check("Independent", Independent(Normal(a, b), 1), v);
  check("Independent2", Independent(Bernoulli(unit({2, 3})), 2), counts({2, 3}, 2));
  check("MixtureSameFamily", MixtureSameFamily(Categorical(simplex({3})), Normal(x({3}), pos({3}))), v);
  check("MixtureSameFamily2",
        MixtureSameFamily(Categorical::from_logits(x({2, 3})),
                          Independent(Normal(x({2, 3, 2}), pos({2, 3, 2})), 1)),
        x({2, 2}));
  check("TransformedDistribution",
        TransformedDistribution(Normal(a, b), {AffineTransform(0.5, -2.0), TanhTransform()}),
        x({2, 3}, 5).tanh() * 0.9);
  check("TransformedDistribution2",
        TransformedDistribution(Uniform(rt::zeros({3}), rt::ones({3})), SigmoidTransform().inv()), v);
  check("TransformedDistribution3",
        TransformedDistribution(Independent(Normal(a, b), 1), {StickBreakingTransform()}), simplex({2, 4}));
}

void all_gradients() {
  const Tensor b = pos({3}, 4), v = x({2, 3}), p = pos({2, 3}, 1), u = unit({2, 3}, 2);
  gradients("Normal'", b, v, [](const Tensor& t) { return Normal(t, t); });
  gradients("LogNormal'", b, p, [](const Tensor& t) { return LogNormal(t, t); });
  gradients("Gamma'", b, p, [](const Tensor& t) { return Gamma(t, t); });
  gradients("Beta'", b, u, [](const Tensor& t) { return Beta(t, t); });
  gradients("StudentT'", b, v, [](const Tensor& t) { return StudentT(t + 2, t, t); });
  gradients("Weibull'", b, p, [](const Tensor& t) { return Weibull(t, t); });
  gradients("Gumbel'", b, v, [](const Tensor& t) { return Gumbel(t, t); });
  gradients("Kumaraswamy'", b, u, [](const Tensor& t) { return Kumaraswamy(t, t); });
  gradients("Dirichlet'", b, simplex({2, 3}), [](const Tensor& t) { return Dirichlet(t); });
  gradients("MultivariateNormal'", factor(3), v,
            [](const Tensor& t) { return MultivariateNormal(x({3}), t); });
  gradients("RelaxedBernoulli'", unit({3}), u, [](const Tensor& t) { return RelaxedBernoulli(0.7, t); });
  gradients("ContinuousBernoulli'", unit({3}), u, [](const Tensor& t) { return ContinuousBernoulli(t); });
}

void divergences() {
  const Tensor a = x({3}), b = pos({3}), c = x({3}, 2), d = pos({3}, 3), u = unit({3}), w = unit({3}, 2);
  const Uniform inside(u * 0.5, u * 0.5 + 0.4), wide(-b - 3, b + 3);
  const Normal n(a, b), m(c, d);
  const Beta beta(b, d), beta2(d, b);
  const Gamma gamma(b, d), gamma2(d, b);
  const Exponential e(b), f(d);
  const Gumbel g(a, b), h(c, d);
  const Laplace l(a, b), k(c, d);
  const Pareto pareto(b, d + 2), pareto2(b * 0.5, b + 2);
  const ContinuousBernoulli cb(u), cb2(w);
  const Bernoulli bern(u), bern2(w);
  const Poisson rate(b), rate2(d);
  kl("Bernoulli Bernoulli", bern, bern2);
  kl("Binomial Binomial", Binomial(4, u), Binomial(4, w));
  kl("Categorical Categorical", Categorical(simplex({2, 4})), Categorical(simplex({2, 4}, 1)));
  kl("OneHot OneHot", OneHotCategorical(simplex({2, 4})), OneHotCategorical(simplex({2, 4}, 1)));
  kl("Geometric Geometric", Geometric(u), Geometric(w));
  kl("Poisson Poisson", rate, rate2);
  kl("Dirichlet Dirichlet", Dirichlet(pos({2, 3})), Dirichlet(pos({2, 3}, 1)));
  kl("Beta Beta", beta, beta2);
  kl("ContinuousBernoulli ContinuousBernoulli", cb, cb2);
  kl("Exponential Exponential", e, f);
  kl("Gamma Gamma", gamma, gamma2);
  kl("Chi2 Gamma", Chi2(b + 1), gamma2);
  kl("Normal Normal", n, m);
  kl("LogNormal LogNormal", LogNormal(a, b), LogNormal(c, d));
  kl("HalfNormal HalfNormal", HalfNormal(b), HalfNormal(d));
  kl("Cauchy Cauchy", Cauchy(a, b), Cauchy(c, d));
  kl("Laplace Laplace", l, k);
  kl("Gumbel Gumbel", g, h);
  kl("Pareto Pareto", pareto, pareto2);
  kl("Uniform Uniform", inside, wide);
  kl("Uniform Uniform2", wide, inside);
  const MultivariateNormal v(x({3}), factor(3)), v2(x({2, 3}, 1), factor(3) * 2);
  const LowRankMultivariateNormal r(x({3}), x({3, 2}), b), r2(x({3}, 1), x({3, 1}, 2), d);
  kl("MultivariateNormal MultivariateNormal", v, v2);
  kl("MultivariateNormal LowRank", v, r);
  kl("LowRank MultivariateNormal", r, v);
  kl("LowRank LowRank", r, r2);
  kl("Wishart Wishart", Wishart(5.0, factor(3)), Wishart(6.0, factor(3) * 2));
  kl("Independent Independent", Independent(n, 1), Independent(m, 1));
  kl("Normal Independent", n, Independent(m, 1));
  const Distribution* continuous[] = {&beta, &cb, &e, &gamma, &g, &l, &n, &pareto, &inside, &wide};
  const Distribution* others[] = {&beta2, &cb2, &f, &gamma2, &h, &k, &m, &pareto2, &wide, &inside};
  for (size_t i = 0; i < std::size(continuous); ++i) {
    for (size_t j = 0; j < std::size(others); ++j) {
      kl(("cross " + std::to_string(i) + " " + std::to_string(j)).c_str(), *continuous[i], *others[j]);
    }
  }
  kl("Bernoulli Poisson", bern, rate);
  kl("Poisson Bernoulli", rate, bern);
  kl("Poisson Binomial", rate, Binomial(4, u));
}

void transforms() {
  const Tensor v = x({2, 3});
  const Transform exp = ExpTransform();
  transform("Exp", exp, v);
  transform("Exp.inv", exp.inv(), pos({2, 3}));
  transform("Sigmoid", SigmoidTransform(), v);
  transform("Softplus", SoftplusTransform(), v);
  transform("Tanh", TanhTransform(), v);
  transform("Power", PowerTransform(pos({3})), pos({2, 3}, 1));
  transform("Power2", PowerTransform(2), pos({2, 3}, 1));
  transform("Affine", AffineTransform(1, -2.5), v);
  transform("Affine2", AffineTransform(x({3}), pos({3}), 1), v);
  transform("Reshape", ReshapeTransform({3, 2}, {6}), x({2, 3, 2}));
  transform("Compose", ComposeTransform({exp, AffineTransform(1, 2), PowerTransform(0.5)}), v);
  transform("Identity", identity_transform(), v);
  transform("Independent", IndependentTransform(exp, 1), v);
  transform("Cumulative", CumulativeDistributionTransform(Normal(0.0, 2.0)), v);
  transform("StickBreaking", StickBreakingTransform(), v);
  transform("CorrCholesky", CorrCholeskyTransform(), x({2, 6}));
  transform("Cat", CatTransform({exp, AffineTransform(0, 2)}, -1, {1, 2}), v);
  transform("Stack", StackTransform({exp, SigmoidTransform(), exp}, -1), v);
  Line line("registry");
  namespace c = constraints;
  const auto add = [&](const char* key, const Constraint& k, const Tensor& at) {
    line.add(key, [&] { return biject_to(k)(at); });
    line.add(key, [&] { return transform_to(k)(at); });
    line.add(key, [&] { return k.check(transform_to(k)(at)); });
    line.add(key, k.str());
  };
  add("real", c::real(), v);
  add("positive", c::positive(), v);
  add("less_than", c::less_than(2.0), v);
  add("interval", c::interval(-1.0, 3.0), v);
  add("interval2", c::interval(x({3}), x({3}) + 2), v);
  add("unit", c::unit_interval(), v);
  add("half_open", c::half_open_interval(0.0, 2.0), v);
  add("simplex", c::simplex(), v);
  add("lower_cholesky", c::lower_cholesky(), x({2, 3, 3}));
  add("positive_definite", c::positive_definite(), x({2, 3, 3}));
  add("corr_cholesky", c::corr_cholesky(), x({2, 6}));
  add("independent", c::independent(c::positive(), 1), v);
  add("cat", c::cat({c::positive(), c::real()}, -1, {1, 2}), v);
  add("stack", c::stack({c::positive(), c::real(), c::unit_interval()}, -1), v);
  line.print();
}
}  // namespace

void distributions() {
  continuous();
  discrete();
  composite();
  all_gradients();
  divergences();
  transforms();
}

}  // namespace parity
