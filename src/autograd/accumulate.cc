#include "autograd/accumulate.h"

#include <mutex>

#include "autograd/transform_call.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {

AccumulateGrad::~AccumulateGrad() {
  AutogradMeta* meta = leaf_.defined() ? meta_of(leaf_) : nullptr;
  if (meta == nullptr) return;
  std::lock_guard<MetaLock> guard(meta->lock);
  if (meta->accumulator == this) meta->accumulator = nullptr;
}

NodeExtras* AccumulateGrad::hooks() const {
  AutogradMeta* meta = meta_of(leaf_);
  return meta != nullptr ? meta->leaf_hooks.get() : nullptr;
}

void AccumulateGrad::apply(Tensor* grads, Tensor*) {
  Tensor& incoming = grads[0];
  if (!incoming.defined()) return;
  AutogradMeta* meta = meta_of(leaf_);
  if (meta == nullptr || !meta->requires_grad) return;
  if (!meta->grad.defined()) {
    bool keep_graph = GradMode::is_enabled() && tensor_requires_grad(incoming);
    bool ours = incoming.use_count() == 1 && !any_sparse(incoming) && incoming.strides() == leaf_.strides() &&
                incoming.impl()->storage() != nullptr && incoming.impl()->storage()->use_count() == 1;
    if (keep_graph) {
      meta->grad = incoming;
    } else if (any_sparse(incoming)) {
      meta->grad = incoming.use_count() == 1 ? incoming.detach() : incoming.detach().clone();
    } else if (ours) {
      meta->grad = incoming.detach();
    } else {
      GradModeGuard off(false);
      Tensor copy = empty_strided(
          leaf_.sizes(),
          leaf_.impl()->is_non_overlapping_and_dense() ? leaf_.strides() : incoming.contiguous().strides(),
          leaf_.dtype(), leaf_.device());
      copy.copy_(incoming);
      meta->grad = copy;
    }
  } else if (any_sparse(meta->grad) && !any_sparse(incoming)) {
    meta->grad = incoming.add(meta->grad);
  } else if (!GradMode::is_enabled()) {
    meta->grad.add_(incoming);
  } else {
    meta->grad = meta->grad.add(incoming);
  }
  if (NodeExtras* extras = hooks(); extras != nullptr && !extras->post_accumulate.empty())
    for (const auto& [id, hook] : decltype(extras->post_accumulate)(extras->post_accumulate)) {
      (void)id;
      hook(leaf_);
    }
}

}  // namespace rustorch
