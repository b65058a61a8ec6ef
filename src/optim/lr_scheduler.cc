#include "rustorch/optim/lr_scheduler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rustorch/error.h"

namespace rustorch::optim {

using detail::StateVisitor;
using Rates = std::vector<double>;

// ---- state

namespace {
template <class T>
SavedValue saved(const T& v) {
  return SavedValue(v);
}
template <class T>
SavedValue saved(const std::vector<T>& v) {
  SavedValue::List list;
  for (const T& x : v) list.emplace_back(x);
  return list;
}
void read(const SavedValue& s, double& v) { v = s.to_double(); }
void read(const SavedValue& s, int64_t& v) { v = s.to_int(); }
void read(const SavedValue& s, bool& v) { v = s.to_bool(); }
void read(const SavedValue& s, std::string& v) { v = s.text(); }
template <class T>
void read(const SavedValue& s, std::vector<T>& v) {
  v.resize(s.list().size());
  for (size_t i = 0; i < v.size(); ++i) read(s[i], v[i]);
}
}  // namespace

#define RT_VISIT(T)                                           \
  void StateVisitor::operator()(const char* name, T& v) {     \
    if (to_ != nullptr) {                                     \
      to_->emplace_back(name, saved(v));                      \
    } else if (const SavedValue* value = from_->find(name)) { \
      read(*value, v);                                        \
    }                                                         \
  }
RT_VISIT(double)
RT_VISIT(int64_t)
RT_VISIT(bool)
RT_VISIT(std::string)
RT_VISIT(std::vector<double>)
RT_VISIT(std::vector<int64_t>)
#undef RT_VISIT

void LRScheduler::visit(StateVisitor& v) {
  v("base_lrs", base_lrs_);
  v("last_epoch", last_epoch_);
  v("_step_count", step_count_);
  v("_last_lr", last_lr_);
}

SavedValue LRScheduler::state_dict() const {
  SavedValue::Dict out;
  StateVisitor visitor(&out);
  const_cast<LRScheduler*>(this)->visit(visitor);  // the visitor only reads
  return out;
}

void LRScheduler::load_state_dict(const SavedValue& from) {
  StateVisitor visitor(&from);
  visit(visitor);
}

// ---- base

LRScheduler::LRScheduler(Optimizer& optimizer, int64_t last_epoch)
    : optimizer_(optimizer), last_epoch_(last_epoch) {
  for (OptimizerParamGroup& group : optimizer.param_groups()) {
    OptimizerOptions& o = group.options;
    if (last_epoch == -1 && !o.contains("initial_lr")) o.set("initial_lr", o.get_lr());
    RT_CHECK(o.contains("initial_lr"), Value, "LRScheduler",
             "param 'initial_lr' is not specified in a param group when resuming an optimizer");
    base_lrs_.push_back(o.number("initial_lr"));
  }
}

void LRScheduler::initial_step() {
  step_count_ = 0;
  is_initial_ = true;
  LRScheduler::step();
  is_initial_ = false;
}

void LRScheduler::step() {
  ++step_count_;
  ++last_epoch_;
  set_rates(get_lr());
}

void LRScheduler::step_to(int64_t epoch) {
  ++step_count_;
  last_epoch_ = epoch;
  const std::optional<Rates> closed = closed_form();
  set_rates(closed ? *closed : get_lr());
}

Rates LRScheduler::rates() const {
  return rates([](double lr) { return lr; });
}
Rates LRScheduler::rates(const std::function<double(double)>& f) const {
  Rates out;
  for (const OptimizerParamGroup& group : optimizer_.param_groups()) out.push_back(f(group.options.get_lr()));
  return out;
}
Rates LRScheduler::base_rates(const std::function<double(double)>& f) const {
  Rates out;
  for (const double base : base_lrs_) out.push_back(f(base));
  return out;
}
void LRScheduler::set_rates(const Rates& values) {
  auto& groups = optimizer_.param_groups();
  for (size_t i = 0; i < values.size() && i < groups.size(); ++i) groups[i].options.set_lr(values[i]);
  last_lr_ = rates();
}

// ---- functions of the epoch

LambdaLR::LambdaLR(Optimizer& optimizer, LRFunction f, int64_t last_epoch)
    : LambdaLR(optimizer, std::vector<LRFunction>(optimizer.param_groups().size(), std::move(f)),
               last_epoch) {}
LambdaLR::LambdaLR(Optimizer& optimizer, std::vector<LRFunction> f, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), lr_lambdas_(std::move(f)) {
  RT_CHECK(lr_lambdas_.size() == optimizer.param_groups().size(), Value, "LambdaLR", "Expected ",
           optimizer.param_groups().size(), " lr_lambdas, but got ", lr_lambdas_.size());
  initial_step();
}
Rates LambdaLR::get_lr() {
  Rates out;
  for (size_t i = 0; i < base_lrs_.size(); ++i) out.push_back(base_lrs_[i] * lr_lambdas_[i](last_epoch_));
  return out;
}

MultiplicativeLR::MultiplicativeLR(Optimizer& optimizer, LRFunction f, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), lr_lambda_(std::move(f)) {
  initial_step();
}
Rates MultiplicativeLR::get_lr() {
  return is_initial_ ? rates() : rates([&](double lr) { return lr * lr_lambda_(last_epoch_); });
}

StepLR::StepLR(Optimizer& optimizer, int64_t step_size, double gamma, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), step_size_(step_size), gamma_(gamma) {
  initial_step();
}
Rates StepLR::get_lr() {
  if (last_epoch_ == 0 || last_epoch_ % step_size_ != 0) return rates();
  return rates([&](double lr) { return lr * gamma_; });
}
std::optional<Rates> StepLR::closed_form() const {
  return base_rates(
      [&](double b) { return b * std::pow(gamma_, static_cast<double>(last_epoch_ / step_size_)); });
}
void StepLR::visit(StateVisitor& v) {
  v("step_size", step_size_);
  v("gamma", gamma_);
  LRScheduler::visit(v);
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma,
                         int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), milestones_(std::move(milestones)), gamma_(gamma) {
  std::sort(milestones_.begin(), milestones_.end());
  initial_step();
}
Rates MultiStepLR::get_lr() {
  const auto hits = std::count(milestones_.begin(), milestones_.end(), last_epoch_);
  if (hits == 0) return rates();
  return rates([&](double lr) { return lr * std::pow(gamma_, static_cast<double>(hits)); });
}
std::optional<Rates> MultiStepLR::closed_form() const {
  const auto passed =
      std::upper_bound(milestones_.begin(), milestones_.end(), last_epoch_) - milestones_.begin();
  return base_rates([&](double b) { return b * std::pow(gamma_, static_cast<double>(passed)); });
}
void MultiStepLR::visit(StateVisitor& v) {
  v("milestones", milestones_);
  v("gamma", gamma_);
  LRScheduler::visit(v);
}

ConstantLR::ConstantLR(Optimizer& optimizer, double factor, int64_t total_iters, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), factor_(factor), total_iters_(total_iters) {
  RT_CHECK(factor >= 0 && factor <= 1, Value, "ConstantLR",
           "Constant multiplicative factor expected to be between 0 and 1.");
  initial_step();
}
Rates ConstantLR::get_lr() {
  if (last_epoch_ == 0) return rates([&](double lr) { return lr * factor_; });
  if (last_epoch_ != total_iters_) return rates();
  return rates([&](double lr) { return lr * (1.0 / factor_); });
}
std::optional<Rates> ConstantLR::closed_form() const {
  return base_rates([&](double b) { return b * (last_epoch_ < total_iters_ ? factor_ : 1.0); });
}
void ConstantLR::visit(StateVisitor& v) {
  v("factor", factor_);
  v("total_iters", total_iters_);
  LRScheduler::visit(v);
}

LinearLR::LinearLR(Optimizer& optimizer, double start_factor, double end_factor, int64_t total_iters,
                   int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch),
      start_factor_(start_factor),
      end_factor_(end_factor),
      total_iters_(total_iters) {
  RT_CHECK(start_factor > 0 && start_factor <= 1, Value, "LinearLR",
           "Starting multiplicative factor expected to be greater than 0 and less or equal to 1.");
  RT_CHECK(end_factor >= 0 && end_factor <= 1, Value, "LinearLR",
           "Ending multiplicative factor expected to be between 0 and 1.");
  initial_step();
}
Rates LinearLR::get_lr() {
  if (last_epoch_ == 0) return rates([&](double lr) { return lr * start_factor_; });
  if (is_initial_ || last_epoch_ > total_iters_) return rates();
  const double span = end_factor_ - start_factor_;
  const double before =
      static_cast<double>(total_iters_) * start_factor_ + static_cast<double>(last_epoch_ - 1) * span;
  return rates([&](double lr) { return lr * (1.0 + span / before); });
}
std::optional<Rates> LinearLR::closed_form() const {
  const double done =
      static_cast<double>(std::min(total_iters_, last_epoch_)) / static_cast<double>(total_iters_);
  const double factor = start_factor_ + (end_factor_ - start_factor_) * done;
  return base_rates([&](double b) { return b * factor; });
}
void LinearLR::visit(StateVisitor& v) {
  v("start_factor", start_factor_);
  v("end_factor", end_factor_);
  v("total_iters", total_iters_);
  LRScheduler::visit(v);
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), gamma_(gamma) {
  initial_step();
}
Rates ExponentialLR::get_lr() {
  return is_initial_ ? rates() : rates([&](double lr) { return lr * gamma_; });
}
std::optional<Rates> ExponentialLR::closed_form() const {
  return base_rates([&](double b) { return b * std::pow(gamma_, static_cast<double>(last_epoch_)); });
}
void ExponentialLR::visit(StateVisitor& v) {
  v("gamma", gamma_);
  LRScheduler::visit(v);
}

PolynomialLR::PolynomialLR(Optimizer& optimizer, int64_t total_iters, double power, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), total_iters_(total_iters), power_(power) {
  initial_step();
}
Rates PolynomialLR::get_lr() {
  if (is_initial_ || last_epoch_ > total_iters_) return rates();
  const auto n = static_cast<double>(total_iters_), t = static_cast<double>(last_epoch_);
  const double left = 1.0 - t / n, before = 1.0 - (t - 1) / n;
  return rates([&](double lr) { return lr * std::pow(left / before, power_); });
}
std::optional<Rates> PolynomialLR::closed_form() const {
  const double left =
      1.0 - static_cast<double>(std::min(total_iters_, last_epoch_)) / static_cast<double>(total_iters_);
  return base_rates([&](double b) { return b * std::pow(left, power_); });
}
void PolynomialLR::visit(StateVisitor& v) {
  v("total_iters", total_iters_);
  v("power", power_);
  LRScheduler::visit(v);
}

// ---- cosines

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, double T_max, double eta_min, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch), t_max_(T_max), eta_min_(eta_min) {
  initial_step();
}
Rates CosineAnnealingLR::get_lr() {
  if (is_initial_) return rates();
  const auto t = static_cast<double>(last_epoch_);
  if (step_count_ == 1 && last_epoch_ > 0) {
    return base_rates(
        [&](double b) { return eta_min_ + (b - eta_min_) * (1 + std::cos(t * M_PI / t_max_)) / 2; });
  }
  if (std::fmod(t - 1 - t_max_, 2 * t_max_) == 0) {
    const double rise = (1 - std::cos(M_PI / t_max_)) / 2;
    Rates out = rates();
    for (size_t i = 0; i < out.size(); ++i) out[i] = out[i] + (base_lrs_[i] - eta_min_) * rise;
    return out;
  }
  const double ratio = (1 + std::cos(M_PI * t / t_max_)) / (1 + std::cos(M_PI * (t - 1) / t_max_));
  return rates([&](double lr) { return ratio * (lr - eta_min_) + eta_min_; });
}
std::optional<Rates> CosineAnnealingLR::closed_form() const {
  const double share = (1 + std::cos(M_PI * static_cast<double>(last_epoch_) / t_max_)) / 2;
  return base_rates([&](double b) { return eta_min_ + (b - eta_min_) * share; });
}
void CosineAnnealingLR::visit(StateVisitor& v) {
  v("T_max", t_max_);
  v("eta_min", eta_min_);
  LRScheduler::visit(v);
}

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t T_0, int64_t T_mult,
                                                         double eta_min, int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch),
      t_0_(T_0),
      t_mult_(T_mult),
      t_i_(static_cast<double>(T_0)),
      t_cur_(static_cast<double>(last_epoch)),
      eta_min_(eta_min) {
  RT_CHECK(T_0 > 0, Value, "CosineAnnealingWarmRestarts", "Expected positive integer T_0, but got ", T_0);
  RT_CHECK(T_mult >= 1, Value, "CosineAnnealingWarmRestarts", "Expected integer T_mult >= 1, but got ",
           T_mult);
  CosineAnnealingWarmRestarts::step();
}
Rates CosineAnnealingWarmRestarts::get_lr() {
  const double share = (1 + std::cos(M_PI * t_cur_ / t_i_)) / 2;
  return base_rates([&](double b) { return eta_min_ + (b - eta_min_) * share; });
}
void CosineAnnealingWarmRestarts::place(double epoch) {
  const auto t_0 = static_cast<double>(t_0_), mult = static_cast<double>(t_mult_);
  t_i_ = t_0;
  if (epoch < t_0) {
    t_cur_ = epoch;
  } else if (t_mult_ == 1) {
    t_cur_ = std::fmod(epoch, t_0);
  } else {
    const double n = std::floor(std::log(epoch / t_0 * (mult - 1) + 1) / std::log(mult));
    t_cur_ = epoch - t_0 * (std::pow(mult, n) - 1) / (mult - 1);
    t_i_ = t_0 * std::pow(mult, n);
  }
}
void CosineAnnealingWarmRestarts::step() {
  if (last_epoch_ < 0) return step_to(0.0);
  t_cur_ += 1;
  if (t_cur_ >= t_i_) {
    t_cur_ = std::fmod(t_cur_, t_i_);
    t_i_ *= static_cast<double>(t_mult_);
  }
  ++last_epoch_;
  set_rates(get_lr());
}
void CosineAnnealingWarmRestarts::step_to(double epoch) {
  RT_CHECK(epoch >= 0, Value, "CosineAnnealingWarmRestarts", "Expected non-negative epoch, but got ", epoch);
  place(epoch);
  last_epoch_ = static_cast<int64_t>(std::floor(epoch));
  set_rates(get_lr());
}
void CosineAnnealingWarmRestarts::visit(StateVisitor& v) {
  v("T_0", t_0_);
  v("T_i", t_i_);
  v("T_mult", t_mult_);
  v("eta_min", eta_min_);
  v("T_cur", t_cur_);
  LRScheduler::visit(v);
}

// ---- cycles

namespace {
/// Sets the momentum of a group, or the first of its betas.
void set_momentum(OptimizerOptions& o, double momentum) {
  if (o.contains("betas")) {
    o.set("betas", Pair{momentum, std::get<1>(o.pair("betas"))});
  } else {
    RT_CHECK(o.contains("momentum"), Value, "LRScheduler",
             "optimizer must support momentum or beta1 with `cycle_momentum` option enabled");
    o.set("momentum", momentum);
  }
}
}  // namespace

CyclicLR::CyclicLR(Optimizer& optimizer, double base_lr, double max_lr, CyclicLROptions options)
    : LRScheduler((optimizer.set_lr(base_lr), optimizer)), options_(std::move(options)), max_lr_(max_lr) {
  const auto up = static_cast<double>(options_.step_size_up);
  const double down = options_.step_size_down < 0 ? up : static_cast<double>(options_.step_size_down);
  total_size_ = up + down;
  step_ratio_ = up / total_size_;
  RT_CHECK(options_.mode == "triangular" || options_.mode == "triangular2" || options_.mode == "exp_range",
           Value, "CyclicLR", "mode is invalid");
  if (options_.cycle_momentum) {
    for (OptimizerParamGroup& group : optimizer.param_groups()) {
      set_momentum(group.options, options_.max_momentum);
      group.options.set("max_momentum", options_.max_momentum);
      group.options.set("base_momentum", options_.base_momentum);
    }
  }
  initial_step();
  base_lrs_.assign(base_lrs_.size(), base_lr);
}
Rates CyclicLR::get_lr() {
  const auto t = static_cast<double>(last_epoch_);
  const double cycle = std::floor(1 + t / total_size_);
  const double x = 1.0 + t / total_size_ - cycle;
  const double factor = x <= step_ratio_ ? x / step_ratio_ : (x - 1) / (step_ratio_ - 1);
  const double scale = options_.mode == "triangular"    ? 1.0
                       : options_.mode == "triangular2" ? 1 / std::pow(2.0, cycle - 1)
                                                        : std::pow(options_.gamma, t);
  if (options_.cycle_momentum) {
    const double low = options_.base_momentum, high = options_.max_momentum;
    for (OptimizerParamGroup& group : optimizer_.param_groups()) {
      set_momentum(group.options, high - (high - low) * factor * scale);
    }
  }
  return base_rates([&](double low) { return low + (max_lr_ - low) * factor * scale; });
}
void CyclicLR::visit(StateVisitor& v) {
  v("max_lr", max_lr_);
  v("total_size", total_size_);
  v("step_ratio", step_ratio_);
  v("mode", options_.mode);
  v("gamma", options_.gamma);
  v("cycle_momentum", options_.cycle_momentum);
  LRScheduler::visit(v);
}

namespace {
Optimizer& prepared(Optimizer& optimizer, double max_lr, const OneCycleLROptions& o) {
  for (OptimizerParamGroup& group : optimizer.param_groups()) {
    OptimizerOptions& values = group.options;
    values.set("initial_lr", max_lr / o.div_factor);
    values.set("max_lr", max_lr);
    values.set("min_lr", values.number("initial_lr") / o.final_div_factor);
    if (!o.cycle_momentum) continue;
    set_momentum(values, o.max_momentum);
    values.set("max_momentum", o.max_momentum);
    values.set("base_momentum", o.base_momentum);
  }
  return optimizer;
}
}  // namespace

OneCycleLR::OneCycleLR(Optimizer& optimizer, double max_lr, int64_t total_steps, OneCycleLROptions options)
    : LRScheduler(prepared(optimizer, max_lr, options)),
      options_(std::move(options)),
      total_steps_(total_steps) {
  RT_CHECK(total_steps > 0, Value, "OneCycleLR", "Expected positive integer total_steps, but got ",
           total_steps);
  RT_CHECK(options_.pct_start >= 0 && options_.pct_start <= 1, Value, "OneCycleLR",
           "Expected float between 0 and 1 pct_start, but got ", options_.pct_start);
  RT_CHECK(options_.anneal_strategy == "cos" || options_.anneal_strategy == "linear", Value, "OneCycleLR",
           "anneal_strategy must be one of 'cos' or 'linear', instead got ", options_.anneal_strategy);
  initial_step();
}
double OneCycleLR::anneal(double start, double end, double share) const {
  if (options_.anneal_strategy == "cos") return end + (start - end) / 2.0 * (std::cos(M_PI * share) + 1);
  return (end - start) * share + start;
}
Rates OneCycleLR::get_lr() {
  struct Phase {
    double end;
    const char *lr0, *lr1, *m0, *m1;
  };
  const auto total = static_cast<double>(total_steps_), t = static_cast<double>(last_epoch_);
  RT_CHECK(last_epoch_ <= total_steps_, Value, "OneCycleLR", "Tried to step ", last_epoch_,
           " times. The specified number of total steps is ", total_steps_);
  const double pct = options_.pct_start;
  std::vector<Phase> phases = {{pct * total - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum"}};
  if (options_.three_phase) {
    phases.push_back({2 * pct * total - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"});
    phases.push_back({total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"});
  } else {
    phases.push_back({total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"});
  }
  size_t i = 0;
  double start = 0;
  while (t > phases[i].end && i + 1 < phases.size()) start = phases[i++].end;
  const Phase& phase = phases[i];
  const double share = (t - start) / (phase.end - start);
  Rates out;
  for (OptimizerParamGroup& group : optimizer_.param_groups()) {
    OptimizerOptions& o = group.options;
    out.push_back(anneal(o.number(phase.lr0), o.number(phase.lr1), share));
    if (options_.cycle_momentum) set_momentum(o, anneal(o.number(phase.m0), o.number(phase.m1), share));
  }
  return out;
}
void OneCycleLR::visit(StateVisitor& v) {
  v("total_steps", total_steps_);
  v("_anneal_func_type", options_.anneal_strategy);
  v("cycle_momentum", options_.cycle_momentum);
  LRScheduler::visit(v);
}

// ---- several schedulers

namespace {
void check_all(const char* name, const Optimizer& optimizer,
               const std::vector<std::shared_ptr<LRScheduler>>& list) {
  RT_CHECK(!list.empty(), Value, name, "expects at least one scheduler to be chained, but got no scheduler.");
  for (const auto& s : list) {
    RT_CHECK(s != nullptr, Value, name, "a scheduler is null");
    RT_CHECK(dynamic_cast<ReduceLROnPlateau*>(s.get()) == nullptr, Value, name,
             "does not support `ReduceLROnPlateau` scheduler as it requires a metric when calling `step`");
    RT_CHECK(&s->optimizer() == &optimizer, Value, name,
             "expects all schedulers to belong to the same optimizer");
  }
}
}  // namespace

SequentialLR::SequentialLR(Optimizer& optimizer, std::vector<std::shared_ptr<LRScheduler>> schedulers,
                           std::vector<int64_t> milestones)
    : LRScheduler(optimizer), schedulers_(std::move(schedulers)), milestones_(std::move(milestones)) {
  check_all("SequentialLR", optimizer, schedulers_);
  RT_CHECK(milestones_.size() + 1 == schedulers_.size(), Value, "SequentialLR",
           "Sequential Schedulers expects number of schedulers provided to be one more than the number of "
           "milestone "
           "points, but got number of schedulers ",
           schedulers_.size(), " and the number of milestones to be equal to ", milestones_.size());
  last_epoch_ = 0;
  // Undo what the constructors of the schedulers did to the rates, then start the first one.
  for (OptimizerParamGroup& group : optimizer.param_groups()) {
    group.options.set_lr(group.options.number("initial_lr"));
  }
  for (const auto& s : schedulers_) --s->last_epoch_;
  schedulers_[0]->initial_step();
  last_lr_ = schedulers_[0]->get_last_lr();
}
void SequentialLR::step() {
  ++last_epoch_;
  const auto at = std::upper_bound(milestones_.begin(), milestones_.end(), last_epoch_) - milestones_.begin();
  LRScheduler& s = *schedulers_[static_cast<size_t>(at)];
  if (at > 0 && milestones_[static_cast<size_t>(at - 1)] == last_epoch_) {
    s.step_to(0);
  } else {
    s.step();
  }
  last_lr_ = s.get_last_lr();
}
void SequentialLR::visit(StateVisitor& v) {
  v("_milestones", milestones_);
  v("last_epoch", last_epoch_);
  v("_last_lr", last_lr_);
}

ChainedScheduler::ChainedScheduler(std::vector<std::shared_ptr<LRScheduler>> schedulers)
    : LRScheduler((check_all("ChainedScheduler", schedulers.at(0)->optimizer(), schedulers),
                   schedulers[0]->optimizer())),
      schedulers_(std::move(schedulers)) {
  last_lr_ = rates();
}
void ChainedScheduler::step() {
  for (const auto& s : schedulers_) s->step();
  last_lr_ = rates();
}

// ---- by a metric

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, ReduceLROnPlateauOptions o)
    : LRScheduler(optimizer), options_(std::move(o)) {
  RT_CHECK(options_.factor < 1.0, Value, "ReduceLROnPlateau", "Factor should be < 1.0.");
  RT_CHECK(options_.mode == "min" || options_.mode == "max", Value, "ReduceLROnPlateau", "mode ",
           options_.mode, " is unknown!");
  RT_CHECK(options_.threshold_mode == "rel" || options_.threshold_mode == "abs", Value, "ReduceLROnPlateau",
           "threshold mode ", options_.threshold_mode, " is unknown!");
  best_ = options_.mode == "min" ? std::numeric_limits<double>::infinity()
                                 : -std::numeric_limits<double>::infinity();
  last_epoch_ = 0;
  last_lr_ = rates();
}
void ReduceLROnPlateau::step() {
  raise(ErrorKind::Value, "ReduceLROnPlateau", "step() needs the metric of the epoch");
}
void ReduceLROnPlateau::step(double metric) {
  ++last_epoch_;
  const double sign = options_.mode == "min" ? 1.0 : -1.0;
  const double limit = options_.threshold_mode == "rel" ? best_ * (1.0 - sign * options_.threshold)
                                                        : best_ - sign * options_.threshold;
  if (options_.mode == "min" ? metric < limit : metric > limit) {
    best_ = metric;
    num_bad_epochs_ = 0;
  } else {
    ++num_bad_epochs_;
  }
  if (cooldown_counter_ > 0) {
    --cooldown_counter_;
    num_bad_epochs_ = 0;
  }
  if (num_bad_epochs_ > options_.patience) {
    for (OptimizerParamGroup& group : optimizer_.param_groups()) {
      const double old = group.options.get_lr(), next = std::max(old * options_.factor, options_.min_lr);
      if (old - next > options_.eps) group.options.set_lr(next);
    }
    cooldown_counter_ = options_.cooldown;
    num_bad_epochs_ = 0;
  }
  last_lr_ = rates();
}
void ReduceLROnPlateau::visit(StateVisitor& v) {
  v("factor", options_.factor);
  v("patience", options_.patience);
  v("cooldown", options_.cooldown);
  v("eps", options_.eps);
  v("last_epoch", last_epoch_);
  v("_last_lr", last_lr_);
  v("mode", options_.mode);
  v("threshold", options_.threshold);
  v("threshold_mode", options_.threshold_mode);
  v("best", best_);
  v("cooldown_counter", cooldown_counter_);
  v("num_bad_epochs", num_bad_epochs_);
}

// ---- SWALR

SWALR::SWALR(Optimizer& optimizer, double swa_lr, int64_t anneal_epochs, std::string anneal_strategy,
             int64_t last_epoch)
    : LRScheduler(optimizer, last_epoch),
      anneal_epochs_(anneal_epochs),
      anneal_strategy_(std::move(anneal_strategy)) {
  RT_CHECK(anneal_strategy_ == "cos" || anneal_strategy_ == "linear", Value, "SWALR",
           "anneal_strategy must by one of 'cos' or 'linear', instead got ", anneal_strategy_);
  RT_CHECK(anneal_epochs >= 0, Value, "SWALR", "anneal_epochs must be equal or greater than 0, got ",
           anneal_epochs);
  for (OptimizerParamGroup& group : optimizer.param_groups()) group.options.set("swa_lr", swa_lr);
  initial_step();
}

double SWALR::share(double t) const {
  t = std::max(0.0, std::min(1.0, t));
  return anneal_strategy_ == "linear" ? t : (1 - std::cos(M_PI * t)) / 2;
}

Rates SWALR::get_lr() {
  const auto step = static_cast<double>(step_count_ - 1);
  const auto n = static_cast<double>(std::max<int64_t>(1, anneal_epochs_));
  const bool anneals = anneal_epochs_ != 0;
  const double before = step == 0 ? 0.0 : anneals ? share((step - 1) / n) : 1.0;
  const double now = anneals ? share(step / n) : 1.0;
  Rates out;
  for (const OptimizerParamGroup& group : optimizer_.param_groups()) {
    const double target = group.options.number("swa_lr"), lr = group.options.get_lr();
    const double start = before == 1 ? target : (lr - before * target) / (1 - before);
    out.push_back(start + (target - start) * now);
  }
  return out;
}

void SWALR::visit(StateVisitor& v) {
  LRScheduler::visit(v);
  v("anneal_epochs", anneal_epochs_);
  v("_anneal_strategy", anneal_strategy_);
}

}  // namespace rustorch::optim
