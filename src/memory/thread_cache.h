// ThreadCache: the free small blocks and unfolded statistics of one thread; internal to PoolAllocator.
//
// Only the owning thread changes a cache. The counters are atomics, written with plain stores, so that
// stats() can read them from elsewhere. Caches hang in a list that PoolAllocator::caches_mutex_ guards.
#pragma once
#include <atomic>
#include <cstdint>

#include "memory/pool_allocator.h"

namespace rustorch {

struct ThreadCache {
  /// Blocks of a class a thread may hold: at most 64, and at most 256 KiB.
  static constexpr int capacity(int cls) {
    const size_t fit = (size_t{256} << 10) / size_class::bytes(cls);
    return fit > 64 ? 64 : static_cast<int>(fit);
  }
  static constexpr size_t kMaxBytes = size_t{4} << 20;

  struct Bin {
    int count = 0;
    int capacity = 0;
    void** blocks = nullptr;
  };

  Bin bins[size_class::kCount];
  size_t bytes = 0;                    // held in the bins
  std::atomic<int64_t> delta{0};       // live bytes since the last fold
  std::atomic<int64_t> delta_peak{0};  // its maximum since the last fold
  std::atomic<uint64_t> allocs{0}, frees{0}, misses{0};
  PoolAllocator* pool = nullptr;
  ThreadCache* next = nullptr;
  ThreadCache* prev = nullptr;
  void** storage = nullptr;

  /// Adds without an atomic read-modify-write: there is one writer.
  template <class T, class U>
  static void add(std::atomic<T>& counter, U value) {
    counter.store(counter.load(std::memory_order_relaxed) + static_cast<T>(value), std::memory_order_relaxed);
  }
};

}  // namespace rustorch
