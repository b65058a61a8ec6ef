// The differentiation part of class Tensor.
#include "autograd/meta.h"
#include "autograd/record.h"
#include "ops/make.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/tensor.h"

namespace rustorch {

bool Tensor::requires_grad() const { return impl()->requires_grad_fast() && tensor_requires_grad(*this); }

const Tensor& Tensor::requires_grad_(bool on) const {
  if (on == requires_grad()) return *this;
  RT_CHECK(!on || is_differentiable(dtype()), Autograd, "requires_grad_",
           "only Tensors of floating point and complex dtype can require gradients");
  RT_CHECK(is_leaf(), Autograd, "requires_grad_",
           "you can only change requires_grad flags of leaf variables. If you want to use a computed "
           "variable in a "
           "subgraph that doesn't require differentiation use var_no_grad = var.detach().");
  RT_CHECK(!on || !impl()->is_inference() || detail::thread_modes().inference, Autograd, "requires_grad_",
           "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  ensure_meta(*this).requires_grad = on;
  impl()->set_requires_grad_fast(on || meta_of(*this)->is_view());
  return *this;
}

bool Tensor::is_leaf() const {
  if (!impl()->requires_grad_fast()) return true;
  return !current_grad_fn(*this);
}

Tensor Tensor::grad() const {
  const AutogradMeta* meta = meta_of(*this);
  return meta != nullptr ? meta->grad : Tensor();
}

void Tensor::set_grad(const Tensor& grad) const {
  if (!grad.defined()) {
    if (AutogradMeta* meta = meta_of(*this)) meta->grad.reset();
    return;
  }
  if (grad.sizes() != sizes())
    raise_shape("grad",
                cat("assigned grad has data of a different size; got ", grad.sizes(), "; expected ", sizes()),
                grad.sizes(), sizes());
  RT_CHECK(grad.dtype() == dtype(), Type, "grad", "assigned grad has data of a different type; got ",
           grad.dtype(), "; expected ", dtype());
  RT_CHECK(grad.device() == device(), Device, "grad",
           "assigned grad has data located on a different device; got ", grad.device(), "; expected ",
           device());
  RT_CHECK(!grad.is_same(*this), Value, "grad", "can't assign Variable as its own grad");
  ensure_meta(*this).grad = grad;
}

Node* Tensor::grad_fn() const {
  if (!impl()->requires_grad_fast()) return nullptr;
  return current_grad_fn(*this).get();
}

int64_t Tensor::output_nr() const {
  const AutogradMeta* meta = meta_of(*this);
  return meta != nullptr ? meta->result_nr : 0;
}

void Tensor::retain_grad() const {
  RT_CHECK(requires_grad(), Autograd, "retain_grad",
           "can't retain_grad on Tensor that has requires_grad=False");
  if (is_leaf() || retains_grad()) return;
  NodeRef<Node> fn = current_grad_fn(*this);
  AutogradMeta* meta = meta_of(*this);
  meta->retains_grad = true;
  fn->extras().retained.emplace_back(meta->result_nr, impl());
}

bool Tensor::retains_grad() const {
  const AutogradMeta* meta = meta_of(*this);
  return meta != nullptr && meta->retains_grad && !is_leaf();
}

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph, bool create_graph) const {
  const Tensor outputs[] = {*this};
  const Tensor grads[] = {gradient};
  autograd::backward(outputs, grads, retain_graph.value_or(create_graph), create_graph);
}

Tensor Tensor::detach() const {
  const AutogradMeta* meta = meta_of(*this);
  return meta != nullptr && meta->transform ? transform_detach(*this, false) : make_alias(*this);
}

const Tensor& Tensor::detach_() const {
  AutogradMeta* meta = meta_of(*this);
  if (meta == nullptr) return *this;
  RT_CHECK(
      !meta->is_view(), Autograd, "detach_",
      "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
      "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets.");
  meta->grad_fn = {};
  meta->result_nr = 0;
  meta->requires_grad = false;
  impl()->set_requires_grad_fast(false);
  return *this;
}

Tensor Tensor::data() const {
  const AutogradMeta* meta = meta_of(*this);
  if (meta != nullptr && meta->transform) return transform_detach(*this, false);
  Tensor alias = make_alias(*this);
  alias.impl()->set_data_alias(true);
  return alias;
}

void Tensor::set_data(const Tensor& other) const {
  RT_CHECK(other.defined(), Value, "data", "cannot assign an undefined tensor");
  // A graph that is still alive may hold the accumulator, which knows the old dtype and device.
  const bool moves = other.dtype() != dtype() || !(other.device() == device());
  if (AutogradMeta* meta = meta_of(*this); meta != nullptr && moves) meta->accumulator = nullptr;
  impl()->assign_layout(*other.impl());
}

bool Tensor::is_view() const {
  const AutogradMeta* meta = meta_of(*this);
  return meta != nullptr && meta->is_view();
}

Tensor Tensor::base() const {
  const AutogradMeta* meta = meta_of(*this);
  return meta != nullptr ? meta->view_base : Tensor();
}

}  // namespace rustorch
