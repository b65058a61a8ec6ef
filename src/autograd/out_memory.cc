#include "autograd/out_memory.h"

#include "autograd/transform_call.h"
#include "core/storage.h"
#include "rustorch/call_observer.h"

namespace rustorch::detail {

bool can_offer(const Tensor& out) {
  const TensorImpl& t = *out.impl();
  return t.storage() != nullptr && t.offset() == 0 && t.is_non_overlapping_and_dense() && t.numel() != 0 &&
         !t.is_sparse() && !t.is_quantized() && !transforming() && call_observer() == nullptr;
}

bool may_share_bytes(const Tensor& out, const Tensor& input) {
  if (!input.defined()) return false;
  const TensorImpl& t = *input.impl();
  if (t.is_sparse() || t.is_quantized()) return true;
  const Storage *a = out.impl()->storage(), *b = t.storage();
  if (a == b || b == nullptr) return a == b;
  const char *x = static_cast<const char*>(a->data()), *y = static_cast<const char*>(b->data());
  return x < y + b->nbytes() && y < x + a->nbytes();
}

}  // namespace rustorch::detail
