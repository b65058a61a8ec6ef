#include "rustorch/generator.h"

#include <set>
#include <thread>

#include "gtest/gtest.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

TEST(Generator, SeedsAndReserves) {
  Generator g;
  EXPECT_EQ(g.initial_seed(), kDefaultSeed);
  g.manual_seed(7);
  EXPECT_EQ(g.reserve(10), 0u);
  const PhiloxState s = g.next(3);
  EXPECT_EQ(s.seed, 7u);
  EXPECT_EQ(s.offset, 10u);
  EXPECT_EQ(g.offset(), 13u);
  g.set_offset(2);
  EXPECT_EQ(g.reserve(0), 2u);
  g.manual_seed(7);
  EXPECT_EQ(g.offset(), 0u);
  const uint64_t a = g.seed();
  EXPECT_EQ(g.initial_seed(), a);
  EXPECT_NE(g.seed(), a);
}

TEST(Generator, CopiesShareAndClonesDoNot) {
  Generator g;
  Generator same = g, other = g.clone();
  EXPECT_TRUE(g.is_same(same));
  EXPECT_FALSE(g.is_same(other));
  same.manual_seed(5);
  EXPECT_EQ(g.initial_seed(), 5u);
  EXPECT_EQ(other.initial_seed(), kDefaultSeed);
  EXPECT_TRUE(g.device().is_cpu());
}

TEST(Generator, StateRoundTripsAndRefusesRubbish) {
  Generator g;
  g.manual_seed(0x1122334455667788u).reserve(99);
  const std::vector<uint8_t> state = g.get_state();
  Generator h;
  h.set_state(state);
  EXPECT_EQ(h.initial_seed(), g.initial_seed());
  EXPECT_EQ(h.offset(), 99u);
  std::vector<uint8_t> bad = state;
  bad[0] ^= 1;
  EXPECT_THROW(h.set_state(bad), RusTorchError);
  bad.pop_back();
  EXPECT_THROW(h.set_state(bad), RusTorchError);
  EXPECT_THROW(h.set_state(nullptr, 0), RusTorchError);
  EXPECT_EQ(h.offset(), 99u);
}

TEST(Generator, ReservationsFromThreadsDoNotOverlap) {
  Generator g;
  std::vector<std::vector<uint64_t>> got(4);
  std::vector<std::thread> threads;
  for (auto& mine : got)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) mine.push_back(g.reserve(2));
    });
  for (auto& t : threads) t.join();
  std::set<uint64_t> all;
  for (auto& mine : got) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 2000u);
  EXPECT_EQ(*all.rbegin(), 2u * 1999);
}

TEST(Generator, DefaultIsOneForTheProcess) {
  const uint64_t before = default_generator().initial_seed();
  Generator g = manual_seed(11);
  EXPECT_TRUE(g.is_same(default_generator()));
  EXPECT_EQ(default_generator().initial_seed(), 11u);
  manual_seed(before);
}

}  // namespace
}  // namespace rustorch
