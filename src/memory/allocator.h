// MemoryAllocator: the one way to get memory for tensors and kernel scratch space.
//
// Every block is at least 64-byte aligned and given back to the allocator it came from, with the size it was
// asked for. Allocators are safe to use from any thread and a block may be freed by another thread than the
// one that allocated it. A request of 0 bytes gives nullptr. Contents are not initialised. Failure throws
// RusTorchError of kind OutOfMemory; deallocate never throws.
#pragma once
#include <cstddef>

#include "rustorch/memory.h"

namespace rustorch {

class MemoryAllocator {
 public:
  virtual ~MemoryAllocator() = default;

  /// A new block of `bytes` bytes. Throws OutOfMemory when the system has no more or the limit is reached.
  virtual void* allocate(size_t bytes) = 0;
  /// Gives back a block got from allocate(bytes) of this allocator.
  virtual void deallocate(void* block, size_t bytes) noexcept = 0;
  /// Short name for messages, e.g. "pool".
  virtual const char* name() const = 0;

  virtual MemoryStats stats() const = 0;
  /// Makes the peaks equal to the present values.
  virtual void reset_peak() = 0;
  /// Upper bound for the bytes allocated; 0 means none. Blocks that are live already stay valid.
  virtual void set_limit(size_t bytes) = 0;
  virtual size_t limit() const = 0;
  /// Gives cached memory back to the operating system; returns how many bytes (empty_cache()).
  virtual size_t trim() = 0;
};

/// The process's allocator for CPU memory: a PoolAllocator, or a SystemAllocator when the environment
/// variable RUSTORCH_CPU_CACHE is 0 at first use. Never null, never destroyed.
MemoryAllocator* cpu_allocator();
/// Replaces it for later allocations (nullptr: the default again) and returns the one before. The caller
/// keeps the new allocator alive while blocks of it are live; whoever stores a block must remember its
/// allocator.
MemoryAllocator* set_cpu_allocator(MemoryAllocator* allocator);

/// Throws the OutOfMemory error of an allocator: names the request, the bytes in use, the limit and the
/// remedy.
[[noreturn]] void raise_out_of_memory(const char* allocator, size_t bytes, const MemoryStats& stats,
                                      size_t limit);

}  // namespace rustorch
