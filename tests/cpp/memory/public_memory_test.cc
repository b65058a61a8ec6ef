// What C++ programs see of threads and memory through the public headers alone.
#include <gtest/gtest.h>

#include "rustorch/rustorch.h"

namespace {

TEST(PublicMemory, CountsAndLimitsTensors) {
  const size_t before = rt::memory_stats().allocated;
  rt::Tensor big = rt::empty({1 << 20});
  EXPECT_GE(rt::memory_stats().allocated, before + (4u << 20));
  rt::set_memory_limit(rt::memory_stats().allocated + (1u << 20));
  const auto refused = rt::attempt([] { return rt::empty({64 << 20}); });
  rt::set_memory_limit(0);
  ASSERT_FALSE(refused.is_ok());
  EXPECT_EQ(refused.error().kind(), rt::ErrorKind::OutOfMemory);
  big = rt::Tensor();
  rt::empty_cache();
  rt::reset_peak_memory_stats();
  EXPECT_LT(rt::memory_stats().peak_allocated, before + (4u << 20) + (64u << 20));
}

TEST(PublicThreads, SetAndRead) {
  const int before = rt::get_num_threads();
  rt::set_num_threads(3);
  EXPECT_EQ(rt::get_num_threads(), 3);
  EXPECT_THROW(rt::set_num_threads(0), rt::RusTorchError);
  rt::set_num_threads(before);
}

}  // namespace
