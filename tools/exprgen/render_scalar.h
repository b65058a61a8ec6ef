// Renders kernel requests as scalar C++ loops: the complex compute types, and formulas of scalar functions.
#pragma once
#include <string>

#include "expr/program.h"

namespace rustorch::exprgen {

/// Whether the kernel of a wanted type is a scalar loop: complex, or with a function marked `scalar`.
bool is_scalar_kernel(const expr::Program& program, ComputeType type);
/// The chunk kernel's text; float kernels compute in double.
std::string render_scalar(const expr::Program& program, ComputeType type);

}  // namespace rustorch::exprgen
