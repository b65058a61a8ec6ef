// See os_memory.h. mmap where there is one, VirtualAlloc on Windows, the C library elsewhere (WebAssembly).
#include "memory/os_memory.h"

#include <cstdint>
#include <cstdlib>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#elif !defined(__EMSCRIPTEN__) && (defined(__unix__) || defined(__APPLE__))
#define RT_HAVE_MMAP 1
#include <sys/mman.h>
#endif

namespace rustorch::os_memory {

#if defined(RT_HAVE_MMAP)

void* reserve(size_t bytes) noexcept {
  // Ask for one huge page more and cut the ends off, so that the start is aligned.
  const size_t padded = bytes + kHugePage;
  void* raw = mmap(nullptr, padded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const uintptr_t from = reinterpret_cast<uintptr_t>(raw);
  const uintptr_t start = (from + kHugePage - 1) / kHugePage * kHugePage;
  if (start != from) munmap(raw, start - from);
  const uintptr_t end = start + bytes;
  if (end != from + padded) munmap(reinterpret_cast<void*>(end), from + padded - end);
#ifdef MADV_HUGEPAGE
  madvise(reinterpret_cast<void*>(start), bytes, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<void*>(start);
}

void release(void* start, size_t bytes) noexcept { munmap(start, bytes); }

size_t discard(void* start, size_t bytes) noexcept {
#ifdef __linux__
  return madvise(start, bytes, MADV_DONTNEED) == 0 ? bytes : 0;
#else
  (void)start, (void)bytes;
  return 0;
#endif
}

#elif defined(_WIN32)

void* reserve(size_t bytes) noexcept {
  return VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}
void release(void* start, size_t) noexcept { VirtualFree(start, 0, MEM_RELEASE); }
size_t discard(void*, size_t) noexcept { return 0; }

#else

void* reserve(size_t bytes) noexcept {
  void* start = nullptr;
  return posix_memalign(&start, 64, bytes) == 0 ? start : nullptr;
}
void release(void* start, size_t) noexcept { std::free(start); }
size_t discard(void*, size_t) noexcept { return 0; }

#endif

}  // namespace rustorch::os_memory
