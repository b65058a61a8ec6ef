// Tiles: moving runs of elements between tensors of any dtype and stride and small contiguous buffers of a
// compute type. A tile is at most kTileElements long, so that it stays in the first-level cache.
#pragma once
#include <cstdint>

#include "expr/compute_type.h"
#include "iter/loop_plan.h"
#include "rustorch/dtype.h"

namespace rustorch::cpu {

inline constexpr int64_t kTileElements = 512;

/// The dtype whose memory form equals a compute type: F32 -> float32, ...
DType dtype_of(ComputeType type);
inline size_t compute_size(ComputeType type) {
  constexpr uint8_t kSizes[] = {4, 8, 4, 8, 8, 16};
  return kSizes[static_cast<int>(type)];
}

/// dst[i] = src[i * stride] converted to the compute type; stride counts elements of src_type.
void load_run(ComputeType type, void* dst, DType src_type, const void* src, int64_t stride, int64_t n);
/// dst[i * stride] = src[i] converted to dst_type (integers wrap, bool is != 0, complex to real takes the
/// real part).
void store_run(ComputeType type, const void* src, DType dst_type, void* dst, int64_t stride, int64_t n);
/// Bytes 0/1 from any dtype (a mask operand) and back.
void load_mask(uint8_t* dst, DType src_type, const void* src, int64_t stride, int64_t n);
void store_mask(const uint8_t* src, DType dst_type, void* dst, int64_t stride, int64_t n);

}  // namespace rustorch::cpu
