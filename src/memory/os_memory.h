// Pages from the operating system: get, give back, and drop the contents of a range.
#pragma once
#include <cstddef>

namespace rustorch::os_memory {

/// Alignment and granularity of regions: the size of a huge page.
inline constexpr size_t kHugePage = size_t{2} << 20;

/// Zero-filled memory aligned to kHugePage, backed by huge pages where the system has them; nullptr on
/// failure. `bytes` must be a multiple of kHugePage.
void* reserve(size_t bytes) noexcept;
/// Gives back a range got from reserve(bytes).
void release(void* start, size_t bytes) noexcept;
/// Lets the system take the pages of [start, start + bytes) back; their contents become undefined. Both must
/// be multiples of kHugePage. Returns the bytes dropped (0 where the system cannot).
size_t discard(void* start, size_t bytes) noexcept;

}  // namespace rustorch::os_memory
