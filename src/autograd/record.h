// Recording: what the generated wrappers call around an operator's body.
#pragma once
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "autograd/meta.h"
#include "autograd/node.h"
#include "autograd/saved.h"
#include "autograd/transform_call.h"
#include "core/tensor_impl.h"
#include "rustorch/grad_mode.h"
#include "rustorch/tensor.h"

namespace rustorch {

namespace detail {
/// Fast answer for most tensors; views and leaves are looked at closely only when flagged.
inline bool wants_grad(const Tensor& t) {
  return t.defined() && t.impl()->requires_grad_fast() && tensor_requires_grad(t);
}
inline bool wants_grad(const TensorLike& t) { return t.tensor != nullptr && wants_grad(*t.tensor); }
inline bool wants_grad(const std::optional<Tensor>& t) { return t.has_value() && wants_grad(*t); }
inline bool wants_grad(TensorList list) {
  for (const Tensor& t : list)
    if (wants_grad(t)) return true;
  return false;
}
inline bool wants_grad(ArrayRef<std::optional<Tensor>> list) {
  for (const auto& t : list)
    if (wants_grad(t)) return true;
  return false;
}
}  // namespace detail

/// True when recording is on and one of the arguments requires grad.
template <class... Args>
inline bool needs_grad(const Args&... args) {
  return (detail::wants_grad(args) || ...) && GradMode::is_enabled();
}

/// Makes a floating-point or complex result a result of node; others stay without history.
void set_history(const Tensor& result, const NodeRef<Node>& node);
void set_history_list(const std::vector<Tensor>& results, const NodeRef<Node>& node);
/// After an in-place operation: self (and the base it is a view of) becomes a result of node.
void rebase_history(const Tensor& self, const NodeRef<Node>& node);
/// In-place operations whose result does not depend on self differentiably (floor_, sign_, zero_ ...).
void assign_zero_grad_history(const Tensor& self);
/// The same for comparisons: the other operand gets zeros too; `name` is that of the node and outlives it.
void assign_zero_grad_history(const Tensor& self, const TensorLike& other, const char* name);

/// Marks result as a view of base for in-place tracking; returns it.
Tensor as_view(const Tensor& base, Tensor result, bool multi_output = false);
std::vector<Tensor> as_view_list(const Tensor& base, std::vector<Tensor> results);

/// Refuses to record a write into a view that is one of several results or was made under no_grad.
void check_view_write(const char* op, const Tensor& self);
/// Refuses what may not be written in place: leaves that require grad, overlapping memory, inference tensors.
void check_inplace(const char* op, const Tensor& self);
void bump_version(const Tensor& self);
/// What an operator whose result is to replace self reads: self, or a copy with history when it may be saved.
Tensor inplace_copy(const Tensor& self);
template <class... Others>
inline Tensor inplace_source(const Tensor& self, const Others&... others) {
  return needs_grad(self, others...) ? inplace_copy(self) : self;
}
/// self becomes value (an op's result with its history): the in-place variant of ops without their own.
void assign_inplace(const char* op, const Tensor& self, const Tensor& value);
/// self takes over the layout and history of a view of itself: squeeze_, t_ and the like.
void assign_view_inplace(const Tensor& self, const Tensor& view);
/// self (dense or sparse) becomes value where one of the two is sparse; differentiable.
void assign_sparse(const char* op, const Tensor& self, const Tensor& value);

/// What the `out` line of an entry asks of out= beyond the usual.
struct OutRules {
  enum : int {
    kApart = 1,      // shares nothing with an input
    kSameDType = 2,  // has the dtype of the result
    kTruth = 4,      // is bool or uint8, whatever the dtype of the result
    kResized = 8,    // is looked at again once it has the shape of the result
  };
};
namespace detail {
void check_out_against(const char* op, int rules, const Tensor& out, const Tensor& input);
inline void check_out_against(const char* op, int rules, const Tensor& out, const TensorLike& input) {
  if (input.tensor != nullptr) check_out_against(op, rules, out, *input.tensor);
}
inline void check_out_against(const char* op, int rules, const Tensor& out,
                              const std::optional<Tensor>& input) {
  if (input.has_value()) check_out_against(op, rules, out, *input);
}
inline void check_out_against(const char* op, int rules, const Tensor& out, TensorList inputs) {
  for (const Tensor& t : inputs) check_out_against(op, rules, out, t);
}
inline void check_out_against(const char* op, int rules, const Tensor& out,
                              ArrayRef<std::optional<Tensor>> inputs) {
  for (const auto& t : inputs) check_out_against(op, rules, out, t);
}
void check_out_itself(const char* op, const Tensor& out);
/// Gives out the shape of the result. False when it had it.
bool reshape_out(const char* op, int rules, const Tensor& out, const Tensor& result);
}  // namespace detail
/// Refuses an out= that overlaps itself, or an input in part (or, with kApart, at all).
template <class... Args>
inline void check_out(const char* op, [[maybe_unused]] int rules, const Tensor& out, const Args&... inputs) {
  detail::check_out_itself(op, out);
  (detail::check_out_against(op, rules, out, inputs), ...);
}
/// With kResized: an out= of another shape than the result may reach an input once it is resized.
template <class... Args>
inline void check_resized_out(const char* op, int rules, const Tensor& out, const Tensor& result,
                              const Args&... inputs) {
  if (detail::reshape_out(op, rules, out, result)) (detail::check_out_against(op, rules, out, inputs), ...);
}
/// Writes value into out= (resized to its shape, cast if allowed).
void write_out(const char* op, int rules, const Tensor& out, const Tensor& value);
/// The same for results that are a list: as many tensors are needed.
void write_out(const char* op, int rules, TensorList out, const std::vector<Tensor>& values);

/// Copies of views: what NAME_copy gives.
Tensor own_copy(const Tensor& view);
std::vector<Tensor> own_copy(std::vector<Tensor> views);

[[noreturn]] void raise_grad_out(const char* op);
void refuse_transform_value(const char* op, const Value& value);
template <class... V>
inline void refuse_transform_out(const char* op, const V&... values) {
  (refuse_transform_value(op, values), ...);
}
/// out= does not record: refuses when something requires grad.
template <class... Args>
inline void refuse_grad_out(const char* op, const Args&... args) {
  if (needs_grad(args...)) raise_grad_out(op);
  if (transforming() && (detail::transform_marked(args) || ...)) refuse_transform_out(op, Value(args)...);
}

/// What a node saves of a tensor that is about to be overwritten.
Tensor saved_copy(const Tensor& self);

/// What a node saves of a tensor whose shape alone the wanted gradients read: one element under all its
/// places.
Tensor shape_only(const Tensor& t);

/// Sizes of every tensor of a list: what a formula may use as `tensors_shapes`.
std::vector<std::vector<int64_t>> shapes_of(TensorList list);

inline std::optional<IntArrayRef> as_ref(const std::optional<std::vector<int64_t>>& v) {
  return v ? std::optional<IntArrayRef>(IntArrayRef(*v)) : std::nullopt;
}
inline std::optional<ArrayRef<double>> as_ref(const std::optional<std::vector<double>>& v) {
  return v ? std::optional<ArrayRef<double>>(ArrayRef<double>(*v)) : std::nullopt;
}

}  // namespace rustorch
