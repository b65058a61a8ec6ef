// Fast conversion of arrays between binary32 and the 16-bit floating types.
//
// Vectorised with run-time ISA dispatch. Every element gets exactly the value that the scalar constructors
// and conversion operators of include/rustorch/half.h give, NaNs included. Single-threaded; callers split the
// work.
#pragma once
#include <cstdint>

#include "rustorch/half.h"

namespace rustorch {

/// dst[i] = float(src[i]) for i < n. The arrays must not overlap.
void convert_f16_f32(const Half* src, float* dst, int64_t n);
/// dst[i] = Half(src[i]), rounded to nearest even.
void convert_f32_f16(const float* src, Half* dst, int64_t n);
/// dst[i] = float(src[i]).
void convert_bf16_f32(const BFloat16* src, float* dst, int64_t n);
/// dst[i] = BFloat16(src[i]), rounded to nearest even.
void convert_f32_bf16(const float* src, BFloat16* dst, int64_t n);

}  // namespace rustorch
