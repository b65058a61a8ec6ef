// Rendering of programs as scalar functions in the languages of GPUs.
//
// A dialect is a table of strings plus a map of function names (dialect.cc); what a language lacks comes from
// a prelude of plain functions (prelude.cc). Rendering is pure text work: no device is needed.
//
//   const Dialect& cl = opencl_dialect();
//   std::string source = dialect_prelude(cl, ComputeType::f32, used_functions(p, cl, ComputeType::f32)) +
//                        render_scalar_function(p, cl, ComputeType::f32, "gelu");
//   // float gelu(float self) { ... }
#pragma once
#include <set>
#include <string>
#include <string_view>

#include "expr/program.h"

namespace rustorch::expr {

struct Dialect {
  const char* name;
  /// Element types by ComputeType; null where the language has none.
  const char* types[kNumComputeTypes];
  const char* bool_type;
  const char* int64_type;  // type of I operands
  const char* unsigned_32;
  const char* unsigned_64;
  const char* qualifier;     // before a function's return type
  const char* float_suffix;  // of f32 literals
  const char* infinity_f32;
  const char* nan_f32;
  const char* infinity_f64;
  const char* nan_f64;
  const char* header_f64;    // what must precede code that uses f64
  const char* make_complex;  // "%" = the complex type, then (re, im); null: no complex numbers
  bool wgsl;                 // declarations and selection are written as in WGSL
  int column;                // of the function-name map
};

const Dialect& opencl_dialect();
const Dialect& cuda_dialect();
const Dialect& metal_dialect();
const Dialect& wgsl_dialect();

/// Whether programs of this compute type can be rendered at all.
bool dialect_supports(const Dialect& dialect, ComputeType type);

/// The function `T name(inputs..., params...)` for one output of the program. Input kinds: T and R are passed
/// in their types, B as bool, I as int64; parameters: T and F in the compute type (F: its real type), I as
/// int64, B as bool. Throws NotImplemented when the language lacks a function and there is no prelude body
/// for it.
std::string render_scalar_function(const Program& program, const Dialect& dialect, ComputeType type,
                                   std::string_view name, size_t output = 0);

/// Names of the prelude functions that the rendered function calls (all outputs).
std::set<std::string> used_functions(const Program& program, const Dialect& dialect, ComputeType type);

/// Definitions of prelude functions and of those they call, in order. Sets of several programs of one compute
/// type can be united. In C-like languages every definition is guarded, so preludes can be concatenated; in
/// WGSL use one compute type and one prelude a source.
std::string dialect_prelude(const Dialect& dialect, ComputeType type, const std::set<std::string>& used);

/// Spelling of a function in a dialect for a domain: a builtin name, or "" when it needs a prelude body.
const char* builtin_name(const Dialect& dialect, std::string_view function);
/// Body of a prelude function ("" when there is none), in C or WGSL.
const char* prelude_body(const Dialect& dialect, std::string_view function, ValueType domain);

/// A number in the dialect's notation.
std::string dialect_number(const Dialect& dialect, double v, ComputeType real_type);

}  // namespace rustorch::expr
