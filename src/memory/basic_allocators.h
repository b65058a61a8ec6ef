// Allocators without a cache (system, aligned) and the one that fails on purpose, for tests.
//
// CountingAllocator does the statistics and the limit for allocators that pass each request on.
#pragma once
#include <atomic>

#include "memory/allocator.h"

namespace rustorch {

/// Statistics and limit over two primitive operations.
class CountingAllocator : public MemoryAllocator {
 public:
  void* allocate(size_t bytes) final;
  void deallocate(void* block, size_t bytes) noexcept final;
  MemoryStats stats() const final;
  void reset_peak() final;
  void set_limit(size_t bytes) final { limit_.store(bytes, std::memory_order_relaxed); }
  size_t limit() const final { return limit_.load(std::memory_order_relaxed); }
  size_t trim() override { return 0; }

 protected:
  /// nullptr when there is no memory.
  virtual void* get(size_t bytes) noexcept = 0;
  virtual void put(void* block, size_t bytes) noexcept = 0;

 private:
  std::atomic<size_t> allocated_{0}, peak_{0}, limit_{0};
  std::atomic<uint64_t> num_allocs_{0}, num_frees_{0};
};

/// The C library's allocator, 64-byte aligned. Sanitizers see every block.
class SystemAllocator final : public CountingAllocator {
 public:
  const char* name() const override { return "system"; }

 protected:
  void* get(size_t bytes) noexcept override;
  void put(void* block, size_t bytes) noexcept override;
};

/// Blocks aligned to a given power of two (at least 64), e.g. pages or huge pages.
class AlignedAllocator final : public CountingAllocator {
 public:
  /// Throws Value unless alignment is a power of two.
  explicit AlignedAllocator(size_t alignment);
  const char* name() const override { return "aligned"; }
  size_t alignment() const { return alignment_; }

 protected:
  void* get(size_t bytes) noexcept override;
  void put(void* block, size_t bytes) noexcept override;

 private:
  size_t alignment_;
};

/// Passes requests on to another allocator and fails chosen ones with OutOfMemory. Example, over every n:
///   for (int64_t n = 0;; ++n) { FaultAllocator f(inner, n); ...run...; if (!f.triggered()) break; }
class FaultAllocator final : public MemoryAllocator {
 public:
  enum class Mode { Once, FromThenOn };
  /// Fails request number `fail_at` (from 0); a negative number never fails. `inner` must outlive this.
  FaultAllocator(MemoryAllocator* inner, int64_t fail_at, Mode mode = Mode::Once)
      : inner_(inner), fail_at_(fail_at), mode_(mode) {}

  void* allocate(size_t bytes) override;
  void deallocate(void* block, size_t bytes) noexcept override;
  const char* name() const override { return "fault"; }
  MemoryStats stats() const override { return inner_->stats(); }
  void reset_peak() override { inner_->reset_peak(); }
  void set_limit(size_t bytes) override { inner_->set_limit(bytes); }
  size_t limit() const override { return inner_->limit(); }
  size_t trim() override { return inner_->trim(); }

  /// Requests so far, failed ones included.
  int64_t calls() const { return calls_.load(); }
  /// Whether a request was failed.
  bool triggered() const { return triggered_.load(); }
  /// Blocks given out and not yet given back.
  int64_t live() const { return live_.load(); }

 private:
  MemoryAllocator* inner_;
  int64_t fail_at_;
  Mode mode_;
  std::atomic<int64_t> calls_{0}, live_{0};
  std::atomic<bool> triggered_{false};
};

}  // namespace rustorch
