#include "autograd/meta.h"

#include <algorithm>
#include <mutex>

#include "autograd/accumulate.h"
#include "autograd/transform_call.h"
#include "autograd/view_nodes.h"
#include "core/slab.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"

namespace rustorch {

namespace detail {
ThreadModes& thread_modes() noexcept {
  // One aligned variable aligns the thread-local memory of the whole library. Without that it may begin 16
  // bytes into a page, which LeakSanitizer (GCC 12) takes for a header of an older C library, and reads an
  // address from before it.
  alignas(64) static thread_local ThreadModes modes;
  return modes;
}
}  // namespace detail

void* AutogradMeta::operator new(size_t) { return Slab<sizeof(AutogradMeta)>::allocate(); }
void AutogradMeta::operator delete(void* p) { Slab<sizeof(AutogradMeta)>::deallocate(p); }

AutogradMeta::~AutogradMeta() {
  if (!retains_grad || !grad_fn || grad_fn->hooks() == nullptr) return;
  auto& retained = grad_fn->hooks()->retained;  // the node borrows the tensor that dies now
  retained.erase(std::remove_if(retained.begin(), retained.end(),
                                [&](const auto& r) { return r.second->autograd_meta() == this; }),
                 retained.end());
}

AutogradMeta& ensure_meta(const Tensor& t) {
  if (t.impl()->autograd_meta() == nullptr) t.impl()->set_autograd_meta(new AutogradMeta);
  return *meta_of(t);
}

namespace {
/// Holds the lock of a view, whose grad_fn another thread may be making; of others there is nothing to guard.
struct ViewGuard {
  explicit ViewGuard(AutogradMeta* m) : meta(m->is_view() ? m : nullptr) {
    if (meta != nullptr) meta->lock.lock();
  }
  ~ViewGuard() {
    if (meta != nullptr) meta->lock.unlock();
  }
  ViewGuard(const ViewGuard&) = delete;
  ViewGuard& operator=(const ViewGuard&) = delete;

  AutogradMeta* meta;
  NodeRef<Node> dropped;  // the node that was replaced: it may hold anything, so it dies after the unlocking
};
}  // namespace

bool tensor_requires_grad(const Tensor& t) {
  AutogradMeta* meta = meta_of(t);
  if (meta == nullptr) return false;
  if (meta->requires_grad) return true;
  ViewGuard guard(meta);
  if (meta->grad_fn) return true;
  return meta->is_view() && meta->view_base.impl()->requires_grad_fast() &&
         tensor_requires_grad(meta->view_base) && t.impl()->version() != meta->view_version;
}

namespace {
/// What current_grad_fn gives, and the number of the result.
Edge current_edge(const Tensor& t, AutogradMeta* meta, ViewGuard& guard) {
  if (meta->is_view() && t.impl()->version() != meta->view_version && tensor_requires_grad(meta->view_base)) {
    RT_CHECK(!meta->multi_output_view, Autograd, "",
             "Output of a function that returns multiple views is a view and its base or another view of its "
             "base has "
             "been modified inplace. Such functions do not allow the output views to be modified inplace. "
             "You should "
             "replace the inplace operation by an out-of-place one.");
    RT_CHECK(
        !meta->no_grad_view, Autograd, "",
        "A view was created in no_grad mode and its base or another view of its base has been modified "
        "inplace "
        "with grad mode enabled. Given that this use case is ambiguous and error-prone, it is forbidden. You "
        "can "
        "clarify your code by moving both the view and the inplace either both inside the no_grad block (if "
        "you "
        "don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).");
    guard.dropped = view_of_base_node(meta->view_base, t);
    std::swap(guard.dropped, meta->grad_fn);
    meta->result_nr = 0;
    meta->view_version = t.impl()->version();
    if (!t.impl()->requires_grad_fast()) t.impl()->set_requires_grad_fast(true);
  }
  return {meta->grad_fn, meta->result_nr};
}
}  // namespace

NodeRef<Node> current_grad_fn(const Tensor& t) {
  AutogradMeta* meta = meta_of(t);
  if (meta == nullptr) return {};
  ViewGuard guard(meta);
  return current_edge(t, meta, guard).fn;
}

Edge gradient_edge(const Tensor& t) {
  if (!t.impl()->requires_grad_fast()) return {};
  AutogradMeta* meta = meta_of(t);
  if (meta == nullptr) return {};
  {
    ViewGuard guard(meta);
    Edge edge = current_edge(t, meta, guard);
    if (edge.fn) return edge;
  }
  if (meta->requires_grad) return {grad_accumulator(t), 0};
  return {};
}

void set_gradient_edge(const Tensor& t, NodeRef<Node> fn, uint32_t nr) {
  AutogradMeta& meta = ensure_meta(t);
  meta.grad_fn = std::move(fn);
  meta.result_nr = nr;
  if (meta.is_view()) meta.view_version = t.impl()->version();
  t.impl()->set_requires_grad_fast(true);
}

NodeRef<Node> grad_accumulator(const Tensor& leaf) {
  AutogradMeta& meta = ensure_meta(leaf);
  std::lock_guard<MetaLock> guard(meta.lock);
  if (meta.accumulator != nullptr && meta.accumulator->try_retain()) return NodeRef<Node>(meta.accumulator);
  NodeRef<Node> node(new AccumulateGrad(leaf));  // the first one, or the old one is dying in another thread
  meta.accumulator = node.get();
  return node;
}

namespace {
// Where the hooks of t are kept: on its grad_fn, or in the meta of a leaf. null: none yet and none to be
// made.
NodeExtras* hook_place(const Tensor& t, uint32_t* nr, bool make) {
  AutogradMeta* meta = meta_of(t);
  if (meta == nullptr) return nullptr;
  NodeRef<Node> fn = current_grad_fn(t);
  *nr = meta->result_nr;
  if (fn) return make ? &fn->extras() : fn->hooks();
  *nr = 0;
  if (make && !meta->leaf_hooks) meta->leaf_hooks = std::make_unique<NodeExtras>();
  return meta->leaf_hooks.get();
}
}  // namespace

uint64_t add_tensor_hook(const Tensor& t, NodeExtras::PreHook hook) {
  RT_CHECK(tensor_requires_grad(t), Autograd, "register_hook",
           "cannot register a hook on a tensor that doesn't require gradient");
  uint32_t nr = 0;
  NodeExtras* extras = hook_place(t, &nr, true);
  extras->tensor_hooks.push_back({extras->next_id, nr, std::move(hook)});
  return extras->next_id++;
}

void remove_tensor_hook(const Tensor& t, uint64_t id) {
  uint32_t nr = 0;
  NodeExtras* extras = hook_place(t, &nr, false);
  if (extras == nullptr) return;
  auto& hooks = extras->tensor_hooks;
  hooks.erase(std::remove_if(hooks.begin(), hooks.end(), [&](const auto& h) { return h.id == id; }),
              hooks.end());
}

uint64_t add_post_accumulate_hook(const Tensor& leaf, std::function<void(const Tensor&)> hook) {
  RT_CHECK(tensor_requires_grad(leaf), Autograd, "register_post_accumulate_grad_hook",
           "cannot register a hook on a tensor that doesn't require gradient");
  RT_CHECK(!current_grad_fn(leaf), Autograd, "register_post_accumulate_grad_hook",
           "post accumulate grad hooks cannot be registered on non-leaf tensors");
  uint32_t nr = 0;
  NodeExtras* extras = hook_place(leaf, &nr, true);
  extras->post_accumulate.emplace_back(extras->next_id, std::move(hook));
  return extras->next_id++;
}

void remove_post_accumulate_hook(const Tensor& leaf, uint64_t id) {
  uint32_t nr = 0;
  NodeExtras* extras = hook_place(leaf, &nr, false);
  if (extras == nullptr) return;
  auto& hooks = extras->post_accumulate;
  hooks.erase(std::remove_if(hooks.begin(), hooks.end(), [&](const auto& h) { return h.first == id; }),
              hooks.end());
}

}  // namespace rustorch
