// Fourier transforms of rows and columns of arrays: cuts the work by shape, in parallel.
//
// Unnormalised; every result is multiplied by scale. Complex numbers are pairs of T; strides count complex
// numbers unless they are of real rows. dst may be src where both have complex rows. Throws OutOfMemory.
#pragma once
#include <cstdint>

namespace rustorch::cpu::fft {

/// count transforms of n neighbouring complex numbers.
template <class T>
void complex_rows(int64_t n, int64_t count, const T* src, int64_t src_stride, T* dst, int64_t dst_stride,
                  bool inverse, T scale);

/// Transforms along the middle dimension of a contiguous [outer, n, inner] array.
template <class T>
void complex_columns(int64_t n, int64_t outer, int64_t inner, const T* src, T* dst, bool inverse, T scale);

/// [outer, n, inner] real -> [outer, n / 2 + 1, inner] complex, forward.
template <class T>
void real_forward(int64_t n, int64_t outer, int64_t inner, const T* src, T* dst, T scale);

/// [outer, n / 2 + 1, inner] complex -> [outer, n, inner] real, inverse.
template <class T>
void real_inverse(int64_t n, int64_t outer, int64_t inner, const T* src, T* dst, T scale);

}  // namespace rustorch::cpu::fft
