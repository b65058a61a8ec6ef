// Optimizer steps that an entry of ops/optim.ops writes as formulas: one kernel reads and writes the elements
// of all lists. The generated wrapper calls step_lists().
#pragma once
#include "backend/families.h"
#include "rustorch/tensor.h"

namespace rustorch {

struct OptimizerStep {
  const char* name;
  const KernelId* kernel;
  const char* const* lists;  // names of the arguments; the first holds the parameters
  int nlists;
  unsigned written;  // bit i: the formulas update list i
};

/// One pass over each parameter with its gradient and states. All memory is taken before anything is written,
/// so that a step that fails for want of memory changed nothing. 16-bit elements are computed in float.
/// Throws Value, Shape or DType unless the lists have one tensor of the parameter's shape and dtype each.
void step_lists(const OptimizerStep& step, const TensorList* lists, const Scalar* numbers, int nnumbers);

/// Throws DType unless all are floating-point tensors.
void check_params(const char* op, TensorList params);
/// Throws unless `list` has a tensor of its shape and dtype for every parameter.
void check_states(const char* op, TensorList params, TensorList list, const char* name);

}  // namespace rustorch
