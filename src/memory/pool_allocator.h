// PoolAllocator: the caching CPU allocator.
//
//  - Blocks up to 64 KiB come in 64 size classes (64-byte steps to 1 KiB, then 8 per doubling), from a cache
//  of
//    the calling thread (no lock), refilled from shared lists, which cut spans out of the large heap.
//  - Larger blocks come from LargeHeap: best fit, splitting and merging over 2 MiB-aligned huge-page regions,
//  so
//    that a freed 40 MB result is used again without page faults.
//  - What is cached is bounded: a thread keeps at most 4 MiB; after a large free, wholly free regions go back
//  to
//    the system while more than max(64 MiB, 2 x recent peak of live bytes) is reserved; trim() gives back all
//    it can.
// Statistics are exact for one thread; with several, the peak may miss up to 256 KiB per thread unless a
// limit is set. fork() is safe: the child has the blocks of the parent and can allocate and free.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "memory/allocator.h"
#include "memory/large_heap.h"

namespace rustorch {

struct ThreadCache;

/// Size classes of small blocks.
namespace size_class {
inline constexpr size_t kMaxSmall = size_t{64} << 10;
inline constexpr int kCount = 64;

/// Class of a size in 1..kMaxSmall.
inline int index(size_t bytes) {
  if (bytes <= 1024) return static_cast<int>((bytes - 1) / 64);
  const int log = 63 - __builtin_clzll(bytes - 1);
  return 16 + (log - 10) * 8 + static_cast<int>(((bytes - 1) >> (log - 3)) & 7);
}
/// Bytes of the blocks of a class.
constexpr size_t bytes(int index) {
  if (index < 16) return static_cast<size_t>(index + 1) * 64;
  const int log = 10 + (index - 16) / 8;
  return static_cast<size_t>(9 + (index - 16) % 8) << (log - 3);
}
}  // namespace size_class

class PoolAllocator final : public MemoryAllocator {
 public:
  struct Options {
    bool thread_cache = false;                ///< only for the process's default pool
    size_t cache_floor = size_t{64} << 20;    ///< never give regions back below this much reserved
    int64_t peak_window_ns = 10'000'000'000;  ///< "recent" is one to two of these
  };

  PoolAllocator();
  explicit PoolAllocator(const Options& options);
  /// Unmaps everything: no block may be live.
  ~PoolAllocator() override;

  void* allocate(size_t bytes) override;
  void deallocate(void* block, size_t bytes) noexcept override;
  const char* name() const override { return "pool"; }
  MemoryStats stats() const override;
  void reset_peak() override;
  void set_limit(size_t bytes) override;
  size_t limit() const override { return limit_.load(std::memory_order_relaxed); }
  /// Flushes this thread's cache, merges unused spans and returns all free memory (other threads' caches
  /// stay).
  size_t trim() override;

  /// Checks the internal structures; for tests.
  bool consistent() const;

 private:
  friend struct ThreadCache;
  friend struct ThreadCacheOwner;
  friend struct PoolForkHandlers;

  /// The free blocks of one class that no thread holds; capacity covers every block of the class.
  struct CentralList {
    std::vector<void*> blocks;
    size_t total = 0;  // blocks of this class in all spans
  };
  struct Span {
    char* start;
    size_t bytes;
    int cls;
  };

  void* allocate_small_shared(int cls, size_t bytes);
  void* allocate_large(size_t bytes);
  void deallocate_large(void* block, size_t bytes) noexcept;
  bool take_central(int cls, void** out, int count, int* got) noexcept;
  bool carve_span(int cls) noexcept;
  void give_central(int cls, void** blocks, int count) noexcept;
  void release_empty_spans() noexcept;
  void* heap_allocate(size_t bytes, bool* fresh) noexcept;
  int64_t live_bytes() const noexcept;
  bool within_limit(size_t bytes) const noexcept;
  void fold(ThreadCache* cache) const noexcept;
  void note_reserved() noexcept;
  size_t recent_peak(size_t live) noexcept;
  [[noreturn]] void fail(size_t bytes);
  ThreadCache* make_thread_cache();

  const Options options_;
  mutable std::atomic<int64_t> allocated_{0}, peak_{0};
  mutable std::atomic<uint64_t> num_allocs_{0}, num_frees_{0}, misses_{0};
  std::atomic<uint64_t> num_trims_{0};
  std::atomic<size_t> limit_{0}, reserved_{0}, peak_reserved_{0};
  std::atomic<int64_t> fold_limit_{0};

  // Lock order: caches, central, heap.
  mutable std::mutex caches_mutex_;
  ThreadCache* caches_ = nullptr;
  mutable std::mutex central_mutex_;
  CentralList central_[size_class::kCount];
  std::vector<Span> spans_;
  size_t central_bytes_ = 0;
  size_t central_bound_;
  mutable std::mutex heap_mutex_;
  LargeHeap heap_;
  size_t window_peak_[2] = {0, 0};
  int64_t window_start_ = 0;

  PoolAllocator* next_pool_ = nullptr;
};

/// The process-wide pool with thread caches. Never destroyed.
PoolAllocator* default_pool_allocator();

}  // namespace rustorch
