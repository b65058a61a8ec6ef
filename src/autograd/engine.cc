#include "autograd/engine.h"

#include <algorithm>
#include <atomic>
#include <queue>
#include <unordered_map>
#include <utility>

#include "autograd/meta.h"
#include "autograd/record.h"
#include "core/layout_algebra.h"
#include "rustorch/call_observer.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "rustorch/warn.h"

namespace rustorch {

namespace {

struct NodeState {
  Node* node = nullptr;
  uint32_t waiting = 0;       // edges into this node that have not delivered yet
  bool needed = true;         // leads to something that was asked for
  std::vector<Tensor> grads;  // one per forward result
};

/// Node* -> index into a vector, open addressing.
class NodeIndex {
 public:
  NodeIndex() : slots_(64) {}
  /// Index of node, making a new state when it is seen for the first time.
  uint32_t find_or_add(Node* node, std::vector<NodeState>& states, bool* added) {
    if (states.size() * 2 >= slots_.size()) grow();
    Slot& slot = probe(node);
    *added = slot.node == nullptr;
    if (*added) {
      slot = {node, static_cast<uint32_t>(states.size())};
      states.emplace_back();
      states.back().node = node;
    }
    return slot.index;
  }
  int64_t find(Node* node) {
    Slot& slot = probe(node);
    return slot.node == nullptr ? -1 : static_cast<int64_t>(slot.index);
  }

 private:
  struct Slot {
    Node* node = nullptr;
    uint32_t index = 0;
  };
  Slot& probe(Node* node) {
    size_t mask = slots_.size() - 1;
    size_t at = (reinterpret_cast<uintptr_t>(node) * 0x9E3779B97F4A7C15ull >> 20) & mask;
    while (slots_[at].node != nullptr && slots_[at].node != node) at = (at + 1) & mask;
    return slots_[at];
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& s : old)
      if (s.node != nullptr) probe(s.node) = s;
  }
  std::vector<Slot> slots_;
};

struct Capture {
  uint32_t state;
  uint32_t nr;
  size_t slot;
};

class Run;
thread_local Run* innermost_run = nullptr;
std::atomic<uint64_t> runs_begun{0};

class Run {
 public:
  explicit Run(BackwardRequest request)
      : request_(std::move(request)),
        results_(request_.inputs.size()),
        id_(1 + runs_begun.fetch_add(1, std::memory_order_relaxed)),
        outer_(std::exchange(innermost_run, this)) {}
  ~Run() { innermost_run = outer_; }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  uint64_t id() const { return id_; }
  bool runs(Node* node) {
    const int64_t at = index_.find(node);
    return at >= 0 && states_[static_cast<size_t>(at)].needed;
  }

  std::vector<Tensor> go() {
    discover();
    mark_needed();
    for (size_t i = 0; i < request_.roots.size(); ++i)
      deliver(request_.roots[i], std::move(request_.grads[i]));
    for (uint32_t root : root_states_)
      if (states_[root].waiting == 0 && !queued_[root]) push(root);
    GradModeGuard mode(request_.create_graph);
    while (!ready_.empty()) {
      uint32_t index = ready_.top().second;
      ready_.pop();
      execute(index);
    }
    return std::move(results_);
  }

 private:
  // Leaves run as soon as they are complete, then the newest operation.
  static uint64_t priority(const Node* node) { return node->is_leaf() ? UINT64_MAX : node->sequence(); }
  void push(uint32_t index) {
    queued_[index] = true;
    ready_.emplace(priority(states_[index].node), index);
  }

  void discover() {
    std::vector<uint32_t> todo;
    auto visit = [&](Node* node) {
      bool added = false;
      uint32_t index = index_.find_or_add(node, states_, &added);
      if (added) todo.push_back(index);
      return index;
    };
    for (const Edge& root : request_.roots) root_states_.push_back(visit(root.fn.get()));
    while (!todo.empty()) {
      uint32_t at = todo.back();
      todo.pop_back();
      order_.push_back(at);
      for (const Edge& edge : states_[at].node->edges())
        if (edge.fn) ++states_[visit(edge.fn.get())].waiting;
    }
    queued_.assign(states_.size(), false);
  }

  // With inputs given, only nodes on a path to one of them run.
  void mark_needed() {
    if (request_.inputs.empty()) return;
    std::vector<uint8_t> is_input(states_.size(), 0);
    for (size_t i = 0; i < request_.inputs.size(); ++i) {
      int64_t at = index_.find(request_.inputs[i].fn.get());
      if (at < 0) continue;
      is_input[at] = 1;
      captures_.push_back({static_cast<uint32_t>(at), request_.inputs[i].nr, i});
    }
    // Post-order over edges: a node is needed when it is an input or an edge of it leads to a needed node.
    std::vector<uint8_t> done(states_.size(), 0);
    std::vector<std::pair<uint32_t, size_t>> stack;
    for (auto& s : states_) s.needed = false;
    for (uint32_t root : root_states_) {
      if (done[root]) continue;
      done[root] = 1;
      stack.emplace_back(root, 0);
      while (!stack.empty()) {
        uint32_t at = stack.back().first;
        const auto& edges = states_[at].node->edges();
        bool descended = false;
        while (stack.back().second < edges.size()) {
          const Edge& edge = edges[stack.back().second++];
          if (!edge.fn) continue;
          auto next = static_cast<uint32_t>(index_.find(edge.fn.get()));
          if (done[next]) continue;
          done[next] = 1;
          stack.emplace_back(next, 0);
          descended = true;
          break;
        }
        if (descended) continue;
        bool needed = is_input[at] != 0;
        for (const Edge& edge : edges)
          if (edge.fn && states_[index_.find(edge.fn.get())].needed) needed = true;
        states_[at].needed = needed;
        stack.pop_back();
      }
    }
  }

  void deliver(const Edge& edge, Tensor grad) {
    NodeState& state = states_[index_.find(edge.fn.get())];
    if (state.grads.size() < edge.fn->num_results()) state.grads.resize(edge.fn->num_results());
    if (!grad.defined()) return;
    validate(*edge.fn, edge.nr, grad);
    Tensor& slot = state.grads[edge.nr];
    if (!slot.defined()) {
      slot = std::move(grad);
    } else if (any_sparse(slot, grad)) {
      slot = any_sparse(slot) ? grad.add(slot) : slot.add(grad);  // the dense one first
    } else if (!GradMode::is_enabled() && !transforming() && slot.use_count() == 1 &&
               slot.impl()->storage() != nullptr && slot.impl()->storage()->use_count() == 1 &&
               !may_overlap_self(slot)) {
      slot.add_(grad);
    } else {
      slot = slot.add(grad);
    }
  }
  static bool may_overlap_self(const Tensor& t) { return !t.impl()->is_non_overlapping_and_dense(); }

  // A gradient must look like the result it belongs to: broadcast dimensions are summed, the dtype is
  // converted.
  static void validate(const Node& fn, uint32_t nr, Tensor& grad) {
    if (nr >= fn.num_results()) return;
    const ResultMeta& meta = fn.result_meta(nr);
    if (!meta.known) return;
    if (grad.sizes() != IntArrayRef(meta.sizes)) {
      if (!is_expandable_to(meta.sizes, grad.sizes()))
        raise_shape("backward",
                    cat(fn.name(), " returned an invalid gradient; got ", grad.sizes(),
                        " but expected shape compatible with ", IntArrayRef(meta.sizes)),
                    grad.sizes(), meta.sizes);
      grad = sum_to_size(grad, meta.sizes);
    }
    if (grad.dtype() != meta.dtype) {
      if (grad.is_complex() && !is_complex(meta.dtype)) grad = real(grad);
      if (grad.dtype() != meta.dtype) grad = grad.to(meta.dtype);
    }
    RT_CHECK(grad.device() == meta.device, Device, "backward", fn.name(), " returned a gradient on ",
             grad.device(), "; expected ", meta.device);
  }

  void run_tensor_hooks(NodeState& state) {
    NodeExtras* extras = state.node->hooks();
    if (extras == nullptr) return;
    // Copies of the lists: a hook may remove itself or others.
    for (const auto& hook : std::vector<NodeExtras::TensorHook>(extras->tensor_hooks)) {
      if (hook.nr >= state.grads.size() || !state.grads[hook.nr].defined()) continue;
      Tensor changed = hook.fn(state.grads[hook.nr]);
      if (changed.defined()) state.grads[hook.nr] = changed;
    }
    for (const auto& [id, hook] : decltype(extras->pre_hooks)(extras->pre_hooks)) {
      (void)id;
      auto changed = hook(state.grads);
      if (!changed.empty()) state.grads = changed;
    }
    if (extras->retained.empty()) return;
    NodeTurn turn(*state.node);
    for (auto& [nr, target] : extras->retained) {
      if (nr >= state.grads.size() || !state.grads[nr].defined()) continue;
      auto* meta = static_cast<AutogradMeta*>(target->autograd_meta());
      if (meta == nullptr) continue;
      meta->grad = meta->grad.defined() ? meta->grad.add(state.grads[nr]) : state.grads[nr];
    }
  }

  void execute(uint32_t index) {
    NodeState& state = states_[index];
    Node* node = state.node;
    state.grads.resize(std::max<size_t>(state.grads.size(), node->num_results()));
    bool any = false;
    for (const Tensor& g : state.grads) any |= g.defined();
    if (any) run_tensor_hooks(state);
    for (const Capture& c : captures_)
      if (c.state == index && c.nr < state.grads.size()) results_[c.slot] = state.grads[c.nr];
    const auto& edges = node->edges();
    std::vector<Tensor> out(edges.size());
    bool runs =
        any && state.needed && !(node->is_leaf() && !request_.inputs.empty() && !request_.accumulate_inputs);
    if (runs) apply(state, out);
    state.grads.clear();
    for (size_t e = 0; e < edges.size(); ++e) {
      if (!edges[e].fn) continue;
      auto next = static_cast<uint32_t>(index_.find(edges[e].fn.get()));
      if (out[e].defined() && states_[next].needed) deliver(edges[e], std::move(out[e]));
      if (--states_[next].waiting == 0) push(next);
    }
  }

  void apply(NodeState& state, std::vector<Tensor>& out) {
    Node* node = state.node;
    const auto& edges = node->edges();
    needed_.resize(edges.size());
    for (size_t e = 0; e < edges.size(); ++e)
      needed_[e] = edges[e].fn && states_[index_.find(edges[e].fn.get())].needed;
    NodeExtras* extras = node->hooks();
    const auto post_hooks = extras != nullptr ? extras->post_hooks : decltype(extras->post_hooks)();
    std::vector<Tensor> incoming;
    if (!post_hooks.empty()) incoming = state.grads;
    {
      NodeTurn turn(*node);
      struct Needed {
        Node* node;
        const uint8_t* before;
        ~Needed() { node->set_needed(before); }
      } scope{node, node->set_needed(needed_.data())};
      const ObservedCall observed(CallKind::Node, call_observer() != nullptr ? node->name() : "");
      node->apply(state.grads.data(), out.data());
    }
    for (const auto& [id, hook] : post_hooks) {
      (void)id;
      auto changed = hook(out, incoming);
      if (!changed.empty()) out = changed;
    }
    if (!request_.keep_graph) {
      NodeTurn turn(*node);
      node->release_saved();
    }
    if (detail::thread_modes().anomaly) check_anomaly(node, out);
  }

  /// Refuses nan; a warning before that shows the forward call, when a binding recorded it.
  static void check_anomaly(Node* node, const std::vector<Tensor>& out) {
    for (size_t i = 0; i < out.size(); ++i) {
      if (!out[i].defined() || !is_differentiable(out[i].dtype()) || !isnan(out[i]).any().item<bool>())
        continue;
      if (node->hooks() != nullptr && !node->hooks()->forward_trace.empty())
        warn(cat("Error detected in ", node->name(), ". Traceback of forward call that caused the error:\n",
                 node->hooks()->forward_trace));
      raise(ErrorKind::Autograd, "",
            cat("Function '", node->name(), "' returned nan values in its ", i, "th output."));
    }
  }

  BackwardRequest request_;
  std::vector<Tensor> results_;
  const uint64_t id_;
  Run* const outer_;  // the pass whose hook or node started this one on the same thread
  NodeIndex index_;
  std::vector<NodeState> states_;
  std::vector<uint32_t> order_, root_states_;
  std::vector<uint8_t> queued_;
  std::vector<Capture> captures_;
  std::vector<uint8_t> needed_;
  std::priority_queue<std::pair<uint64_t, uint32_t>> ready_;
};

}  // namespace

std::vector<Tensor> run_backward(BackwardRequest request) { return Run(std::move(request)).go(); }
uint64_t current_backward() { return innermost_run != nullptr ? innermost_run->id() : 0; }
bool current_backward_runs(Node* node) { return innermost_run != nullptr && innermost_run->runs(node); }

}  // namespace rustorch
