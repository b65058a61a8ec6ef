// Differentiation by function call: grad(), backward() of several tensors, and custom functions.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rustorch/grad_mode.h"
#include "rustorch/tensor.h"

namespace rustorch::autograd {

/// Adds the gradients of the outputs to the grad of every leaf they depend on.
/// grad_outputs may hold undefined tensors for outputs with one element. Throws Autograd.
void backward(TensorList outputs, TensorList grad_outputs = {}, bool retain_graph = false,
              bool create_graph = false, TensorList inputs = {});

/// Gradients of the outputs with respect to the inputs; undefined for those that do not depend
/// (allow_unused).
std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs = {},
                         bool retain_graph = false, bool create_graph = false, bool allow_unused = false);

/// What a custom function keeps between forward and backward.
class Context {
 public:
  void save_for_backward(std::vector<Tensor> tensors) { to_save = std::move(tensors); }
  /// The saved tensors; throws when they were changed in place since.
  std::vector<Tensor> get_saved_variables() const;
  void mark_non_differentiable(std::vector<Tensor> tensors) { non_differentiable = std::move(tensors); }
  bool needs_input_grad(size_t i) const;

  std::vector<Tensor> to_save;
  std::vector<Tensor> non_differentiable;
  void* node = nullptr;  // internal
};

namespace detail {
using BackwardFn = std::function<std::vector<Tensor>(Context&, const std::vector<Tensor>&)>;
std::vector<Tensor> apply_custom(const char* name, std::shared_ptr<Context> context, TensorList inputs,
                                 const std::function<std::vector<Tensor>()>& forward, BackwardFn backward);
}  // namespace detail

/// Base of custom functions: `struct Square : Function<Square> { static std::vector<Tensor> forward(Context&,
/// const std::vector<Tensor>&); static std::vector<Tensor> backward(Context&, const std::vector<Tensor>&
/// grads); };` then `Square::apply({x})`.
template <class Derived>
struct Function {
  static std::vector<Tensor> apply(const std::vector<Tensor>& inputs) {
    auto context = std::make_shared<Context>();
    return detail::apply_custom(
        "CustomFunctionBackward", context, inputs, [&] { return Derived::forward(*context, inputs); },
        [](Context& c, const std::vector<Tensor>& grads) { return Derived::backward(c, grads); });
  }
};

/// Compares analytic with central-difference gradients of a function of float64 tensors. Throws Autograd with
/// the place and both values when they differ by more than atol + rtol * |numeric|.
bool gradcheck(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
               const std::vector<Tensor>& inputs, double eps = 1e-6, double atol = 1e-5, double rtol = 1e-3);

}  // namespace rustorch::autograd
