// Optimizer: parameter groups, options by name, state per parameter, hooks, and saving of all of it.
//
// Options and state are kept by the names that the Python package (and PyTorch) give them, so that
// state_dict() has the same form in both languages. An optimizer keeps handles of the parameters; parameters
// without a gradient are skipped. Not thread-safe.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "rustorch/serialize.h"
#include "rustorch/tensor.h"

namespace rustorch::optim {

using Pair = std::tuple<double, double>;
/// Recomputes the loss and its gradients, and gives the loss.
using LossClosure = std::function<Tensor()>;

/// Values by name, in order. The optimizers' own option classes derive from it and add typed setters.
class OptimizerOptions {
 public:
  using Dict = SavedValue::Dict;
  OptimizerOptions() = default;
  OptimizerOptions(Dict values) : values_(std::move(values)) {}

  bool contains(std::string_view name) const { return find(name) != nullptr; }
  const SavedValue* find(std::string_view name) const;
  // Each throws Value when there is no such option, and Type when it is of another kind.
  const SavedValue& at(std::string_view name) const;
  double number(std::string_view name) const;
  bool flag(std::string_view name) const;
  Pair pair(std::string_view name) const;
  void set(std::string_view name, SavedValue value);
  void set(std::string_view name, Pair value);
  const Dict& values() const { return values_; }

  // What all optimizers have.
  double get_lr() const { return number("lr"); }
  void set_lr(double lr) { set("lr", lr); }

 private:
  Dict values_;
};

/// Parameters with options of their own; without, those of the optimizer.
struct OptimizerParamGroup {
  OptimizerParamGroup(std::vector<Tensor> tensors) : params(std::move(tensors)) {}
  OptimizerParamGroup(std::vector<Tensor> tensors, OptimizerOptions own)
      : params(std::move(tensors)), options(std::move(own)) {}
  std::vector<Tensor> params;
  OptimizerOptions options;
  std::vector<OptimizerOptions> state;  ///< parallel to params; empty before the first step
};

class Optimizer {
 public:
  Optimizer(std::vector<OptimizerParamGroup> groups, OptimizerOptions defaults);
  virtual ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Moves every parameter that has a gradient. With a closure: calls it first and gives what it gave.
  virtual Tensor step(const LossClosure& closure = {});
  /// Forgets the gradients, or sets them to zero.
  void zero_grad(bool set_to_none = true);
  /// Throws Value for undefined, repeated and non-leaf parameters.
  void add_param_group(OptimizerParamGroup group);
  std::vector<OptimizerParamGroup>& param_groups() { return groups_; }
  const std::vector<OptimizerParamGroup>& param_groups() const { return groups_; }
  const OptimizerOptions& defaults() const { return defaults_; }
  /// The parameters of all groups.
  std::vector<Tensor> parameters() const;
  /// The rate of the first group, and of all groups.
  double lr() const { return groups_[0].options.get_lr(); }
  void set_lr(double lr);

  /// {"state": {number: state of the parameter}, "param_groups": [options and numbers]}.
  SavedValue state_dict() const;
  /// Takes options and state of an optimizer with groups of the same sizes. Throws Value otherwise.
  void load_state_dict(const SavedValue& saved);

  /// Called before and after every step.
  void register_step_pre_hook(std::function<void(Optimizer&)> hook);
  void register_step_post_hook(std::function<void(Optimizer&)> hook);

 protected:
  /// The parameters as the only group.
  static std::vector<OptimizerParamGroup> one_group(std::vector<Tensor> parameters);
  /// The state of a parameter that has none yet.
  virtual void init_state(const Tensor& p, OptimizerOptions& state, const OptimizerOptions& group);
  /// The formula, for one parameter and its gradient (negated for maximize); gradients are not recorded.
  virtual void update(const Tensor& p, const Tensor& g, OptimizerOptions& state,
                      const OptimizerOptions& group);
  /// All parameters of a group; calls the two above unless overridden.
  virtual void update_group(OptimizerParamGroup& group);

 private:
  OptimizerOptions defaults_;
  std::vector<OptimizerParamGroup> groups_;
  std::vector<std::function<void(Optimizer&)>> before_, after_;
};

/// A typed setter that chains, and a getter of the same name.
#define RT_NUMBER(name)                                 \
  auto& name(double v) { return set(#name, v), *this; } \
  double name() const { return number(#name); }
#define RT_FLAG(name)                                 \
  auto& name(bool v) { return set(#name, v), *this; } \
  bool name() const { return flag(#name); }
#define RT_PAIR(name)                                 \
  auto& name(Pair v) { return set(#name, v), *this; } \
  Pair name() const { return pair(#name); }
#define RT_VALUE(T, name) \
  auto& name(T v) { return set(#name, SavedValue(std::move(v))), *this; }

}  // namespace rustorch::optim
