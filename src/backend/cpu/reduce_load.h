// Loading any dtype, with any stride, into a contiguous tile of a compute type, and storing results back.
//
// This is what lets the reduction kernels know only contiguous blocks of five types.
#pragma once
#include <cstdint>

#include "rustorch/dtype.h"

namespace rustorch::cpu {

/// What is taken from an element: its value, whether it differs from zero (1 or 0), its absolute value, or
/// the bits of a float's double (int64_t only; of an integer its value).
enum class LoadMap : uint8_t { Value, NonZero, Abs, Bits };

/// dst[i] = map(src[i * stride]) for i < n; stride counts source elements.
template <class T>
using LoadFn = void (*)(const void* src, int64_t stride, T* dst, int64_t n);

/// T: float, double, int32_t, int64_t, uint8_t. Complex sources have no Value map: null is returned.
template <class T>
LoadFn<T> loader(DType source, LoadMap map);

/// out[i * stride] = values[i] converted to t (complex: real part). W: double, int64_t.
template <class W>
void store_values(DType t, void* out, int64_t stride, const W* values, int64_t n);

}  // namespace rustorch::cpu
