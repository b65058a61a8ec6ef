// Learning-rate schedulers: each sets the `lr` of every parameter group as epochs (or steps) pass.
//
//   rt::optim::CosineAnnealingLR schedule(optimizer, 100);
//   for (...) { ...; optimizer.step(); schedule.step(); }
//
// Formulas, names and defaults are those of the Python package; state_dict() holds plain numbers. A scheduler
// keeps a reference to the optimizer, which must outlive it.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "rustorch/optim/optimizer.h"

namespace rustorch::optim {

namespace detail {
/// Goes through the numbers that make up the state of a scheduler, to save or to load them.
class StateVisitor {
 public:
  explicit StateVisitor(SavedValue::Dict* to) : to_(to) {}
  explicit StateVisitor(const SavedValue* from) : from_(from) {}
  void operator()(const char* name, double& v);
  void operator()(const char* name, int64_t& v);
  void operator()(const char* name, bool& v);
  void operator()(const char* name, std::string& v);
  void operator()(const char* name, std::vector<double>& v);
  void operator()(const char* name, std::vector<int64_t>& v);

 private:
  SavedValue::Dict* to_ = nullptr;
  const SavedValue* from_ = nullptr;
};
}  // namespace detail

/// Base: subclasses define get_lr(), the rates of the epoch last_epoch().
class LRScheduler {
 public:
  virtual ~LRScheduler() = default;
  LRScheduler(const LRScheduler&) = delete;
  LRScheduler& operator=(const LRScheduler&) = delete;

  /// Goes to the next epoch and sets its rates.
  virtual void step();
  /// Goes to a given epoch, by the closed form where there is one.
  virtual void step_to(int64_t epoch);
  int64_t last_epoch() const { return last_epoch_; }
  /// The rates that were set last.
  std::vector<double> get_last_lr() const { return last_lr_; }
  Optimizer& optimizer() const { return optimizer_; }
  SavedValue state_dict() const;
  void load_state_dict(const SavedValue& saved);

 protected:
  explicit LRScheduler(Optimizer& optimizer, int64_t last_epoch = -1);
  /// The rates of the current epoch, one per group.
  virtual std::vector<double> get_lr() = 0;
  virtual std::optional<std::vector<double>> closed_form() const { return std::nullopt; }
  virtual void visit(detail::StateVisitor& v);
  /// To be called at the end of every constructor: the first step.
  void initial_step();
  /// The rates in the groups now, each put through f.
  std::vector<double> rates() const;
  std::vector<double> rates(const std::function<double(double)>& f) const;
  std::vector<double> base_rates(const std::function<double(double)>& f) const;
  void set_rates(const std::vector<double>& values);

  friend class SequentialLR;
  Optimizer& optimizer_;
  std::vector<double> base_lrs_, last_lr_;
  int64_t last_epoch_, step_count_ = 0;
  bool is_initial_ = false;
};

using LRFunction = std::function<double(int64_t)>;

/// A scheduler with a formula: constructor, rates, and closed form.
#define RT_SCHEDULER_BODY                                          \
 protected:                                                        \
  std::vector<double> get_lr() override;                           \
  std::optional<std::vector<double>> closed_form() const override; \
  void visit(detail::StateVisitor& v) override

/// initial lr * lr_lambda(epoch); one function, or one per group.
class LambdaLR : public LRScheduler {
 public:
  LambdaLR(Optimizer& optimizer, LRFunction lr_lambda, int64_t last_epoch = -1);
  LambdaLR(Optimizer& optimizer, std::vector<LRFunction> lr_lambda, int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lr() override;
  std::vector<LRFunction> lr_lambdas_;
};
/// Multiplies lr by lr_lambda(epoch) at every epoch.
class MultiplicativeLR final : public LRScheduler {
 public:
  MultiplicativeLR(Optimizer& optimizer, LRFunction lr_lambda, int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lr() override;

 private:
  LRFunction lr_lambda_;
};
/// Multiplies lr by gamma every step_size epochs.
class StepLR final : public LRScheduler {
 public:
  StepLR(Optimizer& optimizer, int64_t step_size, double gamma = 0.1, int64_t last_epoch = -1);
  RT_SCHEDULER_BODY;

 private:
  int64_t step_size_;
  double gamma_;
};
/// Multiplies lr by gamma at each of the milestones.
class MultiStepLR final : public LRScheduler {
 public:
  MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma = 0.1,
              int64_t last_epoch = -1);
  RT_SCHEDULER_BODY;

 private:
  std::vector<int64_t> milestones_;
  double gamma_;
};
/// lr * factor until epoch total_iters, lr from then on.
class ConstantLR final : public LRScheduler {
 public:
  ConstantLR(Optimizer& optimizer, double factor = 1.0 / 3, int64_t total_iters = 5, int64_t last_epoch = -1);
  RT_SCHEDULER_BODY;

 private:
  double factor_;
  int64_t total_iters_;
};
/// lr times a factor that goes linearly from start_factor to end_factor in total_iters epochs.
class LinearLR final : public LRScheduler {
 public:
  LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1.0,
           int64_t total_iters = 5, int64_t last_epoch = -1);
  RT_SCHEDULER_BODY;

 private:
  double start_factor_, end_factor_;
  int64_t total_iters_;
};
/// Multiplies lr by gamma at every epoch.
class ExponentialLR final : public LRScheduler {
 public:
  ExponentialLR(Optimizer& optimizer, double gamma, int64_t last_epoch = -1);
  RT_SCHEDULER_BODY;

 private:
  double gamma_;
};
/// lr * (1 - epoch / total_iters) ** power, 0 from total_iters on.
class PolynomialLR final : public LRScheduler {
 public:
  PolynomialLR(Optimizer& optimizer, int64_t total_iters = 5, double power = 1.0, int64_t last_epoch = -1);
  RT_SCHEDULER_BODY;

 private:
  int64_t total_iters_;
  double power_;
};
/// lr along half a cosine from the initial value to eta_min in T_max epochs, and back.
class CosineAnnealingLR final : public LRScheduler {
 public:
  CosineAnnealingLR(Optimizer& optimizer, double T_max, double eta_min = 0.0, int64_t last_epoch = -1);
  RT_SCHEDULER_BODY;

 private:
  double t_max_, eta_min_;
};
/// Cosine annealing that starts again after T_0 epochs, then T_0 * T_mult ... (Loshchilov and Hutter 2017).
class CosineAnnealingWarmRestarts final : public LRScheduler {
 public:
  CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t T_0, int64_t T_mult = 1, double eta_min = 0.0,
                              int64_t last_epoch = -1);
  void step() override;
  void step_to(int64_t epoch) override { step_to(static_cast<double>(epoch)); }
  /// The epoch may be a fraction.
  void step_to(double epoch);

 protected:
  std::vector<double> get_lr() override;
  void visit(detail::StateVisitor& v) override;

 private:
  void place(double epoch);
  int64_t t_0_, t_mult_;
  double t_i_, t_cur_, eta_min_;
};

struct CyclicLROptions {
  int64_t step_size_up = 2000;
  int64_t step_size_down = -1;  ///< -1: as step_size_up
  std::string mode = "triangular";
  double gamma = 1.0;
  bool cycle_momentum = true;
  double base_momentum = 0.8, max_momentum = 0.9;
};
/// lr going up and down between base_lr and max_lr with every batch (Smith 2017).
class CyclicLR final : public LRScheduler {
 public:
  CyclicLR(Optimizer& optimizer, double base_lr, double max_lr, CyclicLROptions options = {});

 protected:
  std::vector<double> get_lr() override;
  void visit(detail::StateVisitor& v) override;

 private:
  CyclicLROptions options_;
  double max_lr_, total_size_, step_ratio_;
};

struct OneCycleLROptions {
  double pct_start = 0.3;
  std::string anneal_strategy = "cos";
  bool cycle_momentum = true;
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25.0, final_div_factor = 1e4;
  bool three_phase = false;
};
/// One rise to max_lr and one long descent over total_steps batches (Smith and Topin 2018).
class OneCycleLR final : public LRScheduler {
 public:
  OneCycleLR(Optimizer& optimizer, double max_lr, int64_t total_steps, OneCycleLROptions options = {});

 protected:
  std::vector<double> get_lr() override;
  void visit(detail::StateVisitor& v) override;

 private:
  double anneal(double start, double end, double share) const;
  OneCycleLROptions options_;
  int64_t total_steps_;
};

/// One scheduler after another; each milestone is the epoch at which the next one starts.
class SequentialLR final : public LRScheduler {
 public:
  SequentialLR(Optimizer& optimizer, std::vector<std::shared_ptr<LRScheduler>> schedulers,
               std::vector<int64_t> milestones);
  void step() override;

 protected:
  std::vector<double> get_lr() override { return rates(); }
  void visit(detail::StateVisitor& v) override;

 private:
  std::vector<std::shared_ptr<LRScheduler>> schedulers_;
  std::vector<int64_t> milestones_;
};

/// Several schedulers stepped together, each working on the rates the one before left.
class ChainedScheduler final : public LRScheduler {
 public:
  explicit ChainedScheduler(std::vector<std::shared_ptr<LRScheduler>> schedulers);
  void step() override;

 protected:
  std::vector<double> get_lr() override { return rates(); }

 private:
  std::vector<std::shared_ptr<LRScheduler>> schedulers_;
};

struct ReduceLROnPlateauOptions {
  std::string mode = "min";
  double factor = 0.1;
  int64_t patience = 10;
  double threshold = 1e-4;
  std::string threshold_mode = "rel";
  int64_t cooldown = 0;
  double min_lr = 0;
  double eps = 1e-8;
};
/// Multiplies lr by factor when a metric has not improved for `patience` epochs.
class ReduceLROnPlateau final : public LRScheduler {
 public:
  explicit ReduceLROnPlateau(Optimizer& optimizer, ReduceLROnPlateauOptions options = {});
  /// Judges the metric of one epoch.
  void step(double metric);
  /// Throws Value: a metric is needed.
  void step() override;
  double best() const { return best_; }

 protected:
  std::vector<double> get_lr() override { return rates(); }
  void visit(detail::StateVisitor& v) override;

 private:
  ReduceLROnPlateauOptions options_;
  double best_;
  int64_t num_bad_epochs_ = 0, cooldown_counter_ = 0;
};

/// Anneals lr to swa_lr in anneal_epochs, by a cosine or linearly, and keeps it there (Izmailov et al. 2018).
class SWALR final : public LRScheduler {
 public:
  SWALR(Optimizer& optimizer, double swa_lr, int64_t anneal_epochs = 10, std::string anneal_strategy = "cos",
        int64_t last_epoch = -1);

 protected:
  std::vector<double> get_lr() override;
  void visit(detail::StateVisitor& v) override;

 private:
  double share(double t) const;
  int64_t anneal_epochs_;
  std::string anneal_strategy_;
};
#undef RT_SCHEDULER_BODY

}  // namespace rustorch::optim
