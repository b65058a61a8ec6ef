// Renders kernel requests as scalar C++ for the complex compute types.
#pragma once
#include <string>

#include "expr/program.h"

namespace rustorch::exprgen {

/// The chunk kernel's text for c64 or c128.
std::string render_complex(const expr::Program& program, ComputeType type);

}  // namespace rustorch::exprgen
