// Limits that a parser checks before it allocates. Every reader of foreign bytes takes one of these; the
// defaults fit any honest file, services that read strangers' files should lower them.
#pragma once
#include <cstdint>

namespace rustorch {

struct ParseLimits {
  uint64_t max_bytes = uint64_t{1} << 44;  // of the whole input, and of what it decompresses to
  uint64_t max_depth = 500;                // nesting of containers
  uint64_t max_items = 20'000'000;         // values, entries, keys
};

}  // namespace rustorch
