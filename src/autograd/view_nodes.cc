#include "autograd/view_nodes.h"

#include "core/layout_algebra.h"
#include "autograd/transform_call.h"
#include "ops/view_grad.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {

namespace {

/// Geometry of a tensor inside its storage.
struct Geometry {
  std::vector<int64_t> sizes, strides;
  int64_t offset;
  explicit Geometry(const Tensor& t)
      : sizes(t.sizes().vec()), strides(t.strides().vec()), offset(t.storage_offset()) {}
  /// The same memory as real numbers: what view_as_real gives.
  void to_real() {
    for (int64_t& s : strides) s *= 2;
    offset *= 2;
    sizes.push_back(2);
    strides.push_back(1);
  }
};

/// A base and a view of it, both in elements of one size: when one is complex and the other real, of real
/// ones.
struct Places {
  Geometry base, view;
  bool split_base, split_view;  // which of them is taken apart into real numbers
  Places(const Tensor& b, const Tensor& v)
      : base(b),
        view(v),
        split_base(is_complex(b.dtype()) && !is_complex(v.dtype())),
        split_view(!is_complex(b.dtype()) && is_complex(v.dtype())) {
    if (split_base) base.to_real();
    if (split_view) view.to_real();
  }
  int64_t distance() const { return view.offset - base.offset; }
  /// The view, at its place in a buffer of the base's geometry.
  Tensor in(const Tensor& buffer) const {
    const Tensor part = buffer.as_strided(view.sizes, view.strides, distance());
    return split_view ? view_as_complex(part) : part;
  }
};

// A gradient laid out like the base, so that views can be taken of it with the base's own strides. A base
// with holes or overlaps gets a plain buffer that spans its storage range.
Tensor base_buffer(const Geometry& base, const Tensor& like) {
  int64_t reach = 1;
  for (size_t d = 0; d < base.sizes.size(); ++d) {
    if (base.sizes[d] == 0) return transform_zeros(base.sizes, like);
    reach += (base.sizes[d] - 1) * base.strides[d];
  }
  return transform_zeros({reach}, like).as_strided(base.sizes, base.strides, 0);
}

struct ViewOfBaseBackward final : Node {
  Places at;
  explicit ViewOfBaseBackward(Places places) : at(std::move(places)) {}
  const char* name() const override { return "AsStridedBackward0"; }
  void apply(Tensor* grads, Tensor* out) override {
    if (!wants_arg(0)) return;
    const Tensor g = at.split_view ? view_as_real(grads[0]) : grads[0];
    const Tensor all = spread(g);
    out[0] = at.split_base ? view_as_complex(all) : all;
  }

 private:
  Tensor spread(const Tensor& g) const {
    if (may_overlap(at.view.sizes, at.view.strides))  // several elements of the view are one of the base
      return as_strided_backward(g, at.base.sizes, at.base.strides, 0, at.view.sizes, at.view.strides,
                                 at.distance());
    Tensor all = base_buffer(at.base, g);
    if (GradMode::is_enabled())
      return as_strided_scatter(all, g, at.view.sizes, at.view.strides, at.distance());
    all.as_strided(at.view.sizes, at.view.strides, at.distance()).copy_(g);
    return all;
  }
};

struct CopySlices;
thread_local CopySlices* running = nullptr;  // the one whose inner node runs in this thread

struct CopySlices final : Node {
  Places at;
  NodeRef<Node> fn;
  CopySlices(const Tensor& b, const Tensor& v, NodeRef<Node> f) : at(b, v), fn(std::move(f)) {}
  const char* name() const override { return "CopySlices"; }
  void release_saved() override { fn->release_saved(); }
  void apply(Tensor* grads, Tensor* out) override {
    const Tensor g = at.split_base ? view_as_real(grads[0]) : grads[0];
    Tensor all = base_buffer(at.base, g);
    all = all.copy_(g);
    Tensor slice = at.in(all);
    Tensor inner = slice.clone();
    std::vector<Tensor> results(fn->edges().size());
    std::vector<uint8_t> needed(fn->edges().size());
    for (size_t e = 0; e < needed.size(); ++e) needed[e] = e == 0 || wants_edge(e);
    {
      struct Scope {
        CopySlices* before;
        const uint8_t* needed;
        Scope(CopySlices* now, const uint8_t* n) : before(running), needed(now->fn->set_needed(n)) {
          running = now;
        }
        ~Scope() {
          running->fn->set_needed(needed);
          running = before;
        }
      } scope(this, needed.data());
      fn->apply(&inner, results.data());
    }
    for (size_t e = 0; e < results.size(); ++e) {
      if (e == 0) {  // edge 0 of the inner node is the written view itself: its gradient replaces the slice
        if (results[0].defined())
          slice.copy_(results[0]);
        else
          slice.zero_();
        out[0] = at.split_base ? view_as_complex(all) : all;
      } else if (wants_edge(e)) {
        out[e] = results[e];
      }
    }
  }
};

}  // namespace

NodeRef<Node> view_of_base_node(const Tensor& base, const Tensor& view) {
  NodeRef<Node> node = NodeRef<Node>(new ViewOfBaseBackward(Places(base, view)));
  node->add_input(base);
  node->add_result(view);
  return node;
}

NodeRef<Node> copy_slices_node(const Tensor& base, const Tensor& view, NodeRef<Node> fn) {
  NodeRef<Node> node = NodeRef<Node>(new CopySlices(base, view, fn));
  node->add_input(base);
  for (size_t e = 1; e < fn->edges().size(); ++e) node->add_edge(fn->edges()[e]);
  node->add_result(base);
  return node;
}

bool set_written_view_edge(const Node* inner, const Tensor& result) {
  if (running == nullptr || running->fn.get() != inner) return false;
  NodeRef<Node> node = NodeRef<Node>(new ViewOfBaseBackward(running->at));
  node->add_edge({NodeRef<Node>::share(running), 0});
  node->add_result(result);
  set_gradient_edge(result, node, 0);
  return true;
}

}  // namespace rustorch
