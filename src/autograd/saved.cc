#include "autograd/saved.h"

#include <atomic>

#include "autograd/meta.h"
#include "autograd/saved_hooks.h"
#include "autograd/transform_call.h"
#include "autograd/view_nodes.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"

namespace rustorch {

namespace {

// Note [Packed tensors]
// With hooks, tensor_ is a carrier: a tensor without memory whose meta holds the packed object and the
// gradient edge of the tensor. result_nr_ tells: kPackedInput, or kPackedInput - 1 - nr for result nr.
constexpr int32_t kPackedInput = -2;

thread_local SavedTensorHooks* current_hooks = nullptr;
std::atomic<int> threads_with_hooks{0};  // so that without any a saved tensor costs one load

struct PackedMeta final : AutogradMetaBase {
  std::unique_ptr<PackedTensor> packed;
  Edge edge;
};

SavedTensorHooks* active_hooks() {
  return threads_with_hooks.load(std::memory_order_relaxed) == 0 ? nullptr : current_hooks;
}

Tensor carrier_of(SavedTensorHooks& hooks, const Tensor& t, Edge edge) {
  auto meta = std::make_unique<PackedMeta>();
  meta->packed = hooks.pack(t);
  meta->edge = std::move(edge);
  Tensor carrier(new TensorImpl(nullptr, {}, t.dtype(), t.device()));
  carrier.impl()->set_autograd_meta(meta.release());
  return carrier;
}

Tensor unpack_carrier(TensorImpl& carrier, int32_t result_nr, Node* owner) {
  auto& meta = static_cast<PackedMeta&>(*carrier.autograd_meta());
  Tensor t = meta.packed->unpack();
  if (!t.defined() || !GradMode::is_enabled()) return t;
  const bool is_result = result_nr < kPackedInput;
  if (!is_result && !meta.edge.fn) return t;
  Tensor twin = make_alias(t.detach());
  if (!is_result)
    set_gradient_edge(twin, meta.edge.fn, meta.edge.nr);
  else if (!set_written_view_edge(owner, twin))
    set_gradient_edge(twin, NodeRef<Node>::share(owner), static_cast<uint32_t>(kPackedInput - 1 - result_nr));
  return twin;
}

}  // namespace

SavedTensorHooks* set_saved_tensor_hooks(SavedTensorHooks* hooks) {
  SavedTensorHooks* before = current_hooks;
  current_hooks = hooks;
  threads_with_hooks.fetch_add((hooks != nullptr) - (before != nullptr), std::memory_order_relaxed);
  return before;
}

Saved::Saved(const Tensor& input) {
  if (!input.defined()) return;
  RT_CHECK(
      !input.impl()->is_inference(), Autograd, "",
      "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode "
      "in "
      "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and "
      "use it in autograd.");
  if (SavedTensorHooks* hooks = active_hooks()) [[unlikely]] {
    tensor_ = carrier_of(*hooks, input.detach(), gradient_edge(input));
    result_nr_ = kPackedInput;
    return;
  }
  tensor_ = input;
  version_ = input.impl()->version();
}

Saved Saved::output(const Tensor& result, uint32_t nr) {
  Saved s;
  if (!result.defined()) return s;
  if (SavedTensorHooks* hooks = active_hooks()) [[unlikely]] {
    s.tensor_ = carrier_of(*hooks, make_alias(result), {});
    s.result_nr_ = kPackedInput - 1 - static_cast<int32_t>(nr);
    return s;
  }
  s.tensor_ = transform_twin(result);
  s.version_ = result.impl()->version();
  s.result_nr_ = static_cast<int32_t>(nr);
  return s;
}

Tensor Saved::unpack(Node* owner) const {
  if (!tensor_.defined()) return {};
  if (result_nr_ <= kPackedInput) [[unlikely]]
    return unpack_carrier(*tensor_.impl(), result_nr_, owner);
  uint32_t now = tensor_.impl()->version();
  if (now != version_) {
    raise(ErrorKind::Autograd, "",
          cat("one of the variables needed for gradient computation has been modified by an inplace "
              "operation: [",
              dtype_scalar_name(tensor_.impl()->dtype()), "Tensor ", tensor_.impl()->sizes(), "], which ",
              result_nr_ >= 0 ? cat("is output ", result_nr_, " of ", owner->name(), ",")
                              : cat("was saved by ", owner->name(), ","),
              " is at version ", now, "; expected version ", version_,
              " instead. Hint: use the out-of-place form of the operation that wrote to it, or clone() the "
              "tensor "
              "before writing."));
  }
  Tensor plain;
  static_cast<TensorHandle&>(plain) = tensor_;
  if (result_nr_ < 0 || !GradMode::is_enabled()) return plain;
  Tensor twin = transform_twin(plain);
  if (!set_written_view_edge(owner, twin))
    set_gradient_edge(twin, NodeRef<Node>::share(owner), static_cast<uint32_t>(result_nr_));
  return twin;
}

std::optional<Tensor> Saved::unpack_optional(Node* owner) const {
  if (!tensor_.defined()) return std::nullopt;
  return unpack(owner);
}

std::vector<Tensor> SavedList::unpack(Node* owner) const {
  std::vector<Tensor> all;
  all.reserve(items_.size());
  for (const Saved& s : items_) all.push_back(s.unpack(owner));
  return all;
}

std::vector<std::optional<Tensor>> SavedList::unpack_optionals(Node* owner) const {
  std::vector<std::optional<Tensor>> all;
  all.reserve(items_.size());
  for (const Saved& s : items_) all.push_back(s.unpack_optional(owner));
  return all;
}

SavedList save_list(TensorList list) {
  SavedList saved;
  for (const Tensor& t : list) saved.add(Saved(t));
  return saved;
}

SavedList save_opt_list(ArrayRef<std::optional<Tensor>> list) {
  SavedList saved;
  for (const auto& t : list) saved.add(t.has_value() ? Saved(*t) : Saved());
  return saved;
}

}  // namespace rustorch
