// The common language of the hand-written kernels, and the headers that make it each device's own.
//
// A kernel is written once, in the spelling of OpenCL C restricted to what every C-like GPU language can be
// made to understand with a header of macros, types and functions (language.cc):
//   kernel void run(...)           a kernel of any group size; RT_GROUP(x, y) void run(...): of just that one
//   global T*, local T*            pointers; RT_SHARED T a[n]: memory of a group, declared in the kernel
//   get_global_id, get_local_id, get_group_id, barrier(CLK_LOCAL_MEM_FENCE), atomic_min
//   uchar ... ulong, half, float2, double2, ulong2 (a 16-byte element that is only moved)
//   RT_PAIR(T, x, y)               a float2 or double2; (T)(x) puts x into both parts
//   +, -, * and / of pairs and numbers work part by part; rt_dot(a, b), convert_float2, convert_double2
//   min, max, fmin, fmax, fma, mul_hi, clamp, isnan, isinf, isfinite, exp, log ... cospi, sinpi, tanpi
//   rt_from_bf16, rt_to_bf16, vload_half, vstore_half_rte
// Products and sums are never contracted.
#pragma once
#include <string>

#include "expr/dialect.h"

namespace rustorch::kernels {

/// A program of the common language as one of the dialect's: its header, and the text with the words taken
/// out that no header can take out. Throws NotImplemented for a language without a header.
std::string program_text(const expr::Dialect& dialect, const std::string& text);

}  // namespace rustorch::kernels
