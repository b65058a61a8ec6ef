// See arena_plan.h.
#include "memory/arena_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "rustorch/error.h"

namespace rustorch {
namespace {

size_t round_up(size_t n, size_t alignment) { return (n + alignment - 1) & ~(alignment - 1); }

bool overlap(const ArenaItem& a, const ArenaItem& b) {
  return a.first_use <= b.last_use && b.first_use <= a.last_use;
}

/// Places items in the given order; sizes are rounded already.
ArenaPlan place(const std::vector<ArenaItem>& items, const std::vector<size_t>& order) {
  ArenaPlan plan;
  plan.offsets.assign(items.size(), 0);
  std::vector<size_t> placed;  // by offset
  for (size_t i : order) {
    const size_t bytes = items[i].bytes;
    if (bytes == 0) continue;
    size_t best = SIZE_MAX, best_gap = SIZE_MAX, end = 0;
    for (size_t j : placed) {
      if (!overlap(items[i], items[j])) continue;
      const size_t from = plan.offsets[j];
      if (from >= end && from - end >= bytes && from - end < best_gap) best = end, best_gap = from - end;
      end = std::max(end, from + items[j].bytes);
    }
    if (best == SIZE_MAX) best = end;
    plan.offsets[i] = best;
    plan.total = std::max(plan.total, best + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), best,
                                   [&](size_t offset, size_t j) { return offset < plan.offsets[j]; }),
                  i);
  }
  return plan;
}

size_t most_alive(const std::vector<ArenaItem>& items) {
  std::vector<std::pair<int64_t, size_t>> starts, ends;
  for (const ArenaItem& item : items) {
    starts.emplace_back(item.first_use, item.bytes);
    ends.emplace_back(item.last_use, item.bytes);
  }
  std::sort(starts.begin(), starts.end());
  std::sort(ends.begin(), ends.end());
  size_t live = 0, most = 0, e = 0;
  for (const auto& [step, bytes] : starts) {
    while (e < ends.size() && ends[e].first < step) live -= ends[e++].second;
    live += bytes;
    most = std::max(most, live);
  }
  return most;
}

}  // namespace

ArenaPlan plan_arena(const std::vector<ArenaItem>& items, size_t alignment) {
  RT_CHECK(alignment != 0 && (alignment & (alignment - 1)) == 0, Value, "plan_arena",
           "expected an alignment that is a power of two; got ", alignment);
  constexpr size_t kMaxSum = size_t{1} << (sizeof(size_t) * 8 - 2);
  std::vector<ArenaItem> rounded = items;
  size_t sum = 0;
  for (ArenaItem& item : rounded) {
    RT_CHECK(item.first_use <= item.last_use, Value, "plan_arena",
             "an item ends before it begins; got first use ", item.first_use, ", last use ", item.last_use);
    RT_CHECK(item.bytes < kMaxSum && alignment < kMaxSum, Value, "plan_arena",
             "the items are too large; got ", item.bytes, " bytes");
    item.bytes = round_up(item.bytes, alignment);
    sum += item.bytes;
    RT_CHECK(sum < kMaxSum, Value, "plan_arena", "the items are too large together");
  }
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rounded[a].bytes > rounded[b].bytes; });
  ArenaPlan plan = place(rounded, order);
  plan.lower_bound = most_alive(rounded);
  if (plan.total > plan.lower_bound) {
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return rounded[a].first_use < rounded[b].first_use; });
    ArenaPlan other = place(rounded, order);
    if (other.total < plan.total) {
      plan.offsets.swap(other.offsets);
      plan.total = other.total;
    }
  }
  return plan;
}

}  // namespace rustorch
