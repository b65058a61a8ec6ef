// The one table of functions of the expression language: type rule, domains, derivative, definition in terms
// of other functions, host implementation, name on tensors. A new function is one row in functions.cc
// (plus a SIMD body when it has no definition).
#pragma once
#include <complex>
#include <cstdint>
#include <string_view>

namespace rustorch::expr {

using FunctionId = uint16_t;

/// Type of a value. For a real or integer compute type Real/Int is the compute type itself; for a complex
/// one Complex is the compute type and Real the type of its parts.
enum class ValueType : uint8_t { Bool, Int, Real, Complex };

/// How the result type follows from the arguments.
enum class TypeRule : uint8_t {
  Arith,    // arguments unified; result of the same type
  Float,    // as Arith, but integers are refused
  ToReal,   // as Arith, but complex gives real
  Compare,  // arguments unified; result Bool
  Test,     // one argument; result Bool
  Logic,    // arguments become Bool; result Bool
  Bits,     // Int or Bool
  Where,    // (Bool, T, T) -> T
  Cast,     // made by the builder only
};

/// Row of the table. Text fields are formulas in x, y, z (the arguments) and r (the result).
struct FunctionInfo {
  const char* name;
  uint8_t arity;
  TypeRule rule;
  /// Definitions per domain: nullptr = primitive (needs a host and a device body), "" = not available.
  const char* real_def;
  const char* int_def;
  const char* complex_def;
  /// Partial derivatives; nullptr = not differentiable, "0" = zero everywhere.
  const char* d[3];
  /// Host implementations (null where the domain has a definition or is not available).
  double (*real)(double, double, double);
  int64_t (*integer)(int64_t, int64_t, int64_t);
  std::complex<double> (*complex)(std::complex<double>, std::complex<double>, std::complex<double>);
  /// Name of the public tensor op with the same meaning; nullptr = expand the definition.
  const char* tensor_name;
  /// Rough cost in vector instructions (decides unrolling).
  uint8_t cost;
  /// Only the host body exists (host_math::NAME): kernels that call it are scalar loops in double, compiled
  /// once for the base instruction set.
  bool scalar = false;
};

/// Functions the code itself refers to, in table order.
enum Fn : FunctionId {
  kConst,
  kInput,
  kParam,  // leaves
  kToBool,
  kToInt,
  kToReal,
  kToComplex,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kNeg,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kAnd,
  kOr,
  kNot,
  kXor,
  kBitAnd,
  kBitOr,
  kBitXor,
  kBitNot,
  kShl,
  kShr,
  kWhere,
  kFirstNamed,  // from here on the table order is free
};

/// Number of rows.
FunctionId function_count();
const FunctionInfo& function_info(FunctionId id);
/// Row of a name of the language; -1 when there is none.
int find_function(std::string_view name);

}  // namespace rustorch::expr
