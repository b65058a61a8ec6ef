// Optimizers: their defaults and where five steps lead. Schedulers: the rates of twenty steps.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "parity.h"

namespace parity {

using namespace rt::optim;  // NOLINT

namespace {
std::string text(const rt::SavedValue& v) {
  using Kind = rt::SavedValue::Kind;
  char digits[40];
  switch (v.kind()) {
    case Kind::None:
      return "None";
    case Kind::Bool:
      return v.to_bool() ? "True" : "False";
    case Kind::Int:
    case Kind::Float:
      std::snprintf(digits, sizeof digits, "%.17g", v.to_double());
      return digits;
    case Kind::String:
      return v.text();
    default: {
      std::string s;
      for (const rt::SavedValue& item : v.list()) s += (s.empty() ? "" : ",") + text(item);
      return "[" + s + "]";
    }
  }
}

std::vector<rt::Tensor> parameters() {
  return {x({3, 4}).requires_grad_(true), x({5, 2}, 1).requires_grad_(true)};
}

/// The defaults of an optimizer, in order of their names.
std::string defaults_of(const OptimizerOptions& fresh) {
  std::vector<std::string> defaults;
  for (const auto& [key, value] : fresh.values()) defaults.push_back(key + "=" + text(value));
  std::sort(defaults.begin(), defaults.end());
  std::string joined;
  for (const std::string& s : defaults) joined += (joined.empty() ? "" : " ") + s;
  return joined;
}
std::string keys_of(const OptimizerOptions& state) {
  std::string keys;
  for (const auto& [key, value] : state.values()) keys += (keys.empty() ? "" : " ") + key;
  return keys;
}
void print(const char* name, const OptimizerOptions& fresh, const Optimizer& optimizer,
           const std::vector<rt::Tensor>& ps) {
  const OptimizerOptions& state = optimizer.param_groups()[0].state[0];
  std::printf("%s|%s|%s|%08x\n", name, defaults_of(fresh).c_str(), keys_of(state).c_str(), checksum(ps));
}

template <class Opt, class Options>
void check(const char* name, const Options& chosen) {
  const std::vector<rt::Tensor> ps = parameters();
  Opt optimizer(ps, chosen);
  const auto closure = [&] {
    optimizer.zero_grad();
    // In Python's order of evaluation, which is the order in which gradients are added.
    const rt::Tensor squares = ps[1] * ps[1], sines = ps[1].sin();
    const rt::Tensor loss = (ps[0] * ps[0]).sum() + (squares * sines).sum();
    loss.backward();
    return loss;
  };
  for (int i = 0; i < 5; ++i) {
    closure();
    optimizer.step();
  }
  print(name, Options(), optimizer, ps);
}

/// The loss of five numbers that are to be fitted, and its gradients.
rt::Tensor fitted(Optimizer& optimizer, const rt::Tensor& p) {
  optimizer.zero_grad();
  const rt::Tensor miss = x({6, 5}).matmul(p.sin()) - x({6}, 1);
  const rt::Tensor loss = (miss * miss).sum() + (p * p).sum() * 0.01;
  loss.backward();
  return loss;
}

void lbfgs(const char* name, const LBFGSOptions& chosen) {
  const rt::Tensor p = x({5}, 2).requires_grad_(true);
  LBFGS optimizer({p}, chosen);
  for (int i = 0; i < 3; ++i) optimizer.step([&] { return fitted(optimizer, p); });
  print(name, LBFGSOptions(), optimizer, {p});
}

void sparse_adam() {
  const rt::Tensor p = x({6, 2}).requires_grad_(true);
  SparseAdam optimizer({p}, SparseAdamOptions(0.05));
  for (int i = 0; i < 4; ++i) {
    const rt::Tensor rows = idx({3}, 6) + (i % 2);
    optimizer.step_rows(p, rows.remainder(6), x({3, 2}, i));
  }
  print("SparseAdam", SparseAdamOptions(), optimizer, {p});
}

void report_state(const char* name, const rt::nn::Module& m) {
  std::string keys;
  std::vector<rt::Tensor> state;
  for (const auto& [key, t] : m.state_dict()) {
    keys += (keys.empty() ? "" : " ") + key;
    state.push_back(t);
  }
  std::printf("%s|%s|%08x\n", name, keys.c_str(), checksum(state));
}

/// A model and its average over four changes of the model.
void average(const char* name, const AveragedModelOptions& options) {
  rt::manual_seed(0);
  const rt::nn::Sequential net(rt::nn::Linear(4, 3), rt::nn::BatchNorm1d(3));
  const AveragedModel mean(net, options);
  for (int i = 0; i < 4; ++i) {
    const rt::NoGradGuard no_grad;
    net(x({5, 4}, i));
    for (const rt::Tensor& p : net->parameters()) p.mul_(1.1);
    mean->update_parameters(net);
  }
  report_state(name, *mean);
}

template <class Make>
void rates(const char* name, Make&& make) {
  SGD optimizer(parameters(), SGDOptions(0.5).momentum(0.9));
  const std::shared_ptr<LRScheduler> schedule = make(optimizer);
  std::string out;
  for (int i = 0; i <= 20; ++i) {
    out += " " + hex(optimizer.lr()) + "/" + hex(optimizer.param_groups()[0].options.number("momentum"));
    if (i < 20) schedule->step();
  }
  std::printf("%s|%s\n", name, out.c_str());
}
}  // namespace

void optimizers() {
  check<SGD>("SGD", SGDOptions(0.05).momentum(0.9).nesterov(true).weight_decay(0.01));
  check<Adam>("Adam", AdamOptions(0.05).amsgrad(true).weight_decay(0.01));
  check<AdamW>("AdamW", AdamWOptions(0.05).maximize(true));
  check<Adadelta>("Adadelta", AdadeltaOptions().weight_decay(0.01));
  check<Adagrad>("Adagrad", AdagradOptions(0.05).lr_decay(0.1).initial_accumulator_value(0.1));
  check<Adamax>("Adamax", AdamaxOptions(0.05));
  check<NAdam>("NAdam", NAdamOptions(0.05).weight_decay(0.01).decoupled_weight_decay(true));
  check<RAdam>("RAdam", RAdamOptions(0.05).betas({0.8, 0.9}));
  check<ASGD>("ASGD", ASGDOptions(0.05).t0(2).weight_decay(0.01));
  check<RMSprop>("RMSprop", RMSpropOptions(0.05).momentum(0.9).centered(true));
  check<Rprop>("Rprop", RpropOptions(0.05));
  check<Adafactor>("Adafactor", AdafactorOptions(0.05).weight_decay(0.01));
  check<Muon>("Muon", MuonOptions(0.05));
  check<Lion>("Lion", LionOptions(0.05).weight_decay(0.01));
  check<LAMB>("LAMB", LAMBOptions(0.05).weight_decay(0.01));
  check<AdaBound>("AdaBound", AdaBoundOptions(0.05).weight_decay(0.01));
  lbfgs("LBFGS", LBFGSOptions(0.1).max_iter(4));
  lbfgs("LBFGS2", LBFGSOptions().history_size(3).line_search_fn("strong_wolfe"));
  sparse_adam();
}

void averages() {
  average("AveragedModel", AveragedModelOptions());
  average("AveragedModel2", AveragedModelOptions().use_buffers(true));
  average("AveragedModel3", AveragedModelOptions().multi_avg_fn(get_ema_multi_avg_fn(0.9)).use_buffers(true));
  average("AveragedModel4", AveragedModelOptions().avg_fn(get_ema_avg_fn(0.9)));
  average("AveragedModel5", AveragedModelOptions().avg_fn(get_swa_avg_fn()));
  rt::manual_seed(0);
  const rt::nn::Sequential net(rt::nn::Linear(4, 3), rt::nn::BatchNorm1d(3));
  update_bn({x({5, 4}), x({3, 4}, 1)}, *net);
  report_state("update_bn", *net);
}

void schedulers() {
  const auto share = [](auto* p) { return std::shared_ptr<LRScheduler>(p); };
  rates("LambdaLR",
        [&](Optimizer& o) { return share(new LambdaLR(o, [](int64_t e) { return 1.0 / (1.0 + e); })); });
  rates("MultiplicativeLR", [&](Optimizer& o) {
    return share(new MultiplicativeLR(o, [](int64_t e) { return 1.0 - 0.01 * e; }));
  });
  rates("StepLR", [&](Optimizer& o) { return share(new StepLR(o, 3)); });
  rates("MultiStepLR", [&](Optimizer& o) { return share(new MultiStepLR(o, {2, 5, 5, 11})); });
  rates("ConstantLR", [&](Optimizer& o) { return share(new ConstantLR(o)); });
  rates("LinearLR", [&](Optimizer& o) { return share(new LinearLR(o)); });
  rates("ExponentialLR", [&](Optimizer& o) { return share(new ExponentialLR(o, 0.9)); });
  rates("PolynomialLR", [&](Optimizer& o) { return share(new PolynomialLR(o, 12, 1.5)); });
  rates("CosineAnnealingLR", [&](Optimizer& o) { return share(new CosineAnnealingLR(o, 7, 0.01)); });
  rates("CosineAnnealingWarmRestarts",
        [&](Optimizer& o) { return share(new CosineAnnealingWarmRestarts(o, 3, 2, 0.01)); });
  rates("CyclicLR", [&](Optimizer& o) {
    return share(new CyclicLR(o, 0.1, 0.7, {.step_size_up = 3, .step_size_down = 5, .mode = "triangular2"}));
  });
  rates("OneCycleLR", [&](Optimizer& o) { return share(new OneCycleLR(o, 0.8, 25, {.three_phase = true})); });
  rates("SequentialLR", [&](Optimizer& o) {
    auto warm = std::make_shared<LinearLR>(o, 0.1, 1.0, 4);
    auto down = std::make_shared<CosineAnnealingLR>(o, 12.0);
    return share(new SequentialLR(o, {warm, down}, {5}));
  });
  rates("SWALR", [&](Optimizer& o) { return share(new SWALR(o, 0.05, 6)); });
  rates("SWALR2", [&](Optimizer& o) { return share(new SWALR(o, 0.05, 4, "linear")); });
  rates("ChainedScheduler", [&](Optimizer& o) {
    return share(new ChainedScheduler(
        {std::make_shared<ConstantLR>(o, 0.5, 3), std::make_shared<ExponentialLR>(o, 0.9)}));
  });
  SGD optimizer(parameters(), SGDOptions(0.5));
  ReduceLROnPlateau plateau(optimizer, {.factor = 0.3, .patience = 2, .cooldown = 1, .min_lr = 0.01});
  std::string out;
  for (int i = 0; i < 20; ++i) {
    plateau.step(1.0 / (1 + std::min(i, 5)));
    out += " " + hex(optimizer.lr());
  }
  std::printf("ReduceLROnPlateau|%s\n", out.c_str());
}

}  // namespace parity
