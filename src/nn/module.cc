#include "rustorch/nn/module.h"

#include <algorithm>
#include <ostream>

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

Tensor Module::forward(const Tensor&) {
  raise(ErrorKind::NotImplemented, type_name() + "::forward", "the module defines no forward(Tensor)");
}

/// Calls f(prefix, module) for this module and those below, depth first.
template <class F>
void Module::walk(const std::string& prefix, bool recurse, F&& f) const {
  f(prefix, *this);
  if (!recurse) return;
  for (const auto& [name, child] : children_) child->walk(prefix + name + ".", true, f);
}

std::vector<Module::NamedTensor> Module::named_parameters(bool recurse) const {
  std::vector<NamedTensor> out;
  walk("", recurse, [&](const std::string& prefix, const Module& m) {
    for (const auto& [name, t] : m.parameters_) {
      const bool seen = std::any_of(out.begin(), out.end(),
                                    [&](const NamedTensor& other) { return other.second.is_same(t); });
      if (t.defined() && !seen) out.emplace_back(prefix + name, t);
    }
  });
  return out;
}

std::vector<Module::NamedTensor> Module::named_buffers(bool recurse) const {
  std::vector<NamedTensor> out;
  walk("", recurse, [&](const std::string& prefix, const Module& m) {
    for (const Buffer& b : m.buffers_) {
      if (b.tensor.defined()) out.emplace_back(prefix + b.name, b.tensor);
    }
  });
  return out;
}

namespace {
std::vector<Tensor> tensors_of(const std::vector<Module::NamedTensor>& named) {
  std::vector<Tensor> out;
  for (const auto& [name, t] : named) out.push_back(t);
  return out;
}
}  // namespace

std::vector<Tensor> Module::parameters(bool recurse) const { return tensors_of(named_parameters(recurse)); }
std::vector<Tensor> Module::buffers(bool recurse) const { return tensors_of(named_buffers(recurse)); }

void Module::apply(const std::function<void(Module&)>& f) {
  for (const auto& [name, child] : children_) child->apply(f);
  f(*this);
}

void Module::train(bool on) {
  training_ = on;
  for (const auto& [name, child] : children_) child->train(on);
}

void Module::zero_grad(bool set_to_none) {
  for (const Tensor& t : parameters()) {
    const Tensor g = t.grad();
    if (!g.defined()) continue;
    if (set_to_none) {
      t.set_grad({});
    } else {
      const NoGradGuard no_grad;
      t.set_grad(g.detach().zero_());
    }
  }
}

void Module::requires_grad_(bool on) {
  for (const Tensor& t : parameters()) t.requires_grad_(on);
}

StateDict Module::state_dict() const {
  std::vector<StateDict::Entry> out;
  walk("", true, [&](const std::string& prefix, const Module& m) {
    for (const auto& [name, t] : m.parameters_) {
      if (t.defined()) out.emplace_back(prefix + name, t.detach());
    }
    for (const Buffer& b : m.buffers_) {
      if (b.tensor.defined() && b.persistent) out.emplace_back(prefix + b.name, b.tensor.detach());
    }
  });
  return StateDict(std::move(out));
}

void Module::prepare_load(const std::string&, const StateDict&) {}

void Module::prepare_loads(const std::string& prefix, const StateDict& state) {
  prepare_load(prefix, state);
  for (const auto& [name, child] : children_) child->prepare_loads(prefix + name + ".", state);
}

IncompatibleKeys Module::load_state_dict(const StateDict& state, bool strict) {
  prepare_loads("", state);
  // The state dict's tensors alias the module's: writing to them is writing to the module.
  const StateDict mine = state_dict();
  IncompatibleKeys keys;
  for (const auto& [name, t] : mine) {
    const Tensor* source = state.find(name);
    if (source == nullptr) {
      keys.missing.push_back(name);
      continue;
    }
    if (source->sizes() != t.sizes()) {
      raise_shape("load_state_dict",
                  cat("size mismatch for ", name, "; got ", source->sizes(), "; expected ", t.sizes()),
                  source->sizes(), t.sizes());
    }
  }
  for (const auto& [name, t] : state) {
    if (!mine.contains(name)) keys.unexpected.push_back(name);
  }
  if (strict && !(keys.missing.empty() && keys.unexpected.empty())) {
    const auto list = [](const std::vector<std::string>& names) {
      std::string s;
      for (const std::string& n : names) s += (s.empty() ? "" : ", ") + n;
      return s.empty() ? std::string("none") : s;
    };
    raise(ErrorKind::Value, "load_state_dict",
          cat("Missing key(s) in state_dict: ", list(keys.missing),
              "; Unexpected key(s) in state_dict: ", list(keys.unexpected)));
  }
  const NoGradGuard no_grad;
  for (const auto& [name, t] : mine) {
    if (const Tensor* source = state.find(name)) t.copy_(*source);
  }
  return keys;
}

std::string Module::str() const {
  const std::string extra = extra_repr();
  if (children_.empty() && extra.find('\n') == std::string::npos) return type_name() + "(" + extra + ")";
  std::string body = extra.empty() ? "" : text::indented("\n" + extra);
  for (const auto& [name, child] : children_) {
    body += "\n  (" + name + "): " + text::indented(child->str());
  }
  return type_name() + "(" + body + "\n)";
}

std::ostream& operator<<(std::ostream& out, const Module& module) { return out << module.str(); }

void Module::check_name(std::string_view name) const {
  RT_CHECK(!name.empty() && name.find('.') == std::string_view::npos, Value, "Module",
           "a name must not be empty or hold a dot; got '", name, "'");
  const auto taken = [&](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const auto& entry) { return entry.first == name; });
  };
  const bool is_buffer =
      std::any_of(buffers_.begin(), buffers_.end(), [&](const Buffer& b) { return b.name == name; });
  RT_CHECK(!taken(parameters_) && !taken(children_) && !is_buffer, Value, "Module", "the name '", name,
           "' is taken");
}

Tensor Module::register_parameter(std::string_view name, Tensor tensor, bool requires_grad) {
  check_name(name);
  if (tensor.defined() && requires_grad) tensor.requires_grad_(true);
  parameters_.emplace_back(std::string(name), tensor);
  return tensor;
}

Tensor Module::register_buffer(std::string_view name, Tensor tensor, bool persistent) {
  check_name(name);
  buffers_.push_back({std::string(name), tensor, persistent});
  return tensor;
}

void Module::add_child(std::string_view name, std::shared_ptr<Module> module) {
  check_name(name);
  RT_CHECK(module != nullptr, Value, "Module", "the module '", name, "' is empty");
  children_.emplace_back(std::string(name), std::move(module));
}

void Module::replace_module(std::string_view name, std::shared_ptr<Module> module) {
  RT_CHECK(module != nullptr, Value, "Module", "the module '", name, "' is empty");
  for (auto& [key, child] : children_) {
    if (key == name) {
      child = std::move(module);
      return;
    }
  }
  raise(ErrorKind::Value, "Module", cat("there is no submodule '", name, "'"));
}

void Module::replace_parameter(std::string_view name, const Tensor& tensor) {
  for (auto& [key, own] : parameters_) {
    if (key == name) {
      own = tensor;
      return;
    }
  }
  raise(ErrorKind::Value, "Module", cat("there is no parameter '", name, "'"));
}

void Module::replace_buffer(std::string_view name, const Tensor& tensor) {
  for (Buffer& own : buffers_) {
    if (own.name == name) {
      own.tensor = tensor;
      return;
    }
  }
  raise(ErrorKind::Value, "Module", cat("there is no buffer '", name, "'"));
}

void Module::unregister_module(std::string_view name) {
  const auto found = std::find_if(children_.begin(), children_.end(),
                                  [&](const NamedModule& child) { return child.first == name; });
  RT_CHECK(found != children_.end(), Value, "Module", "there is no submodule '", name, "'");
  children_.erase(found);
}

std::vector<std::shared_ptr<Module>> Module::children() const {
  std::vector<std::shared_ptr<Module>> out;
  for (const auto& [name, child] : children_) out.push_back(child);
  return out;
}

namespace {
void collect(const std::string& prefix, const Module& m, std::vector<Module::NamedModule>& out) {
  for (const auto& [name, child] : m.named_children()) {
    const bool seen =
        std::any_of(out.begin(), out.end(), [&](const Module::NamedModule& o) { return o.second == child; });
    if (seen) continue;
    out.emplace_back(prefix + name, child);
    collect(prefix + name + ".", *child, out);
  }
}
}  // namespace

std::vector<Module::NamedModule> Module::named_modules(bool include_self) {
  std::vector<NamedModule> out;
  const std::shared_ptr<Module> self = weak_from_this().lock();
  if (include_self && self != nullptr) out.emplace_back("", self);
  collect("", *this, out);
  return out;
}

std::vector<std::shared_ptr<Module>> Module::modules(bool include_self) {
  std::vector<std::shared_ptr<Module>> out;
  for (auto& [name, module] : named_modules(include_self)) out.push_back(std::move(module));
  return out;
}

std::shared_ptr<Module> Module::get_submodule(std::string_view name) {
  for (auto& [key, module] : named_modules()) {
    if (key == name) return module;
  }
  raise(ErrorKind::Value, "get_submodule", cat(type_name(), " has no submodule '", name, "'"));
}

Tensor Module::get_parameter(std::string_view name) const {
  for (const auto& [key, t] : named_parameters()) {
    if (key == name) return t;
  }
  raise(ErrorKind::Value, "get_parameter", cat(type_name(), " has no parameter '", name, "'"));
}

Tensor Module::get_buffer(std::string_view name) const {
  for (const auto& [key, t] : named_buffers()) {
    if (key == name) return t;
  }
  raise(ErrorKind::Value, "get_buffer", cat(type_name(), " has no buffer '", name, "'"));
}

// ---- dtype and device

template <class F>
void Module::convert(F&& f) {
  const NoGradGuard no_grad;
  for (const Tensor& t : parameters()) {
    t.set_data(f(t.data()));
    const Tensor g = t.grad();
    if (g.defined()) t.set_grad(f(g));
  }
  for (const Tensor& t : buffers()) t.set_data(f(t.data()));
}

void Module::to(DType dtype) {
  convert([&](const Tensor& t) { return t.is_floating_point() ? t.to(dtype) : t; });
}
void Module::to(Device device) {
  convert([&](const Tensor& t) { return t.to(device); });
}
void Module::to(Device device, DType dtype) {
  to(device);
  to(dtype);
}

// ---- copies

Module::Module(const Module& other)
    : std::enable_shared_from_this<Module>(other),
      parameters_(other.parameters_),
      buffers_(other.buffers_),
      children_(other.children_),
      training_(other.training_) {}

std::shared_ptr<Module> Module::clone() const {
  raise(ErrorKind::NotImplemented, type_name() + "::clone",
        "derive from Cloneable to make a module clonable");
}

void Module::forget_members() {
  parameters_.clear();
  buffers_.clear();
  children_.clear();
}

void Module::copy_members(const Module& from) {
  const NoGradGuard no_grad;
  training_ = from.training_;
  const auto copy = [&](const Tensor& to, const Tensor& t, const std::string& name) {
    RT_CHECK(to.defined() == t.defined(), Value, "clone", "reset() of ", type_name(), " does not register '",
             name, "' as the original has it");
    if (!t.defined()) return;
    to.set_data(t.detach().clone());
    to.requires_grad_(t.requires_grad());
  };
  RT_CHECK(parameters_.size() == from.parameters_.size() && buffers_.size() == from.buffers_.size() &&
               children_.size() == from.children_.size(),
           Value, "clone", "reset() of ", type_name(),
           " does not register the members that the original has");
  for (size_t i = 0; i < parameters_.size(); ++i) {
    copy(parameters_[i].second, from.parameters_[i].second, parameters_[i].first);
  }
  for (size_t i = 0; i < buffers_.size(); ++i) {
    copy(buffers_[i].tensor, from.buffers_[i].tensor, buffers_[i].name);
  }
  for (size_t i = 0; i < children_.size(); ++i) children_[i].second->copy_members(*from.children_[i].second);
}

// ---- hooks

struct Module::Hooks {
  std::vector<std::pair<int64_t, ForwardPreHook>> before;
  std::vector<std::pair<int64_t, ForwardHook>> after;
  int64_t next = 0;
};

int64_t Module::register_forward_pre_hook(ForwardPreHook hook) {
  if (hooks_ == nullptr) hooks_ = std::make_shared<Hooks>();
  hooks_->before.emplace_back(hooks_->next, std::move(hook));
  return hooks_->next++;
}

int64_t Module::register_forward_hook(ForwardHook hook) {
  if (hooks_ == nullptr) hooks_ = std::make_shared<Hooks>();
  hooks_->after.emplace_back(hooks_->next, std::move(hook));
  return hooks_->next++;
}

bool Module::remove_hook(int64_t id) {
  if (hooks_ == nullptr) return false;
  const auto remove = [&](auto& list) {
    return std::erase_if(list, [&](const auto& entry) { return entry.first == id; }) > 0;
  };
  const bool found = remove(hooks_->before) || remove(hooks_->after);
  if (hooks_->before.empty() && hooks_->after.empty()) hooks_ = nullptr;
  return found;
}

Tensor Module::run_pre_hooks(const Tensor& input) {
  const std::shared_ptr<Hooks> hooks = hooks_;  // a hook may remove itself
  Tensor x = input;
  if (hooks == nullptr) return x;
  for (const auto& [id, hook] : std::vector(hooks->before)) {
    if (Tensor changed = hook(*this, x); changed.defined()) x = changed;
  }
  return x;
}

Tensor Module::run_hooks(const Tensor& input, const Tensor& output) {
  const std::shared_ptr<Hooks> hooks = hooks_;
  Tensor y = output;
  if (hooks == nullptr) return y;
  for (const auto& [id, hook] : std::vector(hooks->after)) {
    if (Tensor changed = hook(*this, input, y); changed.defined()) y = changed;
  }
  return y;
}

Tensor Module::operator()(const Tensor& input) {
  if (hooks_ == nullptr) return forward(input);
  const Tensor x = run_pre_hooks(input);
  return run_hooks(x, forward(x));
}

}  // namespace rustorch::nn
