// Renders kernels marked `tensor` as functions that call public tensor ops, so that they can be
// differentiated again (double backward, differentiable optimizer steps).
#pragma once
#include <string>
#include <vector>

#include "expr/program.h"

namespace rustorch::exprgen {

/// Declaration: `Tensor NAME_tensor(const Tensor& in0, ..., const Scalar& param0, ...);`, or for `tensor
/// list` `std::vector<Tensor> NAME_tensor(const Tensor* ins, const Scalar* params);`.
std::string render_tensor_declaration(const expr::Program& program);
/// The body, with common subexpressions shared.
std::string render_tensor_function(const expr::Program& program);

}  // namespace rustorch::exprgen
