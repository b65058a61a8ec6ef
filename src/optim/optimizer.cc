#include "rustorch/optim/optimizer.h"

#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch::optim {

// ---- options

const SavedValue* OptimizerOptions::find(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return &value;
  }
  return nullptr;
}

const SavedValue& OptimizerOptions::at(std::string_view name) const {
  const SavedValue* value = find(name);
  RT_CHECK(value != nullptr, Value, "Optimizer", "there is no option '", name, "'");
  return *value;
}

double OptimizerOptions::number(std::string_view name) const {
  const SavedValue& value = at(name);
  return value.is_tensor() ? value.tensor().item<double>() : value.to_double();
}

bool OptimizerOptions::flag(std::string_view name) const { return at(name).to_bool(); }

Pair OptimizerOptions::pair(std::string_view name) const {
  const SavedValue& value = at(name);
  const auto one = [&](int i) { return value[i].is_none() ? -1.0 : value[i].to_double(); };
  return {one(0), one(1)};
}

void OptimizerOptions::set(std::string_view name, SavedValue value) {
  for (auto& [key, old] : values_) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  values_.emplace_back(std::string(name), std::move(value));
}

void OptimizerOptions::set(std::string_view name, Pair value) {
  set(name, SavedValue(SavedValue::List{std::get<0>(value), std::get<1>(value)}));
}

// ---- groups

Optimizer::Optimizer(std::vector<OptimizerParamGroup> groups, OptimizerOptions defaults)
    : defaults_(std::move(defaults)) {
  RT_CHECK(!groups.empty() && !(groups.size() == 1 && groups[0].params.empty()), Value, "Optimizer",
           "optimizer got an empty parameter list");
  for (OptimizerParamGroup& group : groups) add_param_group(std::move(group));
}

Optimizer::~Optimizer() = default;

std::vector<OptimizerParamGroup> Optimizer::one_group(std::vector<Tensor> parameters) {
  std::vector<OptimizerParamGroup> groups;
  groups.emplace_back(std::move(parameters));
  return groups;
}

void Optimizer::register_step_pre_hook(std::function<void(Optimizer&)> hook) {
  before_.push_back(std::move(hook));
}
void Optimizer::register_step_post_hook(std::function<void(Optimizer&)> hook) {
  after_.push_back(std::move(hook));
}

void Optimizer::add_param_group(OptimizerParamGroup group) {
  const std::vector<Tensor> known = parameters();
  const auto is_in = [](const std::vector<Tensor>& list, size_t n, const Tensor& p) {
    for (size_t i = 0; i < n; ++i) {
      if (list[i].is_same(p)) return true;
    }
    return false;
  };
  for (size_t i = 0; i < group.params.size(); ++i) {
    const Tensor& p = group.params[i];
    RT_CHECK(p.defined(), Value, "Optimizer", "a parameter is undefined");
    RT_CHECK(p.is_leaf() || p.retains_grad(), Value, "Optimizer", "can't optimize a non-leaf Tensor");
    RT_CHECK(!is_in(known, known.size(), p), Value, "Optimizer",
             "some parameters appear in more than one parameter group");
    RT_CHECK(!is_in(group.params, i, p), Value, "Optimizer", "a parameter group holds a parameter twice");
  }
  for (const auto& [name, value] : defaults_.values()) {
    if (!group.options.contains(name)) group.options.set(name, value);
  }
  group.state.resize(group.params.size());
  groups_.push_back(std::move(group));
}

std::vector<Tensor> Optimizer::parameters() const {
  std::vector<Tensor> out;
  for (const OptimizerParamGroup& group : groups_)
    out.insert(out.end(), group.params.begin(), group.params.end());
  return out;
}

void Optimizer::set_lr(double lr) {
  for (OptimizerParamGroup& group : groups_) group.options.set_lr(lr);
}

void Optimizer::zero_grad(bool set_to_none) {
  const NoGradGuard no_grad;
  for (const Tensor& p : parameters()) {
    const Tensor g = p.grad();
    if (!g.defined()) continue;
    p.set_grad(set_to_none ? Tensor() : g.detach().zero_());
  }
}

// ---- steps

Tensor Optimizer::step(const LossClosure& closure) {
  for (const auto& hook : before_) hook(*this);
  Tensor loss;
  if (closure) {
    const EnableGradGuard grad;
    loss = closure();
  }
  {
    const NoGradGuard no_grad;
    for (OptimizerParamGroup& group : groups_) update_group(group);
  }
  for (const auto& hook : after_) hook(*this);
  return loss;
}

void Optimizer::init_state(const Tensor&, OptimizerOptions&, const OptimizerOptions&) {}
void Optimizer::update(const Tensor&, const Tensor&, OptimizerOptions&, const OptimizerOptions&) {
  raise(ErrorKind::NotImplemented, "Optimizer", "the optimizer defines neither update() nor update_group()");
}

void Optimizer::update_group(OptimizerParamGroup& group) {
  const SavedValue* maximize = group.options.find("maximize");
  const bool up = maximize != nullptr && maximize->to_bool();
  for (size_t i = 0; i < group.params.size(); ++i) {
    const Tensor& p = group.params[i];
    Tensor g = p.grad();
    if (!g.defined()) continue;
    OptimizerOptions& state = group.state[i];
    if (state.values().empty()) init_state(p, state, group.options);
    if (up) g = g.neg();
    if (!p.is_complex()) {
      update(p, g, state, group.options);
      continue;
    }
    // A complex number is two real ones.
    OptimizerOptions parts;
    for (const auto& [name, value] : state.values()) {
      const bool complex = value.is_tensor() && value.tensor().is_complex();
      parts.set(name, complex ? SavedValue(view_as_real(value.tensor())) : value);
    }
    update(view_as_real(p), view_as_real(g), parts, group.options);
  }
}

// ---- state_dict

SavedValue Optimizer::state_dict() const {
  SavedValue::Dict state;
  SavedValue::List groups;
  int64_t number = 0;
  for (const OptimizerParamGroup& group : groups_) {
    SavedValue::Dict packed = group.options.values();
    SavedValue::List params;
    for (const OptimizerOptions& s : group.state) {
      if (!s.values().empty()) state.emplace_back(std::to_string(number), s.values());
      params.emplace_back(number++);
    }
    packed.emplace_back("params", std::move(params));
    groups.emplace_back(std::move(packed));
  }
  return SavedValue::Dict{{"state", std::move(state)}, {"param_groups", std::move(groups)}};
}

namespace {
/// A loaded value as the optimizer's own: tensors copied, those of the parameter's kind in its dtype.
SavedValue own_copy(const SavedValue& value, const Tensor& p, bool is_step) {
  if (value.is_tensor()) {
    const Tensor t = value.tensor();
    return is_step || !p.is_floating_point() ? t.clone() : t.to(p.dtype()).clone();
  }
  if (!value.is_list()) return value;
  SavedValue::List out;
  for (const SavedValue& item : value.list()) out.push_back(own_copy(item, p, false));
  return out;
}
}  // namespace

void Optimizer::load_state_dict(const SavedValue& saved) {
  const NoGradGuard no_grad;
  const SavedValue::List& packed = saved["param_groups"].list();
  RT_CHECK(packed.size() == groups_.size(), Value, "Optimizer",
           "loaded state dict has a different number of parameter groups");
  for (size_t i = 0; i < packed.size(); ++i) {
    RT_CHECK(packed[i]["params"].list().size() == groups_[i].params.size(), Value, "Optimizer",
             "loaded state dict contains a parameter group that doesn't match the size of optimizer's group");
  }
  const SavedValue& states = saved["state"];
  for (size_t i = 0; i < packed.size(); ++i) {
    OptimizerParamGroup& group = groups_[i];
    for (const auto& [name, value] : packed[i].dict()) {
      if (name != "params") group.options.set(name, value);
    }
    for (size_t k = 0; k < group.params.size(); ++k) {
      group.state[k] = {};
      const SavedValue* s = states.find(std::to_string(packed[i]["params"][k].to_int()));
      if (s == nullptr) continue;
      for (const auto& [name, value] : s->dict()) {
        group.state[k].set(name, own_copy(value, group.params[k], name == "step"));
      }
    }
  }
}

}  // namespace rustorch::optim
