// Renders kernels marked `tensor yes` as functions that call public tensor ops, so that they can be
// differentiated again (double backward).
#pragma once
#include <string>
#include <vector>

#include "expr/program.h"

namespace rustorch::exprgen {

/// Declarations: `Tensor NAME_tensor(const Tensor& in0, ..., const Scalar& param0, ...);`, one per output
/// (NAME_tensor_0, NAME_tensor_1, ... when there are several).
std::string render_tensor_declarations(const expr::Program& program);
/// The bodies, with common subexpressions shared.
std::string render_tensor_functions(const expr::Program& program);

}  // namespace rustorch::exprgen
