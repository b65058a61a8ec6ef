// Node: one recorded operation. It owns edges to the nodes that made its inputs and computes their gradients.
//
// Ownership: intrusive count; an edge owns its target. Forward outputs own their node, so a graph lives as
// long as somebody holds a result of it. Threads: a node is built by one thread; any thread may run it, and
// several may go through one graph at the same time: a node is run by one of them at a time (NodeTurn).
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch {

class Node;
class SavedView;

/// Counted pointer to a node.
template <class T = Node>
class NodeRef {
 public:
  NodeRef() = default;
  explicit NodeRef(T* adopted) : node_(adopted) {}
  NodeRef(const NodeRef& o) : node_(o.node_) {
    if (node_) node_->retain();
  }
  NodeRef(NodeRef&& o) noexcept : node_(std::exchange(o.node_, nullptr)) {}
  template <class U>
  NodeRef(const NodeRef<U>& o) : node_(o.get()) {
    if (node_) node_->retain();
  }
  NodeRef& operator=(NodeRef o) noexcept {
    std::swap(node_, o.node_);
    return *this;
  }
  ~NodeRef() {
    if (node_) node_->release();
  }
  T* get() const { return node_; }
  T* operator->() const { return node_; }
  T& operator*() const { return *node_; }
  explicit operator bool() const { return node_ != nullptr; }
  static NodeRef share(T* node) {
    if (node) node->retain();
    return NodeRef(node);
  }

 private:
  T* node_ = nullptr;
};

/// Where a gradient goes: result number nr of node fn. Empty when the input needs none.
struct Edge {
  NodeRef<Node> fn;
  uint32_t nr = 0;
};

/// Shape, dtype and device of a forward result: gradients that come back are checked and reduced to it.
struct ResultMeta {
  std::vector<int64_t> sizes;
  DType dtype = DType::Float32;
  Device device;
  bool known = false;
};

/// Things few nodes have.
struct NodeExtras {
  using PreHook = std::function<Tensor(const Tensor& grad)>;
  struct TensorHook {
    uint64_t id;
    uint32_t nr;
    PreHook fn;
  };
  std::vector<TensorHook> tensor_hooks;  // run on the gradient of one forward result
  std::vector<std::pair<uint32_t, TensorImpl*>>
      retained;  // results whose grad is kept; borrowed, see AutogradMeta
  using NodePreHook = std::function<std::vector<Tensor>(const std::vector<Tensor>& grad_outputs)>;
  using NodePostHook = std::function<std::vector<Tensor>(const std::vector<Tensor>& grad_inputs,
                                                         const std::vector<Tensor>& grad_outputs)>;
  std::vector<std::pair<uint64_t, NodePreHook>> pre_hooks;
  std::vector<std::pair<uint64_t, NodePostHook>> post_hooks;
  std::vector<std::pair<uint64_t, std::function<void(const Tensor&)>>> post_accumulate;  // leaves only
  std::string forward_trace;  // where the operation was called, in anomaly mode
  uint64_t next_id = 1;
};

class Node {
 public:
  Node();
  virtual ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// "MulBackward0".
  virtual const char* name() const = 0;
  /// grads: one per forward result (undefined = zero; never all undefined). out: one per edge, initially
  /// undefined.
  virtual void apply(Tensor* grads, Tensor* out) = 0;
  /// Frees what was saved; a second backward then fails with PyTorch's message.
  virtual void release_saved() { released_ = true; }
  /// Shows what is saved, field by field (autograd/saved_view.h).
  virtual void show_saved(SavedView& view);
  /// The leaf behind an AccumulateGrad node; undefined for others.
  virtual Tensor variable() const { return {}; }
  /// Runs after every other ready node when true (leaves accumulate first come first served).
  virtual bool is_leaf() const { return false; }

  void retain() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(this);
  }
  /// One more reference, unless the last one is gone already: another thread is destroying the node then.
  bool try_retain() {
    uint32_t refs = refs_.load(std::memory_order_relaxed);
    while (refs != 0)
      if (refs_.compare_exchange_weak(refs, refs + 1, std::memory_order_relaxed)) return true;
    return false;
  }
  uint32_t use_count() const { return refs_.load(std::memory_order_relaxed); }

  /// Adds the edges of one tensor argument (one edge), or of a list (one edge each).
  void add_input(const Tensor& t);
  void add_input(const TensorLike& t);
  void add_input(const std::optional<Tensor>& t);
  void add_input(TensorList list);
  void add_input(ArrayRef<std::optional<Tensor>> list);
  void add_edge(Edge edge) {
    arg_start_.push_back(static_cast<uint32_t>(edges_.size()));
    edges_.push_back(std::move(edge));
  }

  const std::vector<Edge>& edges() const { return edges_; }
  std::vector<Edge>& edges() { return edges_; }
  uint64_t sequence() const { return sequence_; }
  /// True when argument i (in the order of add_input) needs a gradient now.
  bool wants_arg(size_t i) const;
  size_t first_edge(size_t i) const { return arg_start_[i]; }
  size_t num_args() const { return arg_start_.size(); }
  bool wants_edge(size_t e) const { return edges_[e].fn && (needed_ == nullptr || needed_[e]); }

  /// Registers a forward result; returns its number.
  uint32_t add_result(const Tensor& t);
  void add_undefined_result() { results_.emplace_back(); }
  uint32_t num_results() const { return static_cast<uint32_t>(results_.size()); }
  const ResultMeta& result_meta(uint32_t nr) const { return results_[nr]; }

  NodeExtras& extras();
  /// Null when there are none. A leaf's hooks are kept by the leaf.
  virtual NodeExtras* hooks() const { return extras_.get(); }
  /// The Python object that stands for this node; borrowed.
  void* pyobj = nullptr;

  /// Set for the time of one apply: which edges lead to something that was asked for. Returns what was set.
  const uint8_t* set_needed(const uint8_t* needed) { return std::exchange(needed_, needed); }

 protected:
  /// Raises PyTorch's "backward through the graph a second time" when the saved tensors are gone.
  void check_not_released(const char* name) const;
  /// Gradients of all results, undefined ones as zeros.
  std::vector<Tensor> gather_grads(Tensor* grads) const;
  void put_list(size_t arg, Tensor* out, std::vector<Tensor> values) const;

  bool released_ = false;

 private:
  friend class NodeTurn;
  friend class SavedView;
  static void destroy(Node* node);

  std::atomic<uint32_t> refs_{1};
  std::atomic<uint32_t> runner_{0};  // the thread whose turn it is, 0 for none
  uint64_t sequence_;
  std::vector<Edge> edges_;
  std::vector<uint32_t> arg_start_;
  std::vector<ResultMeta> results_;
  const uint8_t* needed_ = nullptr;
  std::unique_ptr<NodeExtras> extras_;
};

/// Says where the running program stands; in anomaly mode every new node keeps the answer. Set once, by a
/// binding; null without one.
extern std::string (*describe_caller)();

/// The turn of this thread to run a node: others that come to the same node wait. Taken again by the thread
/// that has it (a backward inside a backward) it does nothing.
class NodeTurn {
 public:
  explicit NodeTurn(Node& node);
  ~NodeTurn() {
    if (taken_) node_.runner_.store(0, std::memory_order_release);
  }
  NodeTurn(const NodeTurn&) = delete;
  NodeTurn& operator=(const NodeTurn&) = delete;

 private:
  Node& node_;
  bool taken_;
};

template <class T, class... Args>
NodeRef<T> make_node(Args&&... args) {
  return NodeRef<T>(new T(std::forward<Args>(args)...));
}

}  // namespace rustorch
