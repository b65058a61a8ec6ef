#include "rustorch/nn/container.h"

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

void ModuleContainer::push_back(std::shared_ptr<Module> module) {
  register_module(std::to_string(size()), std::move(module));
}

std::shared_ptr<Module> ModuleContainer::ptr(int64_t index) const {
  const auto n = static_cast<int64_t>(size());
  RT_CHECK(index >= -n && index < n, Index, type_name(), "index ", index, " is out of range");
  return named_children()[static_cast<size_t>(index < 0 ? index + n : index)].second;
}

void ModuleContainer::wrong_type(int64_t index) const {
  raise(ErrorKind::Type, type_name(), cat("module ", index, " is a ", ptr(index)->type_name()));
}

void ModuleContainer::clone_children(const Module& from) {
  forget_members();
  for (const auto& [name, child] : from.named_children()) register_module(name, child->clone());
}

// ---- Sequential

SequentialImpl::SequentialImpl(std::initializer_list<NamedEntry> entries) {
  for (const NamedEntry& entry : entries) push_back(entry.name, entry.module);
}

Tensor SequentialImpl::forward(const Tensor& input) {
  Tensor x = input;
  for (const auto& [name, child] : named_children()) x = (*child)(x);
  return x;
}

Sequential::Sequential() : ModuleHolder(std::make_shared<SequentialImpl>()) {}
Sequential::Sequential(std::initializer_list<NamedEntry> entries)
    : ModuleHolder(std::make_shared<SequentialImpl>(entries)) {}

std::shared_ptr<Module> SequentialImpl::clone() const {
  auto copy = std::make_shared<SequentialImpl>(*this);
  copy->clone_children(*this);
  return copy;
}

// ---- ModuleList

void ModuleListImpl::insert(int64_t index, std::shared_ptr<Module> module) {
  const auto n = static_cast<int64_t>(size());
  if (index < 0) index = std::max<int64_t>(index + n, 0);
  std::vector<std::shared_ptr<Module>> all = children();
  all.insert(all.begin() + std::min(index, n), std::move(module));
  push_back(all.back());
  for (size_t i = 0; i < all.size(); ++i) replace_module(std::to_string(i), all[i]);
}

void ModuleListImpl::extend(const ModuleListImpl& other) {
  for (const auto& child : other.children()) push_back(child);
}

std::string ModuleListImpl::str() const {
  if (is_empty()) return type_name() + "()";
  std::string body;
  const auto& list = named_children();
  for (size_t i = 0; i < list.size();) {
    const std::string text = list[i].second->str();
    size_t last = i;
    while (last + 1 < list.size() && list[last + 1].second->str() == text) ++last;
    body += last == i ? cat("\n  (", i, "): ") : cat("\n  (", i, "-", last, "): ", last - i + 1, " x ");
    body += text::indented(text);
    i = last + 1;
  }
  return type_name() + "(" + body + "\n)";
}

std::shared_ptr<Module> ModuleListImpl::clone() const {
  auto copy = std::make_shared<ModuleListImpl>(*this);
  copy->clone_children(*this);
  return copy;
}

// ---- ModuleDict

ModuleDictImpl::ModuleDictImpl(std::initializer_list<NamedEntry> entries) {
  for (const NamedEntry& entry : entries) insert(entry.name, entry.module);
}

ModuleDict::ModuleDict() : ModuleHolder(std::make_shared<ModuleDictImpl>()) {}
ModuleDict::ModuleDict(std::initializer_list<NamedEntry> entries)
    : ModuleHolder(std::make_shared<ModuleDictImpl>(entries)) {}

bool ModuleDictImpl::contains(std::string_view name) const {
  for (const auto& [key, child] : named_children()) {
    if (key == name) return true;
  }
  return false;
}

std::shared_ptr<Module> ModuleDictImpl::get(std::string_view name) const {
  for (const auto& [key, child] : named_children()) {
    if (key == name) return child;
  }
  raise(ErrorKind::Index, "ModuleDict", cat("there is no module '", name, "'"));
}

void ModuleDictImpl::insert(std::string_view name, std::shared_ptr<Module> module) {
  if (contains(name)) {
    replace_module(name, std::move(module));
  } else {
    register_module(name, std::move(module));
  }
}

std::shared_ptr<Module> ModuleDictImpl::pop(std::string_view name) {
  std::shared_ptr<Module> module = get(name);
  unregister_module(name);
  return module;
}

std::vector<std::string> ModuleDictImpl::keys() const {
  std::vector<std::string> out;
  for (const auto& [key, child] : named_children()) out.push_back(key);
  return out;
}

std::shared_ptr<Module> ModuleDictImpl::clone() const {
  auto copy = std::make_shared<ModuleDictImpl>(*this);
  copy->clone_children(*this);
  return copy;
}

// ---- parameters

namespace {
std::string describe(const std::vector<Module::NamedTensor>& named) {
  std::string s;
  for (const auto& [name, t] : named) {
    std::string size;
    for (const int64_t n : t.sizes()) size += (size.empty() ? "" : "x") + std::to_string(n);
    s += cat(s.empty() ? "" : "\n", "  (", name, "): Parameter containing: [rustorch.", dtype_name(t.dtype()),
             " of size ", size, "]");
  }
  return s;
}

template <class Impl>
std::shared_ptr<Module> clone_parameters(const Module& from) {
  auto copy = std::make_shared<Impl>();
  for (const auto& [name, t] : from.named_parameters(false)) {
    copy->register_parameter(name, t.detach().clone(), t.requires_grad());
  }
  copy->train(from.is_training());
  return copy;
}
}  // namespace

ParameterListImpl::ParameterListImpl(const std::vector<Tensor>& tensors) {
  for (const Tensor& t : tensors) append(t);
}
void ParameterListImpl::append(const Tensor& tensor) { register_parameter(std::to_string(size()), tensor); }
Tensor ParameterListImpl::operator[](int64_t index) const {
  const auto n = static_cast<int64_t>(size());
  RT_CHECK(index >= -n && index < n, Index, "ParameterList", "index ", index, " is out of range");
  return parameters(false)[static_cast<size_t>(index < 0 ? index + n : index)];
}
std::string ParameterListImpl::extra_repr() const { return describe(named_parameters(false)); }
std::shared_ptr<Module> ParameterListImpl::clone() const {
  return clone_parameters<ParameterListImpl>(*this);
}

ParameterDictImpl::ParameterDictImpl(const std::vector<NamedTensor>& tensors) {
  for (const auto& [name, t] : tensors) insert(name, t);
}
void ParameterDictImpl::insert(std::string_view name, const Tensor& tensor) {
  if (contains(name)) {
    tensor.requires_grad_(true);
    replace_parameter(name, tensor);
  } else {
    register_parameter(name, tensor);
  }
}
bool ParameterDictImpl::contains(std::string_view name) const {
  for (const auto& [key, t] : named_parameters(false)) {
    if (key == name) return true;
  }
  return false;
}
std::vector<std::string> ParameterDictImpl::keys() const {
  std::vector<std::string> out;
  for (const auto& [key, t] : named_parameters(false)) out.push_back(key);
  return out;
}
std::string ParameterDictImpl::extra_repr() const { return describe(named_parameters(false)); }
std::shared_ptr<Module> ParameterDictImpl::clone() const {
  return clone_parameters<ParameterDictImpl>(*this);
}

}  // namespace rustorch::nn
