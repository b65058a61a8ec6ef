// The cache of transform plans: what was used last stays, within its limit.
#include <gtest/gtest.h>

#include "backend/cpu/fft/plan.h"

namespace rustorch::cpu::fft {
namespace {

constexpr int64_t kDefaultLimit = int64_t{64} << 20;

TEST(FftPlanCache, KeepsPlansWithinItsLimit) {
  const PlanKind kind{};
  set_plan_cache_limit(0);  // empties it
  EXPECT_EQ(plan_cache_stats().plans, 0);
  EXPECT_EQ(plan_cache_stats().bytes, 0);
  get_plan<float>(48, kind);
  EXPECT_EQ(plan_cache_stats().plans, 0);  // a limit of zero keeps none

  set_plan_cache_limit(kDefaultLimit);
  const PlanCacheStats before = plan_cache_stats();
  const auto first = get_plan<float>(48, kind);
  const auto again = get_plan<float>(48, kind);
  get_plan<double>(48, kind);
  const PlanCacheStats after = plan_cache_stats();
  EXPECT_EQ(first.get(), again.get());
  EXPECT_EQ(after.misses - before.misses, 2);  // the element type belongs to the key
  EXPECT_EQ(after.hits - before.hits, 1);
  EXPECT_EQ(after.plans, 2);
  EXPECT_GE(after.bytes, static_cast<int64_t>(first->bytes()));

  set_plan_cache_limit(after.bytes - 1);  // the one used longest ago goes
  EXPECT_EQ(plan_cache_stats().plans, 1);
  EXPECT_NE(get_plan<float>(48, kind).get(), first.get());
  set_plan_cache_limit(kDefaultLimit);
}

}  // namespace
}  // namespace rustorch::cpu::fft
