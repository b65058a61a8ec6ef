// Memory of tensors: what is used, what is cached, and a limit. One allocator per device; all calls are safe
// from any thread.
#pragma once
#include <cstddef>
#include <cstdint>

#include "rustorch/device.h"

namespace rustorch {

/// Counters of one allocator. Bytes "allocated" are those asked for by live blocks; "reserved" are those held
/// from the operating system, cached blocks included.
struct MemoryStats {
  size_t allocated = 0;
  size_t reserved = 0;
  size_t peak_allocated = 0;
  size_t peak_reserved = 0;
  uint64_t num_allocs = 0;
  uint64_t num_frees = 0;
  uint64_t cache_hits = 0;    ///< requests served from memory that was freed before
  uint64_t cache_misses = 0;  ///< requests that needed memory never handed out before
  uint64_t num_trims = 0;     ///< times that cached memory was given back to the operating system
};

/// Counters of a device's allocator.
MemoryStats memory_stats(Device device = {});
/// Makes the peaks of a device's allocator equal to the present values.
void reset_peak_memory_stats(Device device = {});
/// Gives a device's cached memory back to the system; returns how many bytes.
size_t empty_cache(Device device = {});
/// Upper bound for the bytes of live tensors on a device, 0 for none; an allocation above it throws
/// OutOfMemory.
void set_memory_limit(size_t bytes, Device device = {});

}  // namespace rustorch
