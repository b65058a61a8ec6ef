// AutogradMeta: what a tensor that takes part in differentiation carries, and the functions that read and
// change it. Threads: several may compute with one tensor; changing its autograd state while others use it is
// the caller's race.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "autograd/node.h"
#include "core/tensor_impl.h"

namespace rustorch {

struct TransformMeta;

/// Guards the few words of a meta that reading a tensor may change: a leaf's accumulator, a view's grad_fn.
/// Held for moments only.
class MetaLock {
 public:
  void lock() {
    while (taken_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_{false};
};

struct AutogradMeta final : AutogradMetaBase {
  Tensor grad;
  NodeRef<Node> grad_fn;
  Node* accumulator =
      nullptr;       // the leaf's AccumulateGrad, under lock; borrowed, it clears this on its death
  Tensor view_base;  // for a differentiable view: what it is a view of; never itself a view
  std::unique_ptr<NodeExtras> leaf_hooks;    // hooks of a leaf (those of results are on grad_fn)
  std::shared_ptr<TransformMeta> transform;  // tangents, batch dimension (src/transform)
  uint32_t view_version = 0;                 // version of the storage when grad_fn was last right
  uint32_t result_nr = 0;
  bool requires_grad = false;
  bool retains_grad = false;
  bool multi_output_view = false;  // from split, unbind ...: in-place writes with history are refused
  bool no_grad_view = false;       // made under no_grad
  MetaLock lock;

  ~AutogradMeta() override;
  bool is_view() const { return view_base.defined(); }
  static void* operator new(size_t size);
  static void operator delete(void* p);
};

/// The meta of t, or null.
inline AutogradMeta* meta_of(const Tensor& t) {
  return static_cast<AutogradMeta*>(t.impl()->autograd_meta());
}
/// The meta of t, made when missing.
AutogradMeta& ensure_meta(const Tensor& t);
/// True when operations on t are to be recorded (grad mode aside).
bool tensor_requires_grad(const Tensor& t);
/// Where the gradient of t goes: its grad_fn, or a leaf's AccumulateGrad (made when missing); empty if none.
Edge gradient_edge(const Tensor& t);
/// grad_fn, regenerated first for a view whose base was changed since.
NodeRef<Node> current_grad_fn(const Tensor& t);
/// Makes t the result nr of fn.
void set_gradient_edge(const Tensor& t, NodeRef<Node> fn, uint32_t nr);
/// The AccumulateGrad node of a leaf that requires grad.
NodeRef<Node> grad_accumulator(const Tensor& leaf);

/// Adds a hook on the gradient of t (a tensor that requires grad); returns its id.
uint64_t add_tensor_hook(const Tensor& t, NodeExtras::PreHook hook);
void remove_tensor_hook(const Tensor& t, uint64_t id);
uint64_t add_post_accumulate_hook(const Tensor& leaf, std::function<void(const Tensor&)> hook);
void remove_post_accumulate_hook(const Tensor& leaf, uint64_t id);

}  // namespace rustorch
