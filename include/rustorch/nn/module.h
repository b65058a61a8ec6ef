// Module: the base of all layers and models, with PyTorch's tree of parameters, buffers and submodules.
//
//   struct NetImpl : rt::nn::Module {
//     NetImpl() { fc = register_module("fc", rt::nn::Linear(784, 10)); }
//     rt::Tensor forward(const rt::Tensor& x) override { return fc(x); }
//     rt::nn::Linear fc{nullptr};
//   };
//   using Net = rt::nn::ModuleHolder<NetImpl>;
//
// A module owns its tensors and submodules. load_state_dict() writes into the tensors, so that handles kept
// elsewhere (an optimizer's, a layer's own members) stay good. Not thread-safe, except concurrent forward()
// in eval mode.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rustorch/state_dict.h"
#include "rustorch/tensor.h"

namespace rustorch::nn {

class Module;
template <class Impl>
class ModuleHolder;

/// Names that load_state_dict(strict=false) could not match.
struct IncompatibleKeys {
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
};

class Module : public std::enable_shared_from_this<Module> {
 public:
  using NamedTensor = std::pair<std::string, Tensor>;
  using NamedModule = std::pair<std::string, std::shared_ptr<Module>>;

  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// What the module computes. Throws NotImplemented unless overridden; modules of other signatures define
  /// their own.
  virtual Tensor forward(const Tensor& input);
  /// The class as Python prints it: "Linear".
  virtual std::string type_name() const { return "Module"; }
  /// What stands between the brackets when printed: "in_features=3, out_features=2, bias=True".
  virtual std::string extra_repr() const { return ""; }

  /// Trainable tensors, in order of registration; with submodules, depth first. Shared ones come once.
  std::vector<Tensor> parameters(bool recurse = true) const;
  std::vector<NamedTensor> named_parameters(bool recurse = true) const;
  std::vector<Tensor> buffers(bool recurse = true) const;
  std::vector<NamedTensor> named_buffers(bool recurse = true) const;
  const std::vector<NamedModule>& named_children() const { return children_; }
  /// This module and all below it.
  void apply(const std::function<void(Module&)>& f);

  bool is_training() const { return training_; }
  /// Sets training mode (dropout, batch statistics) here and below.
  virtual void train(bool on = true);
  void eval() { train(false); }
  void zero_grad();
  /// Stops or starts recording gradients for all parameters.
  void requires_grad_(bool on = true);

  /// Parameters and persistent buffers by dotted name; the tensors are the module's own, without history.
  StateDict state_dict() const;
  /// Copies tensors in. Throws Value when names do not match (strict) and Shape when sizes do not.
  IncompatibleKeys load_state_dict(const StateDict& state, bool strict = true);

  /// The tree in Python's form.
  std::string str() const;

  /// Adds a trainable tensor; returns it. An undefined tensor registers an absent parameter (bias=false).
  Tensor register_parameter(std::string_view name, Tensor tensor, bool requires_grad = true);
  /// Adds a tensor that is saved but not trained.
  Tensor register_buffer(std::string_view name, Tensor tensor, bool persistent = true);
  template <class M>
  std::shared_ptr<M> register_module(std::string_view name, std::shared_ptr<M> module) {
    add_child(name, module);
    return module;
  }
  template <class Impl>
  ModuleHolder<Impl> register_module(std::string_view name, ModuleHolder<Impl> module) {
    add_child(name, module.ptr());
    return module;
  }

 private:
  struct Buffer {
    std::string name;
    Tensor tensor;
    bool persistent;
  };
  void add_child(std::string_view name, std::shared_ptr<Module> module);
  void check_name(std::string_view name) const;
  template <class F>
  void walk(const std::string& prefix, bool recurse, F&& f) const;

  std::vector<NamedTensor> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<NamedModule> children_;
  bool training_ = true;
};

/// Shared ownership of a module with value syntax: `Linear fc(3, 2); Tensor y = fc(x); fc->weight`.
template <class Impl>
class ModuleHolder {
 public:
  using ContainedType = Impl;

  /// Empty, to be assigned later.
  ModuleHolder(std::nullptr_t) {}
  ModuleHolder(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  template <class... Args, class = std::enable_if_t<std::is_constructible_v<Impl, Args...> &&
                                                    !(sizeof...(Args) == 1 &&
                                                      (std::is_convertible_v<Args, ModuleHolder> && ...))>>
  explicit ModuleHolder(Args&&... args) : impl_(std::make_shared<Impl>(std::forward<Args>(args)...)) {}

  Impl* operator->() const { return impl_.get(); }
  Impl& operator*() const { return *impl_; }
  const std::shared_ptr<Impl>& ptr() const { return impl_; }
  bool is_empty() const { return impl_ == nullptr; }
  template <class... Args>
  auto operator()(Args&&... args) const {
    return impl_->forward(std::forward<Args>(args)...);
  }

 private:
  std::shared_ptr<Impl> impl_;
};

/// Modules one after the other.
class SequentialImpl : public Module {
 public:
  SequentialImpl() = default;
  template <class... Modules, class = std::enable_if_t<(sizeof...(Modules) > 0)>>
  explicit SequentialImpl(Modules... modules) {
    (push_back(std::move(modules)), ...);
  }
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override { return "Sequential"; }
  /// Adds a module at the end, named by its position.
  template <class Impl>
  void push_back(ModuleHolder<Impl> module) {
    register_module(std::to_string(named_children().size()), std::move(module));
  }
  void push_back(std::shared_ptr<Module> module) {
    register_module(std::to_string(named_children().size()), std::move(module));
  }
  size_t size() const { return named_children().size(); }
};
using Sequential = ModuleHolder<SequentialImpl>;

}  // namespace rustorch::nn
