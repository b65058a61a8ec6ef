// Tables of the GPU dialects.
#include "expr/dialect.h"

#include <cmath>
#include <cstdio>
#include <cstring>

#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

constexpr Dialect kOpenCl = {"opencl",
                             {"float", "double", "int", "long", "float2", "double2"},
                             "bool",
                             "long",
                             "uint",
                             "ulong",
                             "static inline",
                             "f",
                             "INFINITY",
                             "NAN",
                             "(double)INFINITY",
                             "(double)NAN",
                             "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n",
                             "(%)",
                             false,
                             0};
constexpr Dialect kCuda = {"cuda",
                           {"float", "double", "int", "long long", "float2", "double2"},
                           "bool",
                           "long long",
                           "unsigned int",
                           "unsigned long long",
                           "__device__ inline",
                           "f",
                           "__int_as_float(0x7f800000)",
                           "__int_as_float(0x7fc00000)",
                           "__longlong_as_double(0x7ff0000000000000LL)",
                           "__longlong_as_double(0x7ff8000000000000LL)",
                           "",
                           "make_%",
                           false,
                           1};
constexpr Dialect kMetal = {"metal",    {"float", nullptr, "int", "long", "float2", nullptr},
                            "bool",     "long",
                            "uint",     "ulong",
                            "inline",   "f",
                            "INFINITY", "NAN",
                            nullptr,    nullptr,
                            "",         "%",
                            false,      2};
// No infinities or nans in WGSL's constant expressions: the prelude makes them from bits at run time.
constexpr Dialect kWgsl = {"wgsl",
                           {"f32", nullptr, "i32", nullptr, nullptr, nullptr},
                           "bool",
                           "i32",
                           "u32",
                           nullptr,
                           "fn",
                           "f",
                           "rt_bits(0x7f800000u)",
                           "rt_bits(0x7fc00000u)",
                           nullptr,
                           nullptr,
                           "",
                           nullptr,
                           true,
                           3};

// Builtins of each language for real arguments; null = prelude.
struct Builtin {
  const char* function;
  const char* names[4];  // opencl, cuda, metal, wgsl
};
constexpr Builtin kBuiltins[] = {
    {"abs", {"fabs", "fabs", "fabs", "abs"}},
    {"floor", {"floor", "floor", "floor", "floor"}},
    {"ceil", {"ceil", "ceil", "ceil", "ceil"}},
    {"round", {"rint", "rint", "rint", "round"}},
    {"trunc", {"trunc", "trunc", "trunc", "trunc"}},
    {"copysign", {"copysign", "copysign", "copysign", nullptr}},
    {"nextafter", {"nextafter", "nextafter", "nextafter", nullptr}},
    {"sqrt", {"sqrt", "sqrt", "sqrt", "sqrt"}},
    {"cbrt", {"cbrt", "cbrt", nullptr, nullptr}},
    {"pow", {"pow", "pow", nullptr, nullptr}},
    {"exp", {"exp", "exp", "exp", "exp"}},
    {"exp2", {"exp2", "exp2", "exp2", "exp2"}},
    {"expm1", {"expm1", "expm1", nullptr, nullptr}},
    {"log", {"log", "log", "log", "log"}},
    {"log2", {"log2", "log2", "log2", "log2"}},
    {"log10", {"log10", "log10", "log10", nullptr}},
    {"log1p", {"log1p", "log1p", nullptr, nullptr}},
    {"sin", {"sin", "sin", "sin", "sin"}},
    {"cos", {"cos", "cos", "cos", "cos"}},
    {"tan", {"tan", "tan", "tan", "tan"}},
    {"asin", {"asin", "asin", "asin", "asin"}},
    {"acos", {"acos", "acos", "acos", "acos"}},
    {"atan", {"atan", "atan", "atan", "atan"}},
    {"sinh", {"sinh", "sinh", "sinh", "sinh"}},
    {"cosh", {"cosh", "cosh", "cosh", "cosh"}},
    {"tanh", {"tanh", "tanh", nullptr, nullptr}},
    {"asinh", {"asinh", "asinh", "asinh", "asinh"}},
    {"acosh", {"acosh", "acosh", "acosh", "acosh"}},
    {"atanh", {"atanh", "atanh", "atanh", "atanh"}},
    {"atan2", {"atan2", "atan2", "atan2", "atan2"}},
    {"hypot", {"hypot", "hypot", nullptr, nullptr}},
    {"erf", {"erf", "erf", nullptr, nullptr}},
    {"erfc", {"erfc", "erfc", nullptr, nullptr}},
    {"lgamma", {"lgamma", "lgamma", nullptr, nullptr}},
    {"fmod", {"fmod", "fmod", "fmod", nullptr}},
    {"signbit", {"signbit", "signbit", "signbit", nullptr}},
    {"erfinv", {nullptr, "erfinv", nullptr, nullptr}},
    {"erfcx", {nullptr, "erfcx", nullptr, nullptr}},
    {"bessel_j0", {nullptr, "j0", nullptr, nullptr}},
    {"bessel_j1", {nullptr, "j1", nullptr, nullptr}},
    {"bessel_y0", {nullptr, "y0", nullptr, nullptr}},
    {"bessel_y1", {nullptr, "y1", nullptr, nullptr}},
};

}  // namespace

const Dialect& opencl_dialect() { return kOpenCl; }
const Dialect& cuda_dialect() { return kCuda; }
const Dialect& metal_dialect() { return kMetal; }
const Dialect& wgsl_dialect() { return kWgsl; }

bool dialect_supports(const Dialect& dialect, ComputeType type) {
  return dialect.types[static_cast<int>(type)] != nullptr;
}

const char* builtin_name(const Dialect& dialect, std::string_view function) {
  for (const Builtin& b : kBuiltins)
    if (function == b.function) return b.names[dialect.column] ? b.names[dialect.column] : "";
  return "";
}

std::string dialect_number(const Dialect& dialect, double v, ComputeType real_type) {
  const bool single = real_type == ComputeType::f32;
  if (std::isnan(v)) return single ? dialect.nan_f32 : dialect.nan_f64;
  if (single) v = static_cast<float>(v);
  if (std::isinf(v))
    return cat(v < 0 ? "(-" : "", single ? dialect.infinity_f32 : dialect.infinity_f64, v < 0 ? ")" : "");
  char text[64];
  std::snprintf(text, sizeof text, single ? "%.9g" : "%.17g", v);
  std::string s = text;
  if (s.find_first_of(".e") == std::string::npos) s += ".0";
  if (single) s += dialect.float_suffix;
  return v < 0 || std::signbit(v) ? "(" + s + ")" : s;
}

}  // namespace rustorch::expr
