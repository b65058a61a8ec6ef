// Arena planner: places buffers with known lifetimes into one block so that those alive at once do not
// overlap.
//
// Used for static graphs (JIT, export): one allocation serves all intermediates. Two greedy orders are tried
// (largest first, and first use first), each buffer going to the smallest gap that holds it; the better plan
// wins. Deterministic; time O(n^2).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rustorch {

/// A buffer that is written at step first_use and last read at step last_use (both inclusive).
struct ArenaItem {
  int64_t first_use = 0;
  int64_t last_use = 0;
  size_t bytes = 0;
};

struct ArenaPlan {
  std::vector<size_t> offsets;  ///< one per item, multiples of the alignment; 0 for empty items
  size_t total = 0;             ///< bytes of the arena
  size_t lower_bound = 0;       ///< most bytes alive at one step: no plan can be smaller
};

/// Throws Value unless alignment is a power of two, first_use <= last_use for every item, and the sum of all
/// sizes is below 2^62 bytes.
ArenaPlan plan_arena(const std::vector<ArenaItem>& items, size_t alignment = 64);

}  // namespace rustorch
