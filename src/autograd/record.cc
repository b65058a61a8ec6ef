#include "autograd/record.h"

#include "autograd/view_nodes.h"
#include "core/sparse_data.h"
#include "core/promotion.h"
#include "ops/copy_common.h"
#include "ops/make.h"
#include "ops/overlap.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch {

namespace {
/// A body runs without recording: when its result is a view of something that it made, nobody else knows
/// that.
void forget_inner_base(const Tensor& result) {
  AutogradMeta* meta = meta_of(result);
  if (meta == nullptr || !meta->is_view() || !meta->no_grad_view) return;
  meta->view_base = Tensor();
  meta->no_grad_view = meta->multi_output_view = false;
}
}  // namespace

void set_history(const Tensor& result, const NodeRef<Node>& node) {
  uint32_t nr = node->num_results();
  if (!result.defined()) {
    node->add_undefined_result();
    return;
  }
  node->add_result(result);
  if (!is_differentiable(result.dtype())) return;
  forget_inner_base(result);
  set_gradient_edge(result, node, nr);
}

void set_history_list(const std::vector<Tensor>& results, const NodeRef<Node>& node) {
  for (const Tensor& t : results) set_history(t, node);
}

Tensor as_view(const Tensor& base, Tensor result, bool multi_output) {
  const bool untracked = detail::thread_modes().inference && !base.impl()->requires_grad_fast();
  if (!is_differentiable(base.dtype()) || untracked || base.impl()->is_inference()) {
    result.impl()->set_inference(base.impl()->is_inference());
    return result;
  }
  if (result.is_same(base)) return result;
  AutogradMeta* meta = meta_of(result);
  if (meta != nullptr && (!meta->transform || meta->is_view())) return result;
  const bool fresh = meta == nullptr;
  if (fresh) meta = new AutogradMeta;
  const AutogradMeta* from = meta_of(base);
  meta->view_base = from != nullptr && from->is_view() ? from->view_base : base;
  meta->view_version = base.impl()->version();
  meta->multi_output_view = multi_output || (from != nullptr && from->multi_output_view);
  meta->no_grad_view = !GradMode::is_enabled() || (from != nullptr && from->no_grad_view);
  if (fresh) result.impl()->set_autograd_meta(meta);
  result.impl()->set_requires_grad_fast(true);
  return result;
}

std::vector<Tensor> as_view_list(const Tensor& base, std::vector<Tensor> results) {
  for (Tensor& t : results) t = as_view(base, std::move(t), true);
  return results;
}

void bump_version(const Tensor& self) {
  if (!self.impl()->is_inference()) self.impl()->bump_version();
}

void check_inplace(const char* op, const Tensor& self) {
  const TensorImpl* impl = self.impl();
  check_writable(op, self);
  if (!impl->requires_grad_fast() || !GradMode::is_enabled()) return;
  const AutogradMeta* meta = meta_of(self);
  if (meta == nullptr) return;
  RT_CHECK(
      !meta->requires_grad || meta->grad_fn, Autograd, op,
      "a leaf Variable that requires grad is being used in an in-place operation. Hint: wrap the write in "
      "no_grad().");
  if (!meta->is_view()) return;
  const AutogradMeta* base = meta_of(meta->view_base);
  RT_CHECK(base == nullptr || !base->requires_grad || base->grad_fn, Autograd, op,
           "a view of a leaf Variable that requires grad is being used in an in-place operation. Hint: wrap "
           "the write "
           "in no_grad().");
  if (!tensor_requires_grad(self) && !tensor_requires_grad(meta->view_base)) return;
  check_view_write(op, self);
}

void check_view_write(const char* op, const Tensor& self) {
  const AutogradMeta* meta = meta_of(self);
  if (meta == nullptr || !meta->is_view()) return;
  RT_CHECK(!meta->multi_output_view, Autograd, op,
           "Output of a function that returns multiple views is a view and is being modified inplace. This "
           "view is "
           "the output of a function that returns multiple views. Such functions do not allow the output "
           "views to be "
           "modified inplace. You should replace the inplace operation by an out-of-place one.");
  RT_CHECK(!meta->no_grad_view, Autograd, op,
           "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given "
           "that this "
           "use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both "
           "the view "
           "and the inplace either both inside the no_grad block (if you don't want the inplace to be "
           "tracked) or both "
           "outside (if you want the inplace to be tracked).");
}

void rebase_history(const Tensor& self, const NodeRef<Node>& node) {
  if (!is_differentiable(self.dtype())) return;  // what is written into integers has no gradient
  AutogradMeta& meta = ensure_meta(self);
  if (!meta.is_view()) {
    uint32_t nr = node->add_result(self);
    set_gradient_edge(self, node, nr);
    return;
  }
  node->add_result(self);
  const Tensor base = meta.view_base;
  NodeRef<Node> slices = copy_slices_node(base, self, node);
  set_gradient_edge(base, slices, 0);
  meta.view_version = self.impl()->version() - 1;  // stale: the next look derives it from the base again
  self.impl()->set_requires_grad_fast(true);
  current_grad_fn(self);
}

namespace {
/// Gradient zero: the result of floor_, zero_ and the like.
struct ZeroBackward final : Node {
  const char* name() const override { return "ZeroBackward0"; }
  void apply(Tensor* grads, Tensor* out) override { out[0] = zeros_like(grads[0]); }
};

/// Gradient zero for both operands of a comparison that was written over the first.
struct StepBackward final : Node {
  const char* name() const override { return shown; }
  void apply(Tensor* grads, Tensor* out) override {
    if (wants_arg(0)) out[first_edge(0)] = zeros_like(grads[0]);
    if (wants_arg(1)) out[first_edge(1)] = zeros(other_sizes, grads[0].dtype(), grads[0].device());
  }
  const char* shown = nullptr;
  DimVector other_sizes;
};
}  // namespace

void assign_zero_grad_history(const Tensor& self) {
  auto node = make_node<ZeroBackward>();
  node->add_input(self);
  rebase_history(self, node);
}

void assign_zero_grad_history(const Tensor& self, const TensorLike& other, const char* name) {
  check_view_write(name, self);
  auto node = make_node<StepBackward>();
  node->shown = name;
  node->add_input(self);
  if (other.tensor != nullptr) {
    node->add_input(*other.tensor);
    node->other_sizes = other.tensor->sizes().vec();
  }
  rebase_history(self, node);
}

namespace {
/// Copy of a recorded value into self: gradient of the value passes, that of the old self is zero.
struct AssignBackward final : Node {
  const char* name() const override { return "CopyBackwards"; }
  void apply(Tensor* grads, Tensor* out) override {
    if (wants_arg(1)) out[first_edge(1)] = grads[0];
  }
};
}  // namespace

void assign_sparse(const char* op, const Tensor& self, const Tensor& value) {
  if (self.is_quantized() || value.is_quantized()) raise_quantized(op, self.is_quantized() ? self : value);
  if (self.layout() != value.layout())
    raise(ErrorKind::NotImplemented, op,
          cat("a result of layout ", layout_name(value.layout()),
              " cannot be written into a tensor of layout ", layout_name(self.layout())));
  RT_CHECK(can_cast(value.dtype(), self.dtype()), DType, op, "result type ", dtype_scalar_name(value.dtype()),
           " can't be cast to the desired output type ", dtype_scalar_name(self.dtype()));
  check_inplace(op, self);
  const Tensor cast = value.dtype() == self.dtype() ? value : value.to(self.dtype());
  const Edge edge = needs_grad(cast) ? gradient_edge(cast) : Edge{};
  if (edge.fn || needs_grad(self)) check_view_write(op, self);
  replace_sparse(self, cast);
  if (edge.fn)
    set_gradient_edge(self, edge.fn, edge.nr);
  else if (needs_grad(self))
    assign_zero_grad_history(self);
}

void assign_inplace(const char* op, const Tensor& self, const Tensor& value) {
  if (any_sparse(self, value)) [[unlikely]]
    return assign_sparse(op, self, value);
  RT_CHECK(can_cast(value.dtype(), self.dtype()), DType, op, "result type ", dtype_scalar_name(value.dtype()),
           " can't be cast to the desired output type ", dtype_scalar_name(self.dtype()));
  if (value.sizes() != self.sizes())
    raise_shape(op,
                cat("output with shape ", self.sizes(), " doesn't match the broadcast shape ", value.sizes()),
                self.sizes(), value.sizes());
  if (transforming() && transform_assign(self, value)) return;
  bool record = needs_grad(self, value);
  NodeRef<AssignBackward> node;
  if (record) {
    check_view_write(op, self);
    node = make_node<AssignBackward>();
    node->add_input(self);
    node->add_input(value);
  }
  {
    GradModeGuard off(false);
    backend_copy(self, value);
  }
  bump_version(self);
  if (record) rebase_history(self, node);
}

std::vector<std::vector<int64_t>> shapes_of(TensorList list) {
  std::vector<std::vector<int64_t>> shapes;
  shapes.reserve(list.size());
  for (const Tensor& t : list) shapes.push_back(t.sizes().vec());
  return shapes;
}

Tensor inplace_copy(const Tensor& self) { return self.clone(); }

void assign_view_inplace(const Tensor& self, const Tensor& view) {
  if (any_sparse(self, view)) [[unlikely]]
    return assign_sparse("assign_view", self, view);
  Edge edge = needs_grad(view) ? gradient_edge(view) : Edge{};
  self.impl()->set_sizes_and_strides(view.sizes(), view.strides());
  self.impl()->set_offset(view.storage_offset());
  bump_version(self);  // what saved it has the old places in mind
  if (edge.fn)
    set_gradient_edge(self, edge.fn, edge.nr);
  else if (AutogradMeta* meta = meta_of(self); meta != nullptr && meta->is_view())  // under no_grad
    meta->view_version = self.impl()->version() - 1;  // its place in the base is looked up when asked for
  if (transforming()) transform_relayout(self, view);
}

Tensor saved_copy(const Tensor& self) { return transforming() ? transform_saved_copy(self) : clone(self); }

Tensor shape_only(const Tensor& t) {
  if (transforming()) return t;
  return make_alias(zeros({1}, t.dtype(), t.device()), t.sizes(), DimVector(t.sizes().size(), 0), 0);
}

void refuse_transform_value(const char* op, const Value& value) {
  bool active = value.kind == Value::Kind::Tensor && transform_active(value.tensor());
  for (const Tensor& t : value.tensors()) active |= transform_active(t);
  for (const auto& t : value.opt_list) active |= t.has_value() && transform_active(*t);
  if (active) transform_refuse_out(op);
}

namespace {

/// Whether a result may be written into out at all.
void check_out_type(const char* op, int rules, const Tensor& out, const Tensor& value) {
  RT_CHECK((rules & OutRules::kSameDType) == 0 || out.dtype() == value.dtype(), DType, op,
           "Expected out tensor to have dtype ", dtype_name(value.dtype()), ", but got ",
           dtype_name(out.dtype()), " instead");
  const bool truth = (rules & OutRules::kTruth) != 0;
  RT_CHECK(!truth || out.dtype() == kBool || out.dtype() == kUInt8, DType, op, op,
           " only supports bool tensor for result, got: ", dtype_scalar_name(out.dtype()));
  RT_CHECK(truth || can_cast(value.dtype(), out.dtype()), DType, op, "result type ",
           dtype_scalar_name(value.dtype()), " can't be cast to the desired output type ",
           dtype_scalar_name(out.dtype()));
  RT_CHECK(out.device() == value.device(), Device, op, "Expected out tensor to have device ", value.device(),
           ", but got ", out.device(), " instead");
}

}  // namespace

namespace detail {

void check_out_itself(const char* op, const Tensor& out) {
  RT_CHECK(out.defined(), Value, op, "out= is an undefined tensor");
  check_writable(op, out);
}

void check_out_against(const char* op, int rules, const Tensor& out, const Tensor& input) {
  if (!input.defined() || input.impl()->storage() != out.impl()->storage()) return;
  check_no_partial_overlap(op, out, input);
  RT_CHECK(
      (rules & OutRules::kApart) == 0 || !shares_memory(out, input), Value, op,
      "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
      "memory location. Please clone() the tensor before performing the operation.");
}

bool reshape_out(const char* op, int rules, const Tensor& out, const Tensor& result) {
  if (out.sizes() == result.sizes() || any_sparse(out, result)) return false;
  if (out.impl()->storage() == result.impl()->storage()) return false;  // Note [Out memory]: no input is near
  check_out_type(op, rules, out, result);
  resize_output(op, out, result.sizes());
  return true;
}

}  // namespace detail

void write_out(const char* op, int rules, const Tensor& out, const Tensor& value) {
  check_out_type(op, rules, out, value);
  if (any_sparse(out, value)) [[unlikely]]
    return assign_sparse(op, out, value);
  if (memory_overlap(out, value) != Overlap::Full) {
    // A value that lies in the memory of out in another way than out does is read before it is written over.
    const Tensor from = out.impl()->storage() == value.impl()->storage() ? own_copy(value) : value;
    resize_output(op, out, from.sizes());
    backend_copy(out, from);
  }
  bump_version(out);
}

void write_out(const char* op, int rules, TensorList out, const std::vector<Tensor>& values) {
  RT_CHECK(out.size() == values.size(), Value, op, op, "_out() expected an out= argument of size ",
           values.size(), ", got size ", out.size());
  for (size_t i = 0; i < values.size(); ++i) {
    detail::check_out_itself(op, out[i]);
    write_out(op, rules, out[i], values[i]);
  }
}

Tensor own_copy(const Tensor& view) { return rustorch::clone(view, MemoryFormat::Contiguous); }

std::vector<Tensor> own_copy(std::vector<Tensor> views) {
  for (Tensor& t : views) t = own_copy(t);
  return views;
}

void raise_grad_out(const char* op) {
  raise(ErrorKind::Autograd, op,
        "functions with out=... arguments don't support automatic differentiation, but one of the arguments "
        "requires "
        "grad.");
}

}  // namespace rustorch
