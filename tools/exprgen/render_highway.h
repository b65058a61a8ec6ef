// Renders kernel requests as Highway code (one chunk kernel per compute type).
#pragma once
#include <string>

#include "expr/program.h"

namespace rustorch::exprgen {

/// Name of the generated function, e.g. "kern_gelu_f32".
std::string kernel_function_name(const expr::Program& program, ComputeType type);
/// The function's text for one real or integer compute type.
std::string render_highway(const expr::Program& program, ComputeType type);
/// Rough cost in vector instructions (the widest of the requested types), at most 255.
int kernel_cost(const expr::Program& program);

}  // namespace rustorch::exprgen
