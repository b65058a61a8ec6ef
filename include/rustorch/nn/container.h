// Containers: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict.
#pragma once
#include <initializer_list>

#include "rustorch/nn/module.h"

namespace rustorch::nn {

/// A module with its name, for containers: `{"conv", Conv2d(1, 8, 3)}`.
struct NamedEntry {
  NamedEntry(std::string key, std::shared_ptr<Module> value)
      : name(std::move(key)), module(std::move(value)) {}
  template <class Impl>
  NamedEntry(std::string key, const ModuleHolder<Impl>& value) : name(std::move(key)), module(value.ptr()) {}
  std::string name;
  std::shared_ptr<Module> module;
};

/// What the containers of modules share: the children are the content, and a clone clones each.
class ModuleContainer : public Module {
 public:
  size_t size() const { return named_children().size(); }
  bool is_empty() const { return size() == 0; }
  /// Adds a module at the end, named by its position.
  void push_back(std::shared_ptr<Module> module);
  /// Adds a module at the end under a name.
  void push_back(std::string_view name, std::shared_ptr<Module> module) {
    register_module(name, std::move(module));
  }
  template <class Impl>
  void push_back(const ModuleHolder<Impl>& module) {
    push_back(std::shared_ptr<Module>(module.ptr()));
  }
  template <class Impl>
  void push_back(std::string_view name, const ModuleHolder<Impl>& module) {
    register_module(name, module.ptr());
  }
  /// The module at a position; negative counts from the end. Throws Index.
  std::shared_ptr<Module> ptr(int64_t index) const;
  /// The same as its own class: `list->at<LinearImpl>(0)`. Throws Type when it is another.
  template <class Impl>
  Impl& at(int64_t index) const {
    auto* impl = dynamic_cast<Impl*>(ptr(index).get());
    if (impl == nullptr) wrong_type(index);
    return *impl;
  }
  Module& operator[](int64_t index) const { return *ptr(index); }
  auto begin() const { return named_children().begin(); }
  auto end() const { return named_children().end(); }

 protected:
  ModuleContainer() = default;
  ModuleContainer(const ModuleContainer&) = default;
  void clone_children(const Module& from);

 private:
  [[noreturn]] void wrong_type(int64_t index) const;
};

/// Modules one after the other.
class SequentialImpl : public ModuleContainer {
 public:
  SequentialImpl() = default;
  SequentialImpl(std::initializer_list<NamedEntry> entries);
  template <class... Modules>
  requires(sizeof...(Modules) > 0 && (std::is_convertible_v<Modules, std::shared_ptr<Module>> &&
                                      ...)) explicit SequentialImpl(const Modules&... modules) {
    (push_back(std::shared_ptr<Module>(modules)), ...);
  }
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "Sequential"; }
  std::shared_ptr<Module> clone() const override;
};
class Sequential : public ModuleHolder<SequentialImpl> {
 public:
  using ModuleHolder::ModuleHolder;
  Sequential();
  Sequential(std::initializer_list<NamedEntry> entries);
  Sequential(ModuleHolder<SequentialImpl> other) : ModuleHolder(std::move(other)) {}
};

/// Modules in a list, without a forward of its own.
class ModuleListImpl : public ModuleContainer {
 public:
  ModuleListImpl() = default;
  template <class... Modules>
  requires(sizeof...(Modules) > 0 && (std::is_convertible_v<Modules, std::shared_ptr<Module>> &&
                                      ...)) explicit ModuleListImpl(const Modules&... modules) {
    (push_back(std::shared_ptr<Module>(modules)), ...);
  }
  void insert(int64_t index, std::shared_ptr<Module> module);
  void extend(const ModuleListImpl& other);
  std::string type_name() const override { return "ModuleList"; }
  std::string str() const override;
  std::shared_ptr<Module> clone() const override;
};
using ModuleList = ModuleHolder<ModuleListImpl>;

/// Modules by name, in order of insertion.
class ModuleDictImpl : public ModuleContainer {
 public:
  ModuleDictImpl() = default;
  ModuleDictImpl(std::initializer_list<NamedEntry> entries);
  bool contains(std::string_view name) const;
  /// The module of a name. Throws Index.
  std::shared_ptr<Module> get(std::string_view name) const;
  Module& operator[](std::string_view name) const { return *get(name); }
  void insert(std::string_view name, std::shared_ptr<Module> module);
  std::shared_ptr<Module> pop(std::string_view name);
  std::vector<std::string> keys() const;
  std::string type_name() const override { return "ModuleDict"; }
  std::shared_ptr<Module> clone() const override;
};
class ModuleDict : public ModuleHolder<ModuleDictImpl> {
 public:
  using ModuleHolder::ModuleHolder;
  ModuleDict();
  ModuleDict(std::initializer_list<NamedEntry> entries);
};

/// Trainable tensors in a list.
class ParameterListImpl : public Module {
 public:
  ParameterListImpl() = default;
  explicit ParameterListImpl(const std::vector<Tensor>& tensors);
  void append(const Tensor& tensor);
  size_t size() const { return parameters(false).size(); }
  Tensor operator[](int64_t index) const;
  std::string type_name() const override { return "ParameterList"; }
  std::string extra_repr() const override;
  std::shared_ptr<Module> clone() const override;
};
using ParameterList = ModuleHolder<ParameterListImpl>;

/// Trainable tensors by name.
class ParameterDictImpl : public Module {
 public:
  ParameterDictImpl() = default;
  explicit ParameterDictImpl(const std::vector<NamedTensor>& tensors);
  void insert(std::string_view name, const Tensor& tensor);
  bool contains(std::string_view name) const;
  Tensor operator[](std::string_view name) const { return get_parameter(name); }
  std::vector<std::string> keys() const;
  size_t size() const { return keys().size(); }
  std::string type_name() const override { return "ParameterDict"; }
  std::string extra_repr() const override;
  std::shared_ptr<Module> clone() const override;
};
using ParameterDict = ModuleHolder<ParameterDictImpl>;

}  // namespace rustorch::nn
