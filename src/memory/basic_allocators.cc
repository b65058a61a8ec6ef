// See basic_allocators.h.
#include "memory/basic_allocators.h"

#include <cstdlib>

#include "rustorch/error.h"

#ifdef _WIN32
#include <malloc.h>
#endif

namespace rustorch {
namespace {

constexpr size_t kAlignment = 64;

void* aligned_get(size_t alignment, size_t bytes) noexcept {
  if (bytes > SIZE_MAX / 2 - alignment) return nullptr;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
#ifdef _WIN32
  return _aligned_malloc(rounded, alignment);
#else
  void* block = nullptr;
  return posix_memalign(&block, alignment, rounded) == 0 ? block : nullptr;
#endif
}

void aligned_put(void* block) noexcept {
#ifdef _WIN32
  _aligned_free(block);
#else
  std::free(block);
#endif
}

void raise_to(std::atomic<size_t>& peak, size_t value) {
  size_t seen = peak.load(std::memory_order_relaxed);
  while (seen < value && !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

void* CountingAllocator::allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  const size_t bound = limit();
  const size_t before = allocated_.fetch_add(bytes, std::memory_order_relaxed);
  const bool within = bytes <= SIZE_MAX / 2 && (bound == 0 || (before <= bound && bytes <= bound - before));
  void* block = within ? get(bytes) : nullptr;
  if (block == nullptr) {
    allocated_.fetch_sub(bytes, std::memory_order_relaxed);
    raise_out_of_memory(name(), bytes, stats(), bound);
  }
  raise_to(peak_, before + bytes);
  num_allocs_.fetch_add(1, std::memory_order_relaxed);
  return block;
}

void CountingAllocator::deallocate(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  put(block, bytes);
  allocated_.fetch_sub(bytes, std::memory_order_relaxed);
  num_frees_.fetch_add(1, std::memory_order_relaxed);
}

MemoryStats CountingAllocator::stats() const {
  MemoryStats s;
  s.allocated = s.reserved = allocated_.load(std::memory_order_relaxed);
  s.peak_allocated = s.peak_reserved = peak_.load(std::memory_order_relaxed);
  s.num_allocs = s.cache_misses = num_allocs_.load(std::memory_order_relaxed);
  s.num_frees = num_frees_.load(std::memory_order_relaxed);
  return s;
}

void CountingAllocator::reset_peak() {
  peak_.store(allocated_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

void* SystemAllocator::get(size_t bytes) noexcept { return aligned_get(kAlignment, bytes); }
void SystemAllocator::put(void* block, size_t) noexcept { aligned_put(block); }

AlignedAllocator::AlignedAllocator(size_t alignment)
    : alignment_(alignment < kAlignment ? kAlignment : alignment) {
  RT_CHECK(alignment != 0 && (alignment & (alignment - 1)) == 0, Value, "AlignedAllocator",
           "expected an alignment that is a power of two; got ", alignment);
}

void* AlignedAllocator::get(size_t bytes) noexcept { return aligned_get(alignment_, bytes); }
void AlignedAllocator::put(void* block, size_t) noexcept { aligned_put(block); }

void* FaultAllocator::allocate(size_t bytes) {
  const int64_t call = calls_.fetch_add(1);
  if (fail_at_ >= 0 && (call == fail_at_ || (mode_ == Mode::FromThenOn && call > fail_at_))) {
    triggered_.store(true);
    raise_out_of_memory(name(), bytes, inner_->stats(), inner_->limit());
  }
  void* block = inner_->allocate(bytes);
  if (block != nullptr) live_.fetch_add(1);
  return block;
}

void FaultAllocator::deallocate(void* block, size_t bytes) noexcept {
  if (block != nullptr) live_.fetch_sub(1);
  inner_->deallocate(block, bytes);
}

}  // namespace rustorch
