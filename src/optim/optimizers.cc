// The formulas, one per optimizer, in the steps of the Python package (python/rustorch/optim).
#include "rustorch/optim/optimizers.h"

#include <cmath>

#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "rustorch/sparse.h"

namespace rustorch::optim {

using Values = OptimizerOptions;
using Group = const OptimizerOptions&;

namespace {
void check(bool ok, const char* what, double value) {
  RT_CHECK(ok, Value, "Optimizer", "Invalid ", what, ": ", value);
}

/// What every optimizer checks of the options that it has.
void check_common(const Values& o) {
  check(o.number("lr") >= 0, "learning rate", o.number("lr"));
  for (const char* name : {"momentum", "weight_decay", "lambd", "alpha", "lr_decay", "momentum_decay"}) {
    if (o.contains(name)) check(o.number(name) >= 0, name, o.number(name));
  }
  if (o.contains("eps") && !o.at("eps").is_list())
    check(o.number("eps") >= 0, "epsilon value", o.number("eps"));
  if (!o.contains("betas")) return;
  const auto [beta1, beta2] = o.pair("betas");
  check(beta1 >= 0 && beta1 < 1, "beta parameter at index 0", beta1);
  check(beta2 >= 0 && beta2 < 1, "beta parameter at index 1", beta2);
}

Values checked(Values o) {
  check_common(o);
  return o;
}

const Tensor& tensor_of(const Values& s, const char* name) { return s.at(name).tensor(); }

/// A tensor of no dims that counts or keeps a number.
Tensor scalar(double v) {
  return full({}, Scalar(v), get_default_dtype() == kFloat64 ? kFloat64 : kFloat32).detach();
}

/// Counts the step; gives its number.
double tick(const Values& s) {
  const Tensor& step = tensor_of(s, "step");
  step.add_(1);
  return step.item<double>();
}

/// (weight decay of the gradient, what decoupled decay leaves of a parameter).
std::pair<double, double> decay_either(Group o) {
  const double decay = o.number("weight_decay");
  if (!o.flag("decoupled_weight_decay")) return {decay, 1};
  return {0, 1 - o.number("lr") * decay};
}

void zero_states(const Tensor& p, Values& s, std::initializer_list<const char*> names) {
  for (const char* name : names) s.set(name, SavedValue(zeros_like(p).detach()));
}

/// The count of steps, and zeros under these names.
void start(const Tensor& p, Values& s, std::initializer_list<const char*> names) {
  s.set("step", SavedValue(scalar(0)));
  zero_states(p, s, names);
}

/// The moments of Adam and its kin at a new step: averages of the gradient and of its square.
struct Moments {
  Moments(const Values& s, Group o)
      : t(tick(s)), avg(tensor_of(s, "exp_avg")), square(tensor_of(s, "exp_avg_sq")) {
    std::tie(beta1, beta2) = o.pair("betas");
    correction1 = 1 - std::pow(beta1, t);
    correction2 = 1 - std::pow(beta2, t);
  }
  void take(const Tensor& g) const {
    avg.lerp_(g, 1 - beta1);
    square.mul_(beta2).addcmul_(g, g, 1 - beta2);
  }
  double t, beta1, beta2, correction1, correction2;
  const Tensor &avg, &square;
};

Tensor full_of(const Tensor& p, double v) {
  return full_like(p, p.is_complex() ? Scalar(std::complex<double>(v, v)) : Scalar(v)).detach();
}

const SavedValue kNone{};
}  // namespace

// ---- options: names and defaults as in Python

#define RT_LATE \
  {"foreach", kNone}, {"maximize", false}, {"differentiable", false}, { "capturable", false }

SGDOptions::SGDOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"momentum", 0},
                            {"dampening", 0},
                            {"weight_decay", 0},
                            {"nesterov", false},
                            {"maximize", false},
                            {"foreach", kNone},
                            {"differentiable", false},
                            {"fused", kNone}}) {}
AdamOptions::AdamOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"betas", SavedValue::List{0.9, 0.999}},
                            {"eps", 1e-8},
                            {"weight_decay", 0},
                            {"amsgrad", false},
                            RT_LATE,
                            {"fused", kNone},
                            {"decoupled_weight_decay", false}}) {}
AdamWOptions::AdamWOptions(double lr) : OptimizerOptions(AdamOptions(lr)) {
  weight_decay(1e-2);
  set("decoupled_weight_decay", true);
}
AdadeltaOptions::AdadeltaOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr}, {"rho", 0.9}, {"eps", 1e-6}, {"weight_decay", 0}, RT_LATE}) {}
AdagradOptions::AdagradOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"lr_decay", 0},
                            {"eps", 1e-10},
                            {"weight_decay", 0},
                            {"initial_accumulator_value", 0},
                            {"foreach", kNone},
                            {"maximize", false},
                            {"differentiable", false},
                            {"fused", kNone}}) {}
AdamaxOptions::AdamaxOptions(double lr)
    : OptimizerOptions(Dict{
          {"lr", lr}, {"betas", SavedValue::List{0.9, 0.999}}, {"eps", 1e-8}, {"weight_decay", 0}, RT_LATE}) {
}
NAdamOptions::NAdamOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"betas", SavedValue::List{0.9, 0.999}},
                            {"eps", 1e-8},
                            {"weight_decay", 0},
                            {"momentum_decay", 4e-3},
                            {"decoupled_weight_decay", false},
                            RT_LATE}) {}
RAdamOptions::RAdamOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"betas", SavedValue::List{0.9, 0.999}},
                            {"eps", 1e-8},
                            {"weight_decay", 0},
                            {"decoupled_weight_decay", false},
                            RT_LATE}) {}
ASGDOptions::ASGDOptions(double lr)
    : OptimizerOptions(
          Dict{{"lr", lr}, {"lambd", 1e-4}, {"alpha", 0.75}, {"t0", 1e6}, {"weight_decay", 0}, RT_LATE}) {}
RMSpropOptions::RMSpropOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"alpha", 0.99},
                            {"eps", 1e-8},
                            {"weight_decay", 0},
                            {"momentum", 0},
                            {"centered", false},
                            RT_LATE}) {}
RpropOptions::RpropOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"etas", SavedValue::List{0.5, 1.2}},
                            {"step_sizes", SavedValue::List{1e-6, 50}},
                            RT_LATE}) {}
AdafactorOptions::AdafactorOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"beta2_decay", -0.8},
                            {"eps", SavedValue::List{kNone, 1e-3}},
                            {"d", 1.0},
                            {"weight_decay", 0.0},
                            {"foreach", kNone},
                            {"maximize", false}}) {}
MuonOptions::MuonOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"weight_decay", 0.1},
                            {"momentum", 0.95},
                            {"nesterov", true},
                            {"ns_coefficients", SavedValue::List{3.4445, -4.775, 2.0315}},
                            {"eps", 1e-7},
                            {"ns_steps", 5},
                            {"adjust_lr_fn", kNone}}) {}
LionOptions::LionOptions(double lr)
    : OptimizerOptions(Dict{
          {"lr", lr}, {"betas", SavedValue::List{0.9, 0.99}}, {"weight_decay", 0.0}, {"maximize", false}}) {}
LAMBOptions::LAMBOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"betas", SavedValue::List{0.9, 0.999}},
                            {"eps", 1e-6},
                            {"weight_decay", 0.0},
                            {"maximize", false}}) {}
AdaBoundOptions::AdaBoundOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"betas", SavedValue::List{0.9, 0.999}},
                            {"final_lr", 0.1},
                            {"gamma", 1e-3},
                            {"eps", 1e-8},
                            {"weight_decay", 0.0},
                            {"maximize", false}}) {}
SparseAdamOptions::SparseAdamOptions(double lr)
    : OptimizerOptions(
          Dict{{"lr", lr}, {"betas", SavedValue::List{0.9, 0.999}}, {"eps", 1e-8}, {"maximize", false}}) {}
LBFGSOptions::LBFGSOptions(double lr)
    : OptimizerOptions(Dict{{"lr", lr},
                            {"max_iter", 20},
                            {"max_eval", 25},
                            {"tolerance_grad", 1e-7},
                            {"tolerance_change", 1e-9},
                            {"history_size", 100},
                            {"line_search_fn", kNone},
                            {"maximize", false}}) {}
LBFGSOptions& LBFGSOptions::max_iter(int64_t v) {
  set("max_iter", v);
  set("max_eval", v * 5 / 4);
  return *this;
}
#undef RT_LATE

#define RT_CONSTRUCTOR(Name)                                                 \
  Name::Name(std::vector<OptimizerParamGroup> groups, Name##Options options) \
      : Optimizer(std::move(groups), checked(std::move(options))) {}

// ---- SGD

SGD::SGD(std::vector<OptimizerParamGroup> groups, SGDOptions o) : Optimizer(std::move(groups), checked(o)) {
  RT_CHECK(!o.nesterov() || (o.momentum() > 0 && o.dampening() == 0), Value, "SGD",
           "Nesterov momentum requires a momentum and zero dampening");
}

namespace {
/// Parameters that one fused call may take together, and the lists that go with them.
struct Batch {
  DType dtype;
  bool first;
  std::vector<Tensor> lists[6];
};

Batch& batch_of(std::vector<Batch>& batches, DType dtype, bool first) {
  for (Batch& b : batches) {
    if (b.dtype == dtype && b.first == first) return b;
  }
  batches.push_back({dtype, first, {}});
  return batches.back();
}
}  // namespace

void SGD::update_group(OptimizerParamGroup& group) {
  const Values& o = group.options;
  const double momentum = o.number("momentum");
  std::vector<Batch> batches;
  for (size_t i = 0; i < group.params.size(); ++i) {
    const Tensor& p = group.params[i];
    Tensor g = p.grad();
    if (!g.defined()) continue;
    if (g.is_sparse()) {
      if (momentum == 0 && o.number("weight_decay") == 0) {  // touches the rows that have a gradient
        p.add_(g, o.flag("maximize") ? o.number("lr") : -o.number("lr"));
        continue;
      }
      g = g.to_dense();
    }
    bool first = false;
    if (momentum != 0) {
      const SavedValue* buffer = group.state[i].find("momentum_buffer");
      first = buffer == nullptr || buffer->is_none();
      if (first) group.state[i].set("momentum_buffer", SavedValue(empty_like(p).detach()));
    }
    Batch& b = batch_of(batches, p.dtype(), first);
    b.lists[0].push_back(p);
    b.lists[1].push_back(g);
    if (momentum != 0) b.lists[2].push_back(tensor_of(group.state[i], "momentum_buffer"));
  }
  for (const Batch& b : batches) {
    _fused_sgd_(b.lists[0], b.lists[1], b.lists[2], o.number("lr"), momentum, o.number("dampening"),
                o.number("weight_decay"), o.flag("nesterov"), o.flag("maximize"), b.first);
  }
}

// ---- Adam and AdamW

Adam::Adam(std::vector<OptimizerParamGroup> groups, AdamOptions o)
    : Optimizer(std::move(groups), checked(std::move(o))) {}
Adam::Adam(Decoupled, std::vector<OptimizerParamGroup> groups, OptimizerOptions o)
    : Optimizer(std::move(groups), checked(std::move(o))) {}
AdamW::AdamW(std::vector<OptimizerParamGroup> groups, AdamWOptions o)
    : Adam(Decoupled(), std::move(groups), std::move(o)) {}

void Adam::init_state(const Tensor& p, Values& s, Group o) {
  start(p, s, {"exp_avg", "exp_avg_sq"});
  if (o.flag("amsgrad")) zero_states(p, s, {"max_exp_avg_sq"});
}

void Adam::update_group(OptimizerParamGroup& group) {
  const Values& o = group.options;
  const bool amsgrad = o.flag("amsgrad");
  std::vector<Batch> batches;
  for (size_t i = 0; i < group.params.size(); ++i) {
    const Tensor& p = group.params[i];
    const Tensor g = p.grad();
    if (!g.defined()) continue;
    Values& s = group.state[i];
    if (s.values().empty()) init_state(p, s, o);
    Batch& b = batch_of(batches, p.dtype(), false);
    const auto real = [&](const Tensor& t) { return p.is_complex() ? view_as_real(t) : t; };
    b.lists[0].push_back(real(p));
    b.lists[1].push_back(real(g));
    b.lists[2].push_back(real(tensor_of(s, "exp_avg")));
    b.lists[3].push_back(real(tensor_of(s, "exp_avg_sq")));
    if (amsgrad) b.lists[4].push_back(real(tensor_of(s, "max_exp_avg_sq")));
    b.lists[5].push_back(tensor_of(s, "step"));
  }
  const auto [beta1, beta2] = o.pair("betas");
  const auto step = o.flag("decoupled_weight_decay") ? _fused_adamw_ : _fused_adam_;
  for (const Batch& b : batches) {
    step(b.lists[0], b.lists[1], b.lists[2], b.lists[3], b.lists[4], b.lists[5], o.number("lr"), beta1, beta2,
         o.number("weight_decay"), o.number("eps"), amsgrad, o.flag("maximize"));
  }
}

// ---- one formula per parameter (ops/optim.ops)

RT_CONSTRUCTOR(Adadelta)
void Adadelta::init_state(const Tensor& p, Values& s, Group) { start(p, s, {"square_avg", "acc_delta"}); }
void Adadelta::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  tick(s);
  _fused_adadelta_({p}, {grad}, {tensor_of(s, "square_avg")}, {tensor_of(s, "acc_delta")}, o.number("lr"),
                   o.number("rho"), o.number("eps"), o.number("weight_decay"));
}

Adagrad::Adagrad(std::vector<OptimizerParamGroup> groups, AdagradOptions options)
    : Optimizer(std::move(groups), checked(std::move(options))) {
  for (OptimizerParamGroup& group : param_groups()) {  // the sums exist from the start
    for (size_t i = 0; i < group.params.size(); ++i)
      Adagrad::init_state(group.params[i], group.state[i], group.options);
  }
}
void Adagrad::init_state(const Tensor& p, Values& s, Group o) {
  s.set("step", SavedValue(scalar(0)));
  s.set("sum", SavedValue(full_of(p, o.number("initial_accumulator_value"))));
}
void Adagrad::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  const double rate = o.number("lr") / (1 + (tick(s) - 1) * o.number("lr_decay"));
  const Tensor& total = tensor_of(s, "sum");
  if (grad.is_sparse()) {
    RT_CHECK(o.number("weight_decay") == 0, Value, "Adagrad",
             "weight_decay option is not compatible with sparse gradients");
    const Tensor g = grad.coalesce(), values = g.values();
    total.add_(_sparse_with_values(g, values * values));
    const Tensor root = total.sparse_mask(g).values().sqrt() + o.number("eps");
    p.add_(_sparse_with_values(g, values / root), -rate);
    return;
  }
  _fused_adagrad_({p}, {grad}, {total}, rate, o.number("eps"), o.number("weight_decay"));
}

RT_CONSTRUCTOR(Adamax)
void Adamax::init_state(const Tensor& p, Values& s, Group) { start(p, s, {"exp_avg", "exp_inf"}); }
void Adamax::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  const double t = tick(s);
  const auto [beta1, beta2] = o.pair("betas");
  _fused_adamax_({p}, {grad}, {tensor_of(s, "exp_avg")}, {tensor_of(s, "exp_inf")},
                 o.number("lr") / (1 - std::pow(beta1, t)), beta1, beta2, o.number("eps"),
                 o.number("weight_decay"));
}

RT_CONSTRUCTOR(NAdam)
void NAdam::init_state(const Tensor& p, Values& s, Group) {
  s.set("step", SavedValue(scalar(0)));
  s.set("mu_product", SavedValue(scalar(1)));
  zero_states(p, s, {"exp_avg", "exp_avg_sq"});
}
void NAdam::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  const Moments m(s, o);
  const double lr = o.number("lr"), decay = o.number("momentum_decay");
  const double mu = m.beta1 * (1.0 - 0.5 * std::pow(0.96, m.t * decay));
  const double mu_next = m.beta1 * (1.0 - 0.5 * std::pow(0.96, (m.t + 1) * decay));
  const Tensor& product_of = tensor_of(s, "mu_product");
  product_of.mul_(mu);
  const double product = product_of.item<double>();
  const double rate_grad = lr * (1.0 - mu) / (1.0 - product);
  const double rate_avg = lr * mu_next / (1.0 - product * mu_next);
  const auto [weight_decay, shrink] = decay_either(o);
  _fused_nadam_({p}, {grad}, {m.avg}, {m.square}, rate_grad, rate_avg, m.correction2, m.beta1, m.beta2,
                o.number("eps"), weight_decay, shrink);
}

RT_CONSTRUCTOR(RAdam)
void RAdam::init_state(const Tensor& p, Values& s, Group) { start(p, s, {"exp_avg", "exp_avg_sq"}); }
void RAdam::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  const Moments m(s, o);
  const double rho_inf = 2 / (1 - m.beta2) - 1;
  const double rho = rho_inf - 2 * m.t * std::pow(m.beta2, m.t) / m.correction2;
  double rate = o.number("lr") / m.correction1;
  const bool adaptive = rho > 5.0;
  if (adaptive)
    rate *= std::pow(m.correction2, 0.5) *
            std::pow((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho), 0.5);
  const auto [weight_decay, shrink] = decay_either(o);
  _fused_radam_({p}, {grad}, {m.avg}, {m.square}, rate, adaptive, m.beta1, m.beta2, o.number("eps"),
                weight_decay, shrink);
}

RT_CONSTRUCTOR(ASGD)
void ASGD::init_state(const Tensor& p, Values& s, Group o) {
  s.set("step", SavedValue(scalar(0)));
  s.set("eta", SavedValue(scalar(o.number("lr"))));
  s.set("mu", SavedValue(scalar(1)));
  zero_states(p, s, {"ax"});
}
void ASGD::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  const double t = tick(s), lr = o.number("lr"), lambd = o.number("lambd");
  const double eta = tensor_of(s, "eta").item<double>(), mu = tensor_of(s, "mu").item<double>();
  _fused_asgd_({p}, {grad}, {tensor_of(s, "ax")}, eta, mu, 1 - lambd * eta, o.number("weight_decay"));
  tensor_of(s, "eta").fill_(Scalar(lr / std::pow(1 + lambd * lr * t, o.number("alpha"))));
  tensor_of(s, "mu").fill_(Scalar(1 / std::max(1.0, t - o.number("t0"))));
}

RT_CONSTRUCTOR(RMSprop)
void RMSprop::init_state(const Tensor& p, Values& s, Group o) {
  start(p, s, {"square_avg"});
  if (o.number("momentum") > 0) zero_states(p, s, {"momentum_buffer"});
  if (o.flag("centered")) zero_states(p, s, {"grad_avg"});
}
void RMSprop::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  tick(s);
  const double alpha = o.number("alpha"), lr = o.number("lr"), momentum = o.number("momentum");
  const double eps = o.number("eps"), decay = o.number("weight_decay");
  const Tensor& square = tensor_of(s, "square_avg");
  if (o.flag("centered") && momentum > 0)
    return _fused_rmsprop_both_({p}, {grad}, {square}, {tensor_of(s, "grad_avg")},
                                {tensor_of(s, "momentum_buffer")}, lr, alpha, momentum, eps, decay);
  if (o.flag("centered"))
    return _fused_rmsprop_centered_({p}, {grad}, {square}, {tensor_of(s, "grad_avg")}, lr, alpha, eps, decay);
  if (momentum > 0)
    return _fused_rmsprop_momentum_({p}, {grad}, {square}, {tensor_of(s, "momentum_buffer")}, lr, alpha,
                                    momentum, eps, decay);
  _fused_rmsprop_({p}, {grad}, {square}, lr, alpha, eps, decay);
}

RT_CONSTRUCTOR(Rprop)
void Rprop::init_state(const Tensor& p, Values& s, Group o) {
  start(p, s, {"prev"});
  s.set("step_size", SavedValue(full_of(p, o.number("lr"))));
}
void Rprop::update(const Tensor& p, const Tensor& g, Values& s, Group o) {
  tick(s);
  const auto [down, up] = o.pair("etas");
  const auto [low, high] = o.pair("step_sizes");
  _fused_rprop_({p}, {g}, {tensor_of(s, "prev")}, {tensor_of(s, "step_size")}, down, up, low, high);
}

RT_CONSTRUCTOR(Adafactor)
void Adafactor::init_state(const Tensor& p, Values& s, Group) {
  RT_CHECK(!p.is_complex(), Type, "Adafactor", "Adafactor does not support complex parameters");
  s.set("step", SavedValue(full({}, Scalar(0.0), kFloat32)));
  if (p.dim() <= 1) return zero_states(p, s, {"variance"});
  std::vector<int64_t> row = p.sizes().vec(), col = row;
  row.back() = 1;
  col[col.size() - 2] = 1;
  s.set("row_var", SavedValue(zeros(row, p.dtype(), p.device())));
  s.set("col_var", SavedValue(zeros(col, p.dtype(), p.device())));
}
void Adafactor::update(const Tensor& p, const Tensor& g, Values& s, Group o) {
  const double t = tick(s), lr = o.number("lr");
  auto [eps1, eps2] = o.pair("eps");
  if (eps1 < 0) {
    const DType d = p.dtype();
    eps1 = d == kFloat64 ? 0x1p-52 : d == kFloat32 ? 0x1p-23 : d == kBFloat16 ? 0x1p-7 : 0x1p-10;
  }
  const double weight = std::pow(t, o.number("beta2_decay"));
  const double rms = p.norm(Scalar(2)).item<double>() / std::pow(static_cast<double>(p.numel()), 0.5);
  const double alpha = std::max(eps2, rms) * std::min(lr, 1 / std::pow(t, 0.5));
  if (const double decay = o.number("weight_decay"); decay != 0) p.mul_(1 - lr * decay);
  Tensor estimate;
  if (g.dim() > 1) {
    const Tensor &row = tensor_of(s, "row_var"), &col = tensor_of(s, "col_var");
    const Tensor square = g * g;
    row.lerp_(square.mean(-1, true), weight);
    col.lerp_(square.mean(-2, true), weight);
    estimate = row.matmul(col).div_(row.mean(-2, true).clamp_min(eps1));
  } else {
    const Tensor& variance = tensor_of(s, "variance");
    variance.lerp_(g * g, weight);
    estimate = variance.clone();
  }
  const Tensor step = estimate.clamp_(Scalar(eps1 * eps1), std::optional<Scalar>()).rsqrt_().mul_(g);
  const double clip = std::max(1.0, step.norm(Scalar(2)).item<double>() /
                                        (std::pow(static_cast<double>(step.numel()), 0.5) * o.number("d")));
  p.add_(step, -alpha / clip);
}

Muon::Muon(std::vector<OptimizerParamGroup> groups, MuonOptions options)
    : Optimizer(std::move(groups), checked(std::move(options))) {
  for (const Tensor& p : parameters()) {
    RT_CHECK(p.dim() == 2, Value, "Muon",
             "Muon only supports 2D parameters whereas we found a parameter with size: ", p.sizes());
  }
}
void Muon::init_state(const Tensor& p, Values& s, Group) { zero_states(p, s, {"momentum_buffer"}); }

namespace {
/// Roughly U V^T of the singular value decomposition of g, in bfloat16.
Tensor orthogonal(const Tensor& g, Group o) {
  const SavedValue& c = o.at("ns_coefficients");
  const bool tall = g.size(0) > g.size(1);
  Tensor x = g.to(kBFloat16);
  if (tall) x = x.t();
  x = x / x.norm().clamp_min(o.number("eps"));
  for (int64_t i = 0; i < o.at("ns_steps").to_int(); ++i) {
    const Tensor gram = x.matmul(x.t());
    x = addmm(x, addmm(gram, gram, gram, c[1].to_double(), c[2].to_double()), x, c[0].to_double());
  }
  return tall ? x.t() : x;
}
}  // namespace

void Muon::update(const Tensor& p, const Tensor& g, Values& s, Group o) {
  const double lr = o.number("lr"), momentum = o.number("momentum");
  const Tensor& buffer = tensor_of(s, "momentum_buffer");
  buffer.lerp_(g, 1 - momentum);
  const Tensor step = orthogonal(o.flag("nesterov") ? g.lerp(buffer, momentum) : buffer, o);
  const auto rows = static_cast<double>(p.size(0)), cols = static_cast<double>(p.size(1));
  const SavedValue& named = o.at("adjust_lr_fn");
  const std::string rule = named.is_none() ? "original" : named.text();
  const double ratio = rule == "original"          ? std::sqrt(std::max(1.0, rows / cols))
                       : rule == "match_rms_adamw" ? 0.2 * std::sqrt(std::max(rows, cols))
                                                   : std::sqrt(rows / cols);
  p.mul_(1 - lr * o.number("weight_decay"));
  p.add_(step.to(p.dtype()), -lr * ratio);
}

// ---- beyond torch.optim

RT_CONSTRUCTOR(Lion)
void Lion::init_state(const Tensor& p, Values& s, Group) { zero_states(p, s, {"exp_avg"}); }
void Lion::update(const Tensor& p, const Tensor& g, Values& s, Group o) {
  const auto [beta1, beta2] = o.pair("betas");
  const double lr = o.number("lr");
  _fused_lion_({p}, {g}, {tensor_of(s, "exp_avg")}, lr, beta1, beta2, 1 - lr * o.number("weight_decay"));
}

RT_CONSTRUCTOR(LAMB)
void LAMB::init_state(const Tensor& p, Values& s, Group) { start(p, s, {"exp_avg", "exp_avg_sq"}); }
void LAMB::update(const Tensor& p, const Tensor& g, Values& s, Group o) {
  const Moments m(s, o);
  m.take(g);
  const Tensor top = m.avg / m.correction1;
  const Tensor step = top.div_((m.square / m.correction2).sqrt_().add_(o.number("eps")));
  if (const double decay = o.number("weight_decay"); decay != 0) step.add_(p, decay);
  const double p_norm = p.norm().item<double>(), u_norm = step.norm().item<double>();
  p.add_(step, -o.number("lr") * (p_norm > 0 && u_norm > 0 ? p_norm / u_norm : 1.0));
}

AdaBound::AdaBound(std::vector<OptimizerParamGroup> groups, AdaBoundOptions options)
    : Optimizer(std::move(groups), checked(std::move(options))) {
  for (OptimizerParamGroup& group : param_groups()) group.options.set("base_lr", group.options.number("lr"));
}
void AdaBound::init_state(const Tensor& p, Values& s, Group) { start(p, s, {"exp_avg", "exp_avg_sq"}); }
void AdaBound::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  const Moments m(s, o);
  const double lr = o.number("lr"), gamma = o.number("gamma"), base = o.number("base_lr");
  const double final = base != 0 ? o.number("final_lr") * lr / base : o.number("final_lr");
  const double low = final * (1 - 1 / (gamma * m.t + 1));
  const double high = gamma != 0 ? final * (1 + 1 / (gamma * m.t)) : kInfinity;
  const double size = lr * std::pow(m.correction2, 0.5) / m.correction1;
  _fused_adabound_({p}, {grad}, {m.avg}, {m.square}, size, low, high, m.beta1, m.beta2, o.number("eps"),
                   o.number("weight_decay"));
}

// ---- SparseAdam

SparseAdam::SparseAdam(std::vector<OptimizerParamGroup> groups, SparseAdamOptions options)
    : Optimizer(std::move(groups), checked(options)) {
  check(options.lr() > 0, "learning rate", options.lr());
  check(options.eps() > 0, "epsilon value", options.eps());
  for (const Tensor& p : parameters()) {
    RT_CHECK(!p.is_complex(), Value, "SparseAdam", "SparseAdam does not support complex parameters");
  }
}

namespace {
/// Step t on some rows, each there once, with gradients g.
void adam_rows(const Tensor& p, const Tensor& m, const Tensor& v, const Tensor& at, const Tensor& g,
               int64_t t, Group o) {
  const auto [beta1, beta2] = o.pair("betas");
  const Tensor old_m = m.index_select(0, at), old_v = v.index_select(0, at);
  const Tensor new_m = old_m + (g - old_m) * (1 - beta1);
  const Tensor new_v = old_v + (g * g - old_v) * (1 - beta2);
  m.index_copy_(0, at, new_m);
  v.index_copy_(0, at, new_v);
  const auto n = static_cast<double>(t);
  const double rate = o.number("lr") * std::pow(1 - std::pow(beta2, n), 0.5) / (1 - std::pow(beta1, n));
  const Tensor change = new_m * rate / (new_v.sqrt() + o.number("eps"));
  p.index_copy_(0, at, p.index_select(0, at) - change);
}

/// The rows in order, each once, and the sums of their gradients.
std::pair<Tensor, Tensor> coalesced(const Tensor& rows, const Tensor& values) {
  const auto [unique, inverse, counts] = _unique2(rows, true, true);
  std::vector<int64_t> shape = values.sizes().vec();
  shape[0] = unique.size(0);
  return {unique, zeros(shape, values.dtype(), values.device()).index_add(0, inverse, values)};
}
}  // namespace

void SparseAdam::update(const Tensor& p, const Tensor& grad, Values& s, Group o) {
  if (!grad.is_sparse())
    raise(ErrorKind::Type, "SparseAdam",
          "SparseAdam does not support dense gradients, please consider Adam instead");
  if (s.values().empty()) {
    s.set("step", 0);
    zero_states(p, s, {"exp_avg", "exp_avg_sq"});
  }
  const int64_t t = s.at("step").to_int() + 1;
  s.set("step", t);
  const Tensor g = grad.coalesce(), values = g.values(), places = g.indices();
  if (values.numel() == 0) return;
  const Tensor &m = tensor_of(s, "exp_avg"), &v = tensor_of(s, "exp_avg_sq");
  if (places.size(0) == 1) return adam_rows(p, m, v, places[0], values, t, o);
  // Several dimensions with indices: as one.
  std::vector<int64_t> shape = values.sizes().vec();
  shape[0] = -1;
  Tensor at = places[0];
  for (int64_t d = 1; d < places.size(0); ++d) at = at * Scalar(p.size(d)) + places[d];
  adam_rows(p.view(shape), m.view(shape), v.view(shape), at, values, t, o);
}

void SparseAdam::step_rows(const Tensor& p, const Tensor& rows, const Tensor& values) {
  const NoGradGuard no_grad;
  for (OptimizerParamGroup& group : param_groups()) {
    for (size_t i = 0; i < group.params.size(); ++i) {
      if (!group.params[i].is_same(p)) continue;
      const Values& o = group.options;
      Values& s = group.state[i];
      if (s.values().empty()) {
        s.set("step", 0);
        zero_states(p, s, {"exp_avg", "exp_avg_sq"});
      }
      const int64_t t = s.at("step").to_int() + 1;
      s.set("step", t);
      if (values.numel() == 0) return;
      const auto [at, sums] = coalesced(rows, values);
      adam_rows(p, tensor_of(s, "exp_avg"), tensor_of(s, "exp_avg_sq"), at,
                o.flag("maximize") ? sums.neg() : sums, t, o);
      return;
    }
  }
  raise(ErrorKind::Value, "SparseAdam", "the tensor is none of the parameters");
}
#undef RT_CONSTRUCTOR

}  // namespace rustorch::optim
