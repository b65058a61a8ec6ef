// Optimizer steps that an entry of ops/optim.ops writes as formulas: one kernel reads and writes the elements
// of all lists, or, where autograd records, the same formulas run as tensor operators. The generated wrapper
// calls step_lists().
#pragma once
#include <vector>

#include "backend/families.h"
#include "rustorch/tensor.h"

namespace rustorch {

struct OptimizerStep {
  const char* name;
  const KernelId* kernel;
  std::vector<Tensor> (*formulas)(const Tensor* elements, const Scalar* numbers);  // of what is written
  const char* const* lists;  // names of the arguments; the first holds the parameters
  int nlists;
  unsigned written;  // bit i: the formulas update list i
};

/// One pass over each parameter with its gradient and states; differentiable where gradients are recorded and
/// one of the tensors requires one, or is inside of a transform. Else all memory is taken before anything is
/// written, so that a step that fails for want of memory changed nothing. 16-bit elements are computed in
/// float. Throws Value, Shape or DType unless the lists have one tensor of the parameter's shape and dtype
/// each.
void step_lists(const OptimizerStep& step, const TensorList* lists, const Scalar* numbers, int nnumbers);

/// The checks of step_lists(), and memory of their own for the CPU tensors of the lists that are written
/// (bit i of `written`: lists[i]).
void prepare_lists(const char* op, const char* const* names, const TensorList* lists, int nlists,
                   unsigned written);

}  // namespace rustorch
