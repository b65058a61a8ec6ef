// out= without a copy: while an operator makes its result, the memory of out= waits for it.
//
// Note [Out memory]. Most operators know one way to work: make a result. Their out= form runs that, with the
// memory of out= on offer meanwhile (ThreadModes::out): the first tensor of its layout, dtype and device
// that make_tensor() or make_strided() is asked for gets it. If that is the result, write_out() finds it in
// place; if it was a temporary, the result is copied over it, as without an offer. There is no offer when
// out= has gaps or does not begin its storage, as a tensor just made does, when an input shares bytes with
// it, or while transforms or an observer run code of others inside the operator.
#pragma once
#include <optional>

#include "core/tensor_impl.h"
#include "rustorch/grad_mode.h"
#include "rustorch/tensor.h"

namespace rustorch {
namespace detail {
/// Whether results can be made in out itself, as far as it alone tells.
bool can_offer(const Tensor& out);
/// Whether the bytes of a tensor are among those of out's storage, or not to be known.
bool may_share_bytes(const Tensor& out, const Tensor& input);
inline bool may_share_bytes(const Tensor& out, const TensorLike& input) {
  return input.tensor != nullptr && may_share_bytes(out, *input.tensor);
}
inline bool may_share_bytes(const Tensor& out, const std::optional<Tensor>& input) {
  return input.has_value() && may_share_bytes(out, *input);
}
inline bool may_share_bytes(const Tensor& out, TensorList inputs) {
  for (const Tensor& t : inputs)
    if (may_share_bytes(out, t)) return true;
  return false;
}
inline bool may_share_bytes(const Tensor& out, ArrayRef<std::optional<Tensor>> inputs) {
  for (const auto& t : inputs)
    if (may_share_bytes(out, t)) return true;
  return false;
}
}  // namespace detail

/// Offers the memory of out (see Note [Out memory]) for its scope.
class OutMemory {
 public:
  template <class... Args>
  explicit OutMemory(const Tensor& out, const Args&... inputs)
      : modes_(detail::thread_modes()), before_(modes_.out) {
    modes_.out =
        detail::can_offer(out) && !(detail::may_share_bytes(out, inputs) || ...) ? out.impl() : nullptr;
  }
  ~OutMemory() { modes_.out = before_; }
  OutMemory(const OutMemory&) = delete;
  OutMemory& operator=(const OutMemory&) = delete;

 private:
  detail::ThreadModes& modes_;
  TensorImpl* before_;
};

}  // namespace rustorch
