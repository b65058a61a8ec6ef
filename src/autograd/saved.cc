#include "autograd/saved.h"

#include "autograd/meta.h"
#include "autograd/view_nodes.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"

namespace rustorch {

Saved::Saved(const Tensor& input) {
  if (!input.defined()) return;
  RT_CHECK(
      !input.impl()->is_inference(), Autograd, "",
      "Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal "
      "tensor and use it in autograd.");
  tensor_ = input;
  version_ = input.impl()->version();
}

Saved Saved::output(const Tensor& result, uint32_t nr) {
  Saved s;
  if (!result.defined()) return s;
  s.tensor_ = make_alias(result);
  s.version_ = result.impl()->version();
  s.result_nr_ = static_cast<int32_t>(nr);
  return s;
}

Tensor Saved::unpack(Node* owner) const {
  if (!tensor_.defined()) return {};
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
  Tensor twin = make_alias(plain);
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
