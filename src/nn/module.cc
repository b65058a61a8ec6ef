#include "rustorch/nn/module.h"

#include <algorithm>

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

void Module::zero_grad() {
  for (const Tensor& t : parameters()) t.set_grad({});
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

IncompatibleKeys Module::load_state_dict(const StateDict& state, bool strict) {
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
  std::string body;
  for (const auto& [name, child] : children_) {
    std::string text = child->str();
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3) text.replace(at, 1, "\n  ");
    body += "  (" + name + "): " + text + "\n";
  }
  if (body.empty()) return type_name() + "(" + extra_repr() + ")";
  return type_name() + "(\n" + body + ")";
}

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

Tensor SequentialImpl::forward(const Tensor& input) {
  Tensor x = input;
  for (const auto& [name, child] : named_children()) x = child->forward(x);
  return x;
}

}  // namespace rustorch::nn
