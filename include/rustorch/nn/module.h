// Module: the base of all layers and models, with PyTorch's tree of parameters, buffers and submodules.
//
//   struct NetImpl : rt::nn::Cloneable<NetImpl> {
//     NetImpl() { reset(); }
//     void reset() override { fc = register_module("fc", rt::nn::Linear(784, 10)); }
//     rt::Tensor forward(const rt::Tensor& x) override { return fc(x); }
//     rt::nn::Linear fc{nullptr};
//   };
//   using Net = rt::nn::ModuleHolder<NetImpl>;
//
// A module owns its tensors and submodules. load_state_dict() and to() change the tensors themselves, so that
// handles kept elsewhere (an optimizer's, a layer's own members) stay good. Not thread-safe, except
// concurrent forward() in eval mode.
#pragma once
#include <functional>
#include <iosfwd>
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

/// Called before forward with the first tensor argument; a defined result replaces it.
using ForwardPreHook = std::function<Tensor(Module&, const Tensor& input)>;
/// Called after forward with the first tensor argument and the (first) result; a defined result replaces it.
using ForwardHook = std::function<Tensor(Module&, const Tensor& input, const Tensor& output)>;

class Module : public std::enable_shared_from_this<Module> {
 public:
  /// A pair that libtorch's names work on too: item.key(), item.value().
  struct NamedTensor : std::pair<std::string, Tensor> {
    using pair::pair;
    const std::string& key() const { return first; }
    Tensor& value() { return second; }
    const Tensor& value() const { return second; }
  };
  using NamedModule = std::pair<std::string, std::shared_ptr<Module>>;

  Module() = default;
  virtual ~Module() = default;
  Module& operator=(const Module&) = delete;

  /// What the module computes. Throws NotImplemented unless overridden; modules of other signatures define
  /// their own.
  virtual Tensor forward(const Tensor& input);
  /// forward() with the hooks around it.
  Tensor operator()(const Tensor& input);
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
  std::vector<std::shared_ptr<Module>> children() const;
  /// Submodules at all depths by dotted name; this one first, under the name "", if it is held by a
  /// shared_ptr and include_self.
  std::vector<NamedModule> named_modules(bool include_self = true);
  std::vector<std::shared_ptr<Module>> modules(bool include_self = true);
  /// The submodule, parameter or buffer of a dotted name. Throws Value when there is none.
  std::shared_ptr<Module> get_submodule(std::string_view name);
  Tensor get_parameter(std::string_view name) const;
  Tensor get_buffer(std::string_view name) const;
  /// Calls f for the modules below and this one, children first.
  void apply(const std::function<void(Module&)>& f);

  bool is_training() const { return training_; }
  /// Sets training mode (dropout, batch statistics) here and below.
  virtual void train(bool on = true);
  void eval() { train(false); }
  void zero_grad(bool set_to_none = true);
  /// Stops or starts recording gradients for all parameters.
  void requires_grad_(bool on = true);

  /// Converts parameters and buffers in place: floating-point ones to the dtype, all to the device.
  void to(DType dtype);
  void to(Device device);
  void to(Device device, DType dtype);

  /// Parameters and persistent buffers by dotted name; the tensors are the module's own, without history.
  StateDict state_dict() const;
  /// Copies tensors in. Throws Value when names do not match (strict) and Shape when sizes do not.
  IncompatibleKeys load_state_dict(const StateDict& state, bool strict = true);
  /// A copy with tensors of its own. Throws NotImplemented unless the module derives from Cloneable.
  virtual std::shared_ptr<Module> clone() const;

  /// Hooks around operator(); the number names the hook for remove_hook().
  int64_t register_forward_pre_hook(ForwardPreHook hook);
  int64_t register_forward_hook(ForwardHook hook);
  /// Whether there was such a hook.
  bool remove_hook(int64_t id);
  bool has_hooks() const { return hooks_ != nullptr; }

  /// The tree in Python's form.
  virtual std::string str() const;

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
  /// Puts another module in the place of a child.
  void replace_module(std::string_view name, std::shared_ptr<Module> module);
  /// Makes a parameter share a tensor (weight tying); the caller sets the layer's member.
  void replace_parameter(std::string_view name, const Tensor& tensor);
  void unregister_module(std::string_view name);
  /// Puts another tensor in the place of a buffer.
  void replace_buffer(std::string_view name, const Tensor& tensor);

 protected:
  /// Called before load_state_dict() copies: lazy layers take their shapes from the state.
  virtual void prepare_load(const std::string& prefix, const StateDict& state);
  /// For clone(): tensors and children are shared until reset().
  Module(const Module& other);
  void forget_members();
  void copy_members(const Module& from);

 private:
  template <class Impl>
  friend class ModuleHolder;
  struct Buffer {
    std::string name;
    Tensor tensor;
    bool persistent;
  };
  struct Hooks;
  Tensor run_pre_hooks(const Tensor& input);
  Tensor run_hooks(const Tensor& input, const Tensor& output);
  void add_child(std::string_view name, std::shared_ptr<Module> module);
  void check_name(std::string_view name) const;
  template <class F>
  void walk(const std::string& prefix, bool recurse, F&& f) const;
  void prepare_loads(const std::string& prefix, const StateDict& state);
  template <class F>
  void convert(F&& f);

  std::vector<NamedTensor> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<NamedModule> children_;
  std::shared_ptr<Hooks> hooks_;
  bool training_ = true;
};

std::ostream& operator<<(std::ostream& out, const Module& module);

namespace detail {
/// Initialisers do nothing in its scope: clone() copies the values afterwards.
class SkipInitGuard {
 public:
  SkipInitGuard() noexcept;
  ~SkipInitGuard();
  SkipInitGuard(const SkipInitGuard&) = delete;
  SkipInitGuard& operator=(const SkipInitGuard&) = delete;

 private:
  bool before_;
};
/// Whether such a guard is on: the caller is clone().
bool init_is_skipped() noexcept;

/// Whether the arguments are one object of class T, or of one derived from it: no call for a forwarding
/// constructor. Nor is null. Asked first, which spares the compiler the check of constructors.
template <class T, class... A>
inline constexpr bool kCopies = false;
template <class T, class A>
inline constexpr bool kCopies<T, A> =
    std::is_base_of_v<T, std::remove_cvref_t<A>> || std::is_same_v<std::remove_cvref_t<A>, std::nullptr_t>;
}  // namespace detail

/// Base of modules that can be cloned: reset() registers all members anew, the constructor calls it.
template <class Derived>
class Cloneable : public Module {
 public:
  virtual void reset() {}
  std::shared_ptr<Module> clone() const override {
    const detail::SkipInitGuard skip;
    auto copy = std::make_shared<Derived>(static_cast<const Derived&>(*this));
    copy->forget_members();
    copy->reset();
    copy->copy_members(*this);
    return copy;
  }
};

/// Base of layers: the options, and constructors from them or from their constructor's arguments.
template <class Derived, class Options>
class LayerOf : public Cloneable<Derived> {
 public:
  LayerOf() requires requires { Options(); }
  = default;
  template <class... A>
  requires(sizeof...(A) > 0 && !detail::kCopies<LayerOf, A...> &&
           std::is_constructible_v<Options, A...>) explicit LayerOf(A&&... a)
      : options(std::forward<A>(a)...) {}
  Options options;
};

/// Shared ownership of a module with value syntax: `Linear fc(3, 2); Tensor y = fc(x); fc->weight`.
template <class Impl>
class ModuleHolder {
 public:
  using ContainedType = Impl;

  /// Empty, to be assigned later.
  ModuleHolder(std::nullptr_t) {}
  ModuleHolder(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  template <class... Args>
  requires(!detail::kCopies<ModuleHolder, Args...> && std::is_constructible_v<Impl, Args...> &&
           !(sizeof...(Args) == 1 && (std::is_convertible_v<Args, ModuleHolder> && ...)))  //
      explicit ModuleHolder(Args&&... args)
      : impl_(std::make_shared<Impl>(std::forward<Args>(args)...)) {}

  Impl* operator->() const { return impl_.get(); }
  Impl& operator*() const { return *impl_; }
  Impl* get() const { return impl_.get(); }
  const std::shared_ptr<Impl>& ptr() const { return impl_; }
  operator std::shared_ptr<Module>() const { return impl_; }
  bool is_empty() const { return impl_ == nullptr; }
  explicit operator bool() const { return impl_ != nullptr; }
  /// A copy with tensors of its own.
  ModuleHolder clone() const { return std::static_pointer_cast<Impl>(impl_->clone()); }

  /// forward() with the hooks around it.
  template <class... Args>
  auto operator()(Args&&... args) const {
    if constexpr (first_is_tensor<Args...>()) {
      if (impl_->has_hooks()) return call_hooked(std::forward<Args>(args)...);
    }
    return impl_->forward(std::forward<Args>(args)...);
  }

 private:
  template <class... Args>
  static constexpr bool first_is_tensor() {
    if constexpr (sizeof...(Args) == 0) {
      return false;
    } else {
      return []<class A, class... Rest>(std::type_identity<A>, Rest...) {
        return std::is_convertible_v<A, const Tensor&>;
      }(std::type_identity<Args>{}...);
    }
  }
  template <class First, class... Rest>
  auto call_hooked(First&& first, Rest&&... rest) const {
    const Tensor input = impl_->run_pre_hooks(first);
    auto out = impl_->forward(input, std::forward<Rest>(rest)...);
    if constexpr (std::is_same_v<decltype(out), Tensor>) {
      out = impl_->run_hooks(input, out);
    } else {
      std::get<0>(out) = impl_->run_hooks(input, std::get<0>(out));
    }
    return out;
  }
  std::shared_ptr<Impl> impl_;
};

template <class Impl>
std::ostream& operator<<(std::ostream& out, const ModuleHolder<Impl>& module) {
  return out << static_cast<const Module&>(*module);
}

/// A layer with the usual constructors: its options, or what makes them. reset() builds it.
#define RT_LAYER_CONSTRUCTORS(Impl, Options)                                                               \
 public:                                                                                                   \
  template <class... A>                                                                                    \
  requires(!detail::kCopies<Impl, A...> && std::is_constructible_v<Options, A...>) explicit Impl(A&&... a) \
      : LayerOf<Impl, Options>(Options(std::forward<A>(a)...)) {                                           \
    this->reset();                                                                                         \
  }                                                                                                        \
  void reset() override

/// A layer without tensors of its own: options, forward and text are all there is.
#define RT_PLAIN_LAYER(Name, Options)                        \
  class Name##Impl : public LayerOf<Name##Impl, Options> {   \
   public:                                                   \
    using LayerOf::LayerOf;                                  \
    Tensor forward(const Tensor& input) override;            \
    std::string type_name() const override { return #Name; } \
    std::string extra_repr() const override;                 \
  };                                                         \
  using Name = ModuleHolder<Name##Impl>

/// What is set on a layer that has no options.
struct NoOptions {};

}  // namespace rustorch::nn
