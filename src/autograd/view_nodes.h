// Nodes that keep the history of views and their bases in step with in-place writes.
#pragma once
#include "autograd/meta.h"

namespace rustorch {

/// The history of a view derived again from its base's current history (as_strided of the base).
NodeRef<Node> view_of_base_node(const Tensor& base, const Tensor& view);

/// History of a base after fn wrote into a view of it: outside of the view the gradient passes, inside fn
/// decides.
NodeRef<Node> copy_slices_node(const Tensor& base, const Tensor& view, NodeRef<Node> fn);

/// For a write into a view whose node saved its result, while the backward of the write is recorded: gives
/// that result the view of the written base as history, since the write's own node is not in the graph. False
/// when `inner` is not such a node at work in this thread.
bool set_written_view_edge(const Node* inner, const Tensor& result);

}  // namespace rustorch
