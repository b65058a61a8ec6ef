#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cmath>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/thread_pool_internal.h"
#include "gtest/gtest.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

class ThreadPool : public ::testing::Test {
 protected:
  void SetUp() override { before_ = get_num_threads(); }
  void TearDown() override {
    set_num_threads(before_);
    detail::set_spawn_limit_for_testing(-1);
  }
  int before_ = 1;
};

TEST_F(ThreadPool, EveryIndexRunsOnceWithTheSameCutsForAnyThreadCount) {
  for (int threads : {1, 2, 3, 4, 8, 17}) {
    set_num_threads(threads);
    for (auto [n, grain] : std::vector<std::pair<int64_t, int64_t>>{
             {0, 1}, {1, 1}, {1, 100}, {7, 3}, {100, 1}, {1000, 7}, {4096, 64}, {5, 0}}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
      std::atomic<int64_t> chunks{0};
      const int64_t g = grain < 1 ? 1 : grain;
      parallel_for(10, 10 + n, grain, [&](int64_t b, int64_t e) {
        EXPECT_EQ((b - 10) % g, 0);
        EXPECT_EQ(e, std::min(b + g, 10 + n));
        for (int64_t i = b; i < e; ++i) seen[static_cast<size_t>(i - 10)].fetch_add(1);
        chunks.fetch_add(1);
      });
      EXPECT_EQ(chunks.load(), (n + g - 1) / g);
      for (auto& s : seen) ASSERT_EQ(s.load(), 1);
    }
  }
}

TEST_F(ThreadPool, EmptyAndBackwardRangesDoNothing) {
  parallel_for(5, 5, 1, [](int64_t, int64_t) { FAIL(); });
  parallel_for(5, 3, 1, [](int64_t, int64_t) { FAIL(); });
  parallel_for_chunks(0, [](int64_t) { FAIL(); });
}

TEST_F(ThreadPool, ManyShortRegions) {
  set_num_threads(3);
  int64_t sum = 0;
  for (int r = 0; r < 2000; ++r) {
    int64_t part[5] = {};
    parallel_for_chunks(5, [&](int64_t c) { part[c] = c + r; });
    for (int64_t p : part) sum += p;
  }
  EXPECT_EQ(sum, int64_t{5} * 2000 * 1999 / 2 + 2000 * 10);
}

TEST_F(ThreadPool, NestedLoopsRunInline) {
  set_num_threads(4);
  EXPECT_FALSE(in_parallel_region());
  std::atomic<int> total{0};
  parallel_for(0, 8, 1, [&](int64_t, int64_t) {
    EXPECT_TRUE(in_parallel_region());
    const std::thread::id self = std::this_thread::get_id();
    parallel_for(0, 10, 1, [&](int64_t, int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      total.fetch_add(1);
    });
  });
  EXPECT_EQ(total.load(), 80);
  EXPECT_FALSE(in_parallel_region());
}

TEST_F(ThreadPool, ThreadIndexIsUniqueAmongRunningThreads) {
  set_num_threads(4);
  std::vector<std::atomic<int>> inside(4);
  parallel_for_chunks(64, [&](int64_t) {
    const int index = parallel_thread_index();
    ASSERT_TRUE(index >= 0 && index < 4);
    EXPECT_EQ(inside[static_cast<size_t>(index)].fetch_add(1), 0);
    std::this_thread::yield();
    inside[static_cast<size_t>(index)].fetch_sub(1);
  });
  EXPECT_EQ(parallel_thread_index(), 0);
}

TEST_F(ThreadPool, LowestFailingChunkIsReported) {
  for (int threads : {1, 2, 4}) {
    set_num_threads(threads);
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::atomic<int> ran{0};
      try {
        parallel_for_chunks(200, [&](int64_t c) {
          ran.fetch_add(1);
          if (c >= 37 && c % 3 == 1) throw std::runtime_error(std::to_string(c));
        });
        FAIL() << "no exception";
      } catch (const std::runtime_error& e) {
        EXPECT_STREQ(e.what(), "37");
      }
      EXPECT_GE(ran.load(), 38);
      EXPECT_FALSE(in_parallel_region());
    }
  }
  std::atomic<int> after{0};
  parallel_for_chunks(10, [&](int64_t) { after.fetch_add(1); });
  EXPECT_EQ(after.load(), 10);
}

TEST_F(ThreadPool, SeveralUserThreadsAtOnce) {
  set_num_threads(3);
  std::vector<std::thread> users;
  std::atomic<int64_t> bad{0};
  for (int u = 0; u < 4; ++u)
    users.emplace_back([&] {
      for (int r = 0; r < 300; ++r) {
        std::vector<int64_t> out(50);
        parallel_for(0, 50, 3, [&](int64_t b, int64_t e) {
          for (int64_t i = b; i < e; ++i) out[static_cast<size_t>(i)] = i * r;
        });
        for (int64_t i = 0; i < 50; ++i) bad += out[static_cast<size_t>(i)] != i * r;
      }
    });
  for (auto& t : users) t.join();
  EXPECT_EQ(bad.load(), 0);
}

TEST_F(ThreadPool, ParkedWorkersWakeAgain) {
  set_num_threads(2);
  for (int r = 0; r < 5; ++r) {
    std::atomic<int> threads_seen{0};
    std::atomic<int> arrived{0};
    // Both chunks wait for each other for a while, so two threads must take part.
    parallel_for_chunks(2, [&](int64_t) {
      arrived.fetch_add(1);
      for (int i = 0; i < 5000 && arrived.load() < 2; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (arrived.load() == 2) threads_seen.fetch_add(1);
    });
    EXPECT_EQ(threads_seen.load(), 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
}

TEST_F(ThreadPool, ShortLoopsAskForWorkersThatAreReady) {
  set_num_threads(1);
  EXPECT_FALSE(workers_ready(1));  // there are none
  set_num_threads(2);
  parallel_for_chunks(2, [](int64_t) { EXPECT_FALSE(workers_ready(1)); });  // nested loops run inline
  // Asked again and again it says yes in the end, and the loop finds its worker.
  std::set<int> seen;
  for (int ask = 0; ask < 100'000'000 && seen.size() < 2; ++ask) {
    if (!workers_ready(1)) continue;
    std::atomic<int> slots{0};
    parallel_for_chunks(2, [&](int64_t) { slots.fetch_or(1 << parallel_thread_index()); });
    for (int slot : {0, 1})
      if (slots.load() >> slot & 1) seen.insert(slot);
  }
  EXPECT_EQ(seen, (std::set<int>{0, 1}));
}

TEST_F(ThreadPool, WorkersUseTheCallersRoundingMode) {
  set_num_threads(4);
  auto thirds = [] {
    std::vector<double> out(64);
    parallel_for_chunks(64, [&](int64_t c) {
      volatile double one = 1.0, three = 3.0;
      out[static_cast<size_t>(c)] = one / three;
      std::this_thread::yield();
    });
    return std::set<double>(out.begin(), out.end());
  };
  const std::set<double> nearest = thirds();
  ASSERT_EQ(std::fesetround(FE_UPWARD), 0);
  const std::set<double> upward = thirds();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(nearest.size(), 1u);
  EXPECT_EQ(upward.size(), 1u);
  EXPECT_GT(*upward.begin(), *nearest.begin());
  EXPECT_EQ(thirds(), nearest);
}

TEST_F(ThreadPool, RefusesBadCounts) {
  EXPECT_THROW(set_num_threads(0), RusTorchError);
  EXPECT_THROW(set_num_threads(-3), RusTorchError);
  EXPECT_THROW(set_num_threads(100000), RusTorchError);
  set_num_threads(5);
  EXPECT_EQ(get_num_threads(), 5);
}

TEST_F(ThreadPool, WorksWhenThreadsCannotBeCreated) {
  detail::set_spawn_limit_for_testing(0);
  set_num_threads(64);
  std::atomic<int> ran{0};
  parallel_for_chunks(500, [&](int64_t) { ran.fetch_add(1); });
  EXPECT_EQ(ran.load(), 500);
}

#if defined(__linux__)
// A worker that parked on the processor of the thread that wakes it must not run there again: the two would
// take turns while another processor idles.
TEST_F(ThreadPool, AWorkerLeavesTheProcessorOfItsWaker) {
  cpu_set_t before;
  ASSERT_EQ(pthread_getaffinity_np(pthread_self(), sizeof(before), &before), 0);
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "one processor";
  set_num_threads(2);
  std::atomic<int> arrived{0}, worker_cpu{-1};
  const auto region = [&] {  // both threads take a chunk, unless the worker takes longer than two seconds
    arrived = 0;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    parallel_for_chunks(2, [&](int64_t) {
      if (parallel_thread_index() == 1) worker_cpu = sched_getcpu();
      ++arrived;
      while (arrived < 2 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    });
  };
  int apart = 0;
  for (int i = 0; i < 6; ++i) {
    region();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));  // it parks
    if (worker_cpu < 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(worker_cpu.load()), &one);
    ASSERT_EQ(pthread_setaffinity_np(pthread_self(), sizeof(one), &one), 0);
    region();
    apart += worker_cpu != sched_getcpu();
    pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
  }
  EXPECT_GE(apart, 4);
}
#endif

#if !defined(__SANITIZE_THREAD__)
TEST_F(ThreadPool, SurvivesFork) {
  set_num_threads(3);
  auto sum = [] {
    std::atomic<int64_t> total{0};
    parallel_for(0, 1000, 10, [&](int64_t b, int64_t e) {
      for (int64_t i = b; i < e; ++i) total.fetch_add(i);
    });
    return total.load();
  };
  ASSERT_EQ(sum(), 499500);
  for (int r = 0; r < 20; ++r) {
    const pid_t child = fork();
    if (child == 0) _exit(sum() == 499500 && sum() == 499500 && get_num_threads() == 3 ? 0 : 1);
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ASSERT_EQ(sum(), 499500);
  }
}
#endif

}  // namespace
}  // namespace rustorch
