#include "transform/levels.h"

#include <atomic>

#include "autograd/transform_values.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {

namespace detail {
constinit thread_local uint8_t transform_depth = 0;
}

namespace {
thread_local int open_levels = 0;  // hidden ones too
void depth_changed() { detail::transform_depth = static_cast<uint8_t>(levels().size()); }

TransformMeta& ensure_transform(const Tensor& t) {
  AutogradMeta& meta = ensure_meta(t);
  if (!meta.transform) meta.transform = std::make_shared<TransformMeta>();
  return *meta.transform;
}

TransformMeta* transform_of(const Tensor& t) {
  const AutogradMeta* meta = meta_of(t);
  return meta == nullptr ? nullptr : meta->transform.get();
}

void add_tangent(TransformMeta& meta, const std::shared_ptr<DualLevel>& level, const Tensor& value) {
  for (auto& own : meta.tangents)
    if (own.level == level) {
      own.value = value;
      return;
    }
  meta.tangents.push_back({level, value});
  std::lock_guard lock(level->mutex);
  level->holders.insert(&meta);
}

/// A new tensor on the data of t that differentiation does not follow; the batch dimension stays.
Tensor bare(const Tensor& t) {
  Tensor twin = make_alias(t);
  twin.impl()->set_inference(t.impl()->is_inference());
  if (const TransformMeta* meta = transform_of(t); meta != nullptr && meta->batch.defined()) {
    TransformMeta& own = ensure_transform(twin);
    own.batch = meta->batch;
    own.batch_id = meta->batch_id;
  }
  return twin;
}
}  // namespace

TransformMeta::~TransformMeta() {
  for (auto& tangent : tangents) {
    std::lock_guard lock(tangent.level->mutex);
    tangent.level->holders.erase(this);
  }
}

std::vector<Level>& levels() {
  static thread_local std::vector<Level> stack;
  return stack;
}

int depth_of(const DualLevel* level) {
  const auto& stack = levels();
  for (size_t i = stack.size(); i-- > 0;)
    if (stack[i].dual.get() == level) return static_cast<int>(i + 1);
  return 0;
}

int depth_of(uint64_t id) {
  const auto& stack = levels();
  for (size_t i = stack.size(); i-- > 0;)
    if (!stack[i].dual && stack[i].id == id) return static_cast<int>(i + 1);
  return 0;
}

void push_level(Level level) {
  RT_CHECK(levels().size() < 200, Value, "", "function transforms are nested too deeply");
  levels().push_back(std::move(level));
  ++open_levels;
  depth_changed();
}

void pop_level() {
  Level level = std::move(levels().back());
  levels().pop_back();
  --open_levels;
  depth_changed();
  if (!level.dual) return;
  std::vector<Tensor> dropped;  // die after the lock is given up
  std::unique_lock lock(level.dual->mutex);
  for (TransformMeta* holder : level.dual->holders)
    for (size_t i = 0; i < holder->tangents.size(); ++i)
      if (holder->tangents[i].level == level.dual) {
        dropped.push_back(std::move(holder->tangents[i].value));
        holder->tangents.erase(holder->tangents.begin() + static_cast<int64_t>(i--));
      }
  level.dual->holders.clear();
  lock.unlock();
}

uint64_t enter_vmap(int64_t size, Randomness randomness) {
  static std::atomic<uint64_t> next{1};
  const uint64_t id = next++;
  push_level({nullptr, id, size, randomness});
  return id;
}

HiddenLevels::HiddenLevels(int depth) {
  auto& stack = levels();
  for (size_t i = static_cast<size_t>(depth - 1); i < stack.size(); ++i)
    hidden_.push_back(std::move(stack[i]));
  stack.resize(static_cast<size_t>(depth - 1));
  depth_changed();
}

HiddenLevels::~HiddenLevels() {
  for (Level& level : hidden_) levels().push_back(std::move(level));
  depth_changed();
}

int innermost(const Tensor& t) {
  if (!t.defined()) return 0;
  const AutogradMeta* meta = meta_of(t);
  if (meta == nullptr) return 0;
  int deepest = 0;
  if (const TransformMeta* own = meta->transform.get()) {
    for (const auto& tangent : own->tangents) deepest = std::max(deepest, depth_of(tangent.level.get()));
    if (own->batch.defined()) {
      const int at = depth_of(own->batch_id);
      RT_CHECK(at > 0, Value, "vmap",
               "a tensor of a vmap is used outside of it; return it from the function instead");
      deepest = std::max(deepest, at);
    }
  }
  if (meta->is_view()) {
    const TransformMeta* base = transform_of(meta->view_base);
    if (base != nullptr)
      for (const auto& tangent : base->tangents) deepest = std::max(deepest, depth_of(tangent.level.get()));
  }
  return deepest;
}

Tensor tangent_of(const Tensor& t, const std::shared_ptr<DualLevel>& level) {
  const AutogradMeta* meta = t.defined() ? meta_of(t) : nullptr;
  if (meta == nullptr) return {};
  if (const TransformMeta* own = meta->transform.get()) {
    for (const auto& tangent : own->tangents)
      if (tangent.level == level) return tangent.value;
    if (own->batch.defined())
      if (Tensor inner = tangent_of(own->batch, level); inner.defined())
        return wrap_batch(inner, own->batch_id);
  }
  if (meta->is_view())
    if (const Tensor& base = meta->view_base; transform_of(base) != nullptr)
      if (Tensor whole = tangent_of(base, level); whole.defined())
        return as_strided(whole, t.sizes(), t.strides(),
                          whole.storage_offset() + t.storage_offset() - base.storage_offset());
  return {};
}

void set_tangent(const Tensor& t, const std::shared_ptr<DualLevel>& level, const Tensor& tangent) {
  TransformMeta& own = ensure_transform(t);
  if (own.batch.defined() && depth_of(own.batch_id) > depth_of(level.get()) && depth_of(level.get()) > 0) {
    // The level is outside of the vmap: the tangent belongs to the value.
    Tensor inner = batch_value(tangent, own.batch_id);
    if (!inner.defined()) inner = expand(tangent.unsqueeze(0), own.batch.sizes());
    own.batch = make_dual(own.batch, inner, level);
    return;
  }
  Tensor laid_out = tangent;
  const bool as_primal = tangent.strides() == t.strides() || innermost(tangent) > 0 || innermost(t) > 0;
  if (!as_primal && t.impl()->is_non_overlapping_and_dense() && t.numel() > 1) {
    laid_out = empty_strided(t.sizes(), t.strides(), tangent.dtype(), tangent.device());
    laid_out.copy_(tangent);  // views of t are views of the tangent with the same strides
  }
  add_tangent(own, level, laid_out);
}

void drop_tangent(const Tensor& t, const std::shared_ptr<DualLevel>& level) {
  TransformMeta* own = transform_of(t);
  if (own == nullptr) return;
  for (size_t i = 0; i < own->tangents.size(); ++i)
    if (own->tangents[i].level == level) {
      own->tangents.erase(own->tangents.begin() + static_cast<int64_t>(i));
      std::lock_guard lock(level->mutex);
      level->holders.erase(own);
      return;
    }
}

Tensor primal_of(const Tensor& t, const std::shared_ptr<DualLevel>& level) {
  Tensor twin = make_alias(t);  // not a view of t: a view would have the tangent of its base
  twin.impl()->set_inference(t.impl()->is_inference());
  if (GradMode::is_enabled())
    if (Edge edge = gradient_edge(t); edge.fn) set_gradient_edge(twin, edge.fn, edge.nr);
  const TransformMeta* from = transform_of(t);
  if (from == nullptr) return twin;
  TransformMeta& own = ensure_transform(twin);
  for (const auto& tangent : from->tangents)
    if (tangent.level != level) add_tangent(own, tangent.level, tangent.value);
  if (from->batch.defined()) {
    own.batch =
        depth_of(from->batch_id) > depth_of(level.get()) ? primal_of(from->batch, level) : from->batch;
    own.batch_id = from->batch_id;
  }
  return twin;
}

Tensor make_dual(const Tensor& primal, const Tensor& tangent, const std::shared_ptr<DualLevel>& level) {
  Tensor dual;
  if (const TransformMeta* own = transform_of(primal);
      own != nullptr && own->batch.defined() && depth_of(own->batch_id) > depth_of(level.get())) {
    dual = alias(primal);
  } else {
    const HiddenLevels hidden(depth_of(level.get()));
    dual = alias(primal);
  }
  set_tangent(dual, level, tangent);
  return dual;
}

std::shared_ptr<DualLevel> current_dual() {
  const auto& stack = levels();
  for (size_t i = stack.size(); i-- > 0;)
    if (stack[i].dual) return stack[i].dual;
  return nullptr;
}

Tensor wrap_batch(const Tensor& value, uint64_t id) {
  if (!value.defined()) return {};
  const TensorImpl* impl = value.impl();
  Tensor logical = make_alias(value, value.sizes().slice(1), value.strides().slice(1), impl->offset());
  logical.impl()->set_inference(impl->is_inference());
  TransformMeta& own = ensure_transform(logical);
  own.batch = value;
  own.batch_id = id;
  return logical;
}

bool has_batch(const Tensor& t, uint64_t id) {
  const TransformMeta* own = t.defined() ? transform_of(t) : nullptr;
  return own != nullptr && own->batch.defined() && (own->batch_id == id || has_batch(own->batch, id));
}

Tensor batch_value(const Tensor& t, uint64_t id) {
  if (!t.defined()) return {};
  const TransformMeta* own = transform_of(t);
  return own != nullptr && own->batch.defined() && own->batch_id == id ? own->batch : Tensor();
}

// ---- what the recording code calls

Tensor transform_detach(const Tensor& t, bool keep_tangents) {
  Tensor twin = bare(t);
  const TransformMeta* from = transform_of(t);
  if (from == nullptr) return twin;
  if (from->batch.defined()) {
    TransformMeta& own = ensure_transform(twin);
    own.batch = transform_detach(from->batch, keep_tangents);
  }
  if (keep_tangents)
    for (const auto& tangent : from->tangents)
      add_tangent(ensure_transform(twin), tangent.level, tangent.value);
  return twin;
}

Tensor transform_twin(const Tensor& result) {
  Tensor twin = make_alias(result);
  if (open_levels > 0 || transform_of(result) != nullptr) {
    ensure_transform(result);
    ensure_meta(twin).transform = meta_of(result)->transform;
  }
  return twin;
}

Tensor transform_saved_copy(const Tensor& self) {
  Tensor copy = clone(self);
  const TransformMeta* from = transform_of(self);
  if (from != nullptr)
    for (const auto& tangent : from->tangents)
      if (depth_of(tangent.level.get()) == 0)
        add_tangent(ensure_transform(copy), tangent.level, clone(tangent.value));
  return copy;
}

Tensor transform_plain(const Tensor& t) {
  Tensor twin = bare(t);
  if (const TransformMeta* from = transform_of(t))
    for (const auto& tangent : from->tangents)
      add_tangent(ensure_transform(twin), tangent.level, tangent.value);
  return twin;
}

Tensor transform_leaf(const Tensor& t, bool history) {
  Tensor twin;
  if (history) {
    twin = alias(t);
  } else {
    twin = bare(t);
    twin.requires_grad_();
  }
  const TransformMeta* from = transform_of(t);
  if (from != nullptr)
    for (const auto& tangent : from->tangents)
      if (!history || depth_of(tangent.level.get()) == 0)
        add_tangent(ensure_transform(twin), tangent.level, tangent.value);
  return twin;
}

Tensor transform_zeros(IntArrayRef sizes, const Tensor& like) {
  const TransformMeta* own = transform_of(like);
  if (own == nullptr || !own->batch.defined()) return zeros(sizes, like.dtype(), like.device());
  std::vector<int64_t> all{own->batch.size(0)};
  all.insert(all.end(), sizes.begin(), sizes.end());
  return wrap_batch(transform_zeros(all, own->batch), own->batch_id);
}

bool transform_assign(const Tensor& self, const Tensor& value) {
  if (innermost(self) == 0 && innermost(value) == 0) return false;
  copy_(self, value);
  return true;
}

void transform_relayout(const Tensor& self, const Tensor& view) {
  const TransformMeta* from = transform_of(view);
  if (from == nullptr) return;
  TransformMeta& own = ensure_transform(self);
  own.batch = from->batch;
  own.batch_id = from->batch_id;
  for (const auto& tangent : from->tangents) add_tangent(own, tangent.level, tangent.value);
}

void transform_check_readable(const Tensor& t, bool condition) {
  const TransformMeta* own = t.defined() ? transform_of(t) : nullptr;
  if (own == nullptr || !own->batch.defined()) return;
  RT_CHECK(!condition, Autograd, "",
           "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We "
           "don't support "
           "that yet, please shout over at https://github.com/pytorch/functorch/issues/257 .");
  raise(ErrorKind::Autograd, "",
        "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() "
        "on a Tensor, "
        "please try to rewrite what you're doing with other operations. If error is occurring somewhere "
        "inside PyTorch "
        "internals, please file a bug report.");
}

std::string transform_text(const Tensor& t) {
  const TransformMeta* own = t.defined() ? transform_of(t) : nullptr;
  if (own == nullptr || !own->batch.defined()) return t.str();
  return cat("BatchedTensor(lvl=", depth_of(own->batch_id), ", bdim=0, value=\n", transform_text(own->batch),
             "\n)");
}

Tensor transform_all_values(const Tensor& t) {
  const TransformMeta* own = transform_of(t);
  if (own == nullptr) return make_alias(t);
  return own->batch.defined() ? transform_all_values(own->batch) : make_alias(t);
}

bool will_differentiate(const Tensor& t) {
  return (t.requires_grad() && GradMode::is_enabled()) || (transforming() && innermost(t) > 0);
}

bool transform_active(const Tensor& t) { return innermost(t) > 0; }

void transform_refuse_out(const char* op) {
  raise(
      ErrorKind::Autograd, op,
      "functions with out=... arguments don't support forward-mode differentiation and vmap, but one of the "
      "arguments has a tangent or is being vmapped over");
}

}  // namespace rustorch
