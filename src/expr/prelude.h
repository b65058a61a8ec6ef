// What the files of prelude bodies share (prelude.cc: elementary functions; prelude_special.cc: special
// ones).
#pragma once
#include <string>
#include <string_view>

#include "expr/compute_type.h"

namespace rustorch::expr {

/// A function that some language lacks, as text; null: none. The notation is described in prelude.cc.
struct Body {
  const char* function;
  const char* c;     // C-like languages
  const char* wgsl;  // WGSL
};

/// Body of a special function in C-like languages; null when there is none.
const char* special_body(std::string_view function);
/// Body of a table of special_tables.h as a function of one argument, for numbers of that type: Clenshaw's
/// sum of a Chebyshev expansion, Horner's of a polynomial. Empty when there is no such table.
std::string table_body(std::string_view name, ComputeType real_type);
/// Number of arguments of a helper that is no function of the language.
int helper_arity(std::string_view name);

}  // namespace rustorch::expr
