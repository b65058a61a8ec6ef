// Choice of the process's CPU allocator, and the out-of-memory error.
#include "memory/allocator.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "memory/basic_allocators.h"
#include "memory/pool_allocator.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

std::atomic<MemoryAllocator*> g_current{nullptr};

MemoryAllocator* default_allocator() {
  static MemoryAllocator* const allocator = []() -> MemoryAllocator* {
    const char* cache = std::getenv("RUSTORCH_CPU_CACHE");
    if (cache != nullptr && std::string_view(cache) == "0") return new SystemAllocator;
    return default_pool_allocator();
  }();
  return allocator;
}

/// "512 bytes", "1.50 MiB".
std::string readable(size_t bytes) {
  if (bytes < 1024) return cat(static_cast<unsigned long long>(bytes), " bytes");
  const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  unsigned long long hundredths = bytes / 1024 * 100 + bytes % 1024 * 100 / 1024;
  for (; hundredths >= 102400 && unit < 5; ++unit) hundredths /= 1024;
  const unsigned long long fraction = hundredths % 100;
  return cat(hundredths / 100, fraction < 10 ? ".0" : ".", fraction, " ", units[unit]);
}

}  // namespace

MemoryAllocator* cpu_allocator() {
  MemoryAllocator* allocator = g_current.load(std::memory_order_acquire);
  return allocator != nullptr ? allocator : default_allocator();
}

MemoryAllocator* set_cpu_allocator(MemoryAllocator* allocator) {
  MemoryAllocator* before = g_current.exchange(allocator, std::memory_order_acq_rel);
  return before != nullptr ? before : default_allocator();
}

void raise_out_of_memory(const char* allocator, size_t bytes, const MemoryStats& stats, size_t limit) {
  raise(ErrorKind::OutOfMemory, "allocate",
        cat("can't allocate memory: you tried to allocate ", static_cast<unsigned long long>(bytes),
            " bytes; got a request of ", readable(bytes), " with ", readable(stats.allocated), " in use and ",
            readable(stats.reserved), " reserved by the ", allocator, " allocator; expected ",
            limit != 0 ? cat("at most the limit of ", readable(limit))
                       : std::string("free memory in the system"),
            "; hint: use smaller batches, free tensors that are not needed, run inference under no_grad",
            limit != 0 ? ", or raise the limit" : ""));
}

}  // namespace rustorch
