#include "autograd/node.h"

#include <chrono>
#include <thread>

#include "autograd/meta.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {

namespace {
thread_local uint64_t next_sequence = 0;

/// A number of this thread, never 0.
uint32_t thread_number() {
  static std::atomic<uint32_t> last{0};
  static thread_local const uint32_t own = [] {
    uint32_t n = ++last;
    while (n == 0) n = ++last;
    return n;
  }();
  return own;
}
}  // namespace

NodeTurn::NodeTurn(Node& node) : node_(node), taken_(true) {
  const uint32_t self = thread_number();
  for (int round = 0;; ++round) {
    uint32_t runner = 0;
    if (node.runner_.compare_exchange_strong(runner, self, std::memory_order_acquire,
                                             std::memory_order_relaxed))
      return;
    if (runner == self) {
      taken_ = false;
      return;
    }
    if (round < 64)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

std::string (*describe_caller)() = nullptr;

Node::Node() : sequence_(next_sequence++) {
  if (detail::thread_modes().anomaly && describe_caller != nullptr) [[unlikely]]
    extras().forward_trace = describe_caller();
}
Node::~Node() = default;

// Long chains would overflow the stack if each node destroyed the next: dying nodes form a list instead. It
// needs no memory: pyobj links it, which is free because a Python object that stands for a node owns it.
void Node::destroy(Node* node) {
  static thread_local Node* dying = nullptr;
  static thread_local bool busy = false;
  node->pyobj = std::exchange(dying, node);
  if (busy) return;
  busy = true;
  while (dying != nullptr) {
    Node* last = dying;
    dying = static_cast<Node*>(last->pyobj);
    delete last;
  }
  busy = false;
}

void Node::add_input(const Tensor& t) {
  arg_start_.push_back(static_cast<uint32_t>(edges_.size()));
  edges_.push_back(t.defined() ? gradient_edge(t) : Edge{});
}
void Node::add_input(const TensorLike& t) {
  if (t.tensor != nullptr) return add_input(*t.tensor);
  add_edge({});
}
void Node::add_input(const std::optional<Tensor>& t) {
  if (t.has_value()) return add_input(*t);
  add_edge({});
}
void Node::add_input(TensorList list) {
  arg_start_.push_back(static_cast<uint32_t>(edges_.size()));
  for (const Tensor& t : list) edges_.push_back(gradient_edge(t));
}
void Node::add_input(ArrayRef<std::optional<Tensor>> list) {
  arg_start_.push_back(static_cast<uint32_t>(edges_.size()));
  for (const auto& t : list) edges_.push_back(t.has_value() ? gradient_edge(*t) : Edge{});
}

bool Node::wants_arg(size_t i) const {
  size_t end = i + 1 < arg_start_.size() ? arg_start_[i + 1] : edges_.size();
  for (size_t e = arg_start_[i]; e < end; ++e)
    if (wants_edge(e)) return true;
  return false;
}

uint32_t Node::add_result(const Tensor& t) {
  results_.push_back({t.sizes().vec(), t.dtype(), t.device(), true});
  return static_cast<uint32_t>(results_.size() - 1);
}

NodeExtras& Node::extras() {
  if (!extras_) extras_ = std::make_unique<NodeExtras>();
  return *extras_;
}

void Node::show_saved(SavedView&) {}

void Node::check_not_released(const char*) const {
  RT_CHECK(
      !released_, Autograd, "",
      "Trying to backward through the graph a second time (or directly access saved tensors after they have "
      "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
      "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
      "if you need to access saved tensors after calling backward.");
}

std::vector<Tensor> Node::gather_grads(Tensor* grads) const {
  std::vector<Tensor> all;
  all.reserve(results_.size());
  for (size_t i = 0; i < results_.size(); ++i) {
    const ResultMeta& meta = results_[i];
    all.push_back(grads[i].defined() ? grads[i] : zeros(meta.sizes, meta.dtype, meta.device));
  }
  return all;
}

void Node::put_list(size_t arg, Tensor* out, std::vector<Tensor> values) const {
  size_t first = arg_start_[arg];
  for (size_t i = 0; i < values.size(); ++i) out[first + i] = std::move(values[i]);
}

}  // namespace rustorch
