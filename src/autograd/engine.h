// The backward engine: runs the nodes that lead from roots to what was asked for, newest first, on the
// calling thread. The order depends only on the graph, so results are repeatable.
#pragma once
#include <vector>

#include "autograd/node.h"

namespace rustorch {

struct BackwardRequest {
  std::vector<Edge> roots;
  std::vector<Tensor> grads;       // one per root
  std::vector<Edge> inputs;        // empty: accumulate into all leaves
  bool accumulate_inputs = false;  // inputs given, but their gradient goes to .grad
  bool keep_graph = false;
  bool create_graph = false;
};

/// Returns the gradients of request.inputs (undefined where none arrived).
std::vector<Tensor> run_backward(BackwardRequest request);

/// Number of the backward pass that this thread is in (the innermost one), 0 outside of one. Never used
/// twice.
uint64_t current_backward();
/// Whether the pass that this thread is in reaches the node and runs it. False outside of one.
bool current_backward_runs(Node* node);

}  // namespace rustorch
