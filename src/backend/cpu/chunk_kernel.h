// Types shared by the generated pointwise kernels and the loop planner that calls them.
//
// A chunk kernel works on contiguous runs of its compute type. It may be called with any n >= 0, unaligned
// pointers, and an output that is exactly one of the inputs; an element's bits never depend on its position.
// Bool operands are bytes 0/1. Kernels never throw, allocate, or trap, and may run on any thread.
#pragma once
#include <cstdint>

#include "expr/compute_type.h"

namespace rustorch {

/// A scalar argument. Kind F reads f; I and B read i; T reads f (real), i (integer) or c (complex: re, im).
union ScalarParam {
  double f;
  int64_t i;
  double c[2];
};

/// Elements that a kernel reads of an input that is spread (no round of a vector loop is longer).
inline constexpr int64_t kSpreadElements = 64;
/// Bit of `how`: outputs begin at a cache line and are written around the caches, by kernels that know how
/// to.
inline constexpr uint32_t kStreamed = uint32_t{1} << 31;

/// Bit k of `how` is set where input k is spread: kSpreadElements equal numbers that are read again and
/// again, a number beside a run. (A block as long as the run would be read beside it, and loads of a second
/// stream wait for stores to far memory.)
using ChunkKernel = void (*)(void* const* outs, const void* const* ins, int64_t n, const ScalarParam* params,
                             uint32_t how);

/// What is known about one generated kernel. All strings are static.
struct KernelInfo {
  const char* name;
  /// The request's text; expr::parse_request(request) gives the formula for other devices.
  const char* request;
  /// By ComputeType; null where the kernel was not requested for that type.
  ChunkKernel fn[kNumComputeTypes];
  uint8_t nin, nout, nparam;
  /// Rough number of vector instructions per vector of elements.
  uint8_t cost;
  /// Index of the input whose zeros the caller must report for integer types; -1 when none.
  int8_t check_zero;
  /// One letter per operand: T, R, B, I (inputs), T, R, B (outputs), T, F, I, B (parameters).
  const char* in_kinds;
  const char* out_kinds;
  const char* param_kinds;
};

/// Kernels that are scalar loops: id of the row, and the types that have one. The last id is 0xFFFF.
struct ScalarKernels {
  uint16_t id;
  ChunkKernel fn[kNumComputeTypes];
};

}  // namespace rustorch
