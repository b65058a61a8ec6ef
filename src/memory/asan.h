// Marks of AddressSanitizer for memory that is cached: touching it is reported. No-ops in other builds.
#pragma once
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define RT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RT_ASAN 1
#endif
#endif

#ifdef RT_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace rustorch {

/// Forbids access to [p, p + bytes).
inline void asan_poison([[maybe_unused]] const void* p, [[maybe_unused]] size_t bytes) {
#ifdef RT_ASAN
  __asan_poison_memory_region(p, bytes);
#endif
}

/// Allows access to [p, p + bytes) again.
inline void asan_unpoison([[maybe_unused]] const void* p, [[maybe_unused]] size_t bytes) {
#ifdef RT_ASAN
  __asan_unpoison_memory_region(p, bytes);
#endif
}

}  // namespace rustorch
