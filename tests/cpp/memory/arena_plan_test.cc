#include "memory/arena_plan.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

void check_valid(const std::vector<ArenaItem>& items, const ArenaPlan& plan, size_t alignment) {
  ASSERT_EQ(plan.offsets.size(), items.size());
  EXPECT_GE(plan.total, plan.lower_bound);
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % alignment, 0u);
    EXPECT_LE(plan.offsets[i] + items[i].bytes, plan.total);
    for (size_t j = 0; j < i; ++j) {
      const bool together =
          items[i].first_use <= items[j].last_use && items[j].first_use <= items[i].last_use;
      if (!together || items[i].bytes == 0 || items[j].bytes == 0) continue;
      EXPECT_TRUE(plan.offsets[i] + items[i].bytes <= plan.offsets[j] ||
                  plan.offsets[j] + items[j].bytes <= plan.offsets[i])
          << i << " and " << j;
    }
  }
}

TEST(ArenaPlan, ChainNeedsTwoBuffers) {
  std::vector<ArenaItem> chain;
  for (int i = 0; i < 20; ++i) chain.push_back({i, i + 1, 1000});
  const ArenaPlan plan = plan_arena(chain);
  check_valid(chain, plan, 64);
  EXPECT_EQ(plan.total, 2048u);
  EXPECT_EQ(plan.lower_bound, 2048u);
}

TEST(ArenaPlan, RandomLifetimes) {
  std::mt19937 rng(1);
  double worst = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<ArenaItem> items;
    for (int i = 0; i < 60; ++i) {
      const int64_t first = rng() % 40;
      items.push_back({first, first + static_cast<int64_t>(rng() % 8), rng() % 5000});
    }
    const size_t alignment = size_t{1} << (rng() % 10);
    const ArenaPlan plan = plan_arena(items, alignment);
    check_valid(items, plan, alignment);
    worst = std::max(worst, static_cast<double>(plan.total) / static_cast<double>(plan.lower_bound));
  }
  EXPECT_LT(worst, 1.35);
}

TEST(ArenaPlan, EmptyAndBadInput) {
  EXPECT_EQ(plan_arena({}).total, 0u);
  EXPECT_EQ(plan_arena({{0, 5, 0}}).total, 0u);
  EXPECT_THROW(plan_arena({{5, 4, 10}}), RusTorchError);
  EXPECT_THROW(plan_arena({{0, 1, SIZE_MAX - 3}}), RusTorchError);
  EXPECT_THROW(plan_arena({{0, 1, SIZE_MAX / 4}, {0, 1, SIZE_MAX / 4}}), RusTorchError);
  EXPECT_THROW(plan_arena({{0, 1, 10}}, 48), RusTorchError);
}

}  // namespace
}  // namespace rustorch
