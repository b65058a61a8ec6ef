#include "memory/pool_allocator.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "rustorch/error.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace rustorch {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 64 == 0; }

TEST(SizeClass, CoversEverySizeTightly) {
  EXPECT_EQ(size_class::bytes(size_class::kCount - 1), size_class::kMaxSmall);
  for (size_t n = 1; n <= size_class::kMaxSmall; ++n) {
    const int cls = size_class::index(n);
    ASSERT_TRUE(cls >= 0 && cls < size_class::kCount);
    ASSERT_GE(size_class::bytes(cls), n);
    ASSERT_EQ(size_class::bytes(cls) % 64, 0u);
    if (cls > 0) {
      ASSERT_LT(size_class::bytes(cls - 1), n);
    }
    ASSERT_LE(size_class::bytes(cls), std::max<size_t>(n + 63, n + n / 8 + 1));
  }
}

/// Allocates, fills, checks and frees at random; every block keeps its own pattern.
void stress(MemoryAllocator& a, unsigned seed, int steps, size_t max_bytes) {
  struct Item {
    unsigned char* p;
    size_t n;
    unsigned char mark;
  };
  std::mt19937 rng(seed);
  std::vector<Item> live;
  auto drop = [&](size_t i) {
    for (size_t k : {size_t{0}, live[i].n / 2, live[i].n - 1}) ASSERT_EQ(live[i].p[k], live[i].mark);
    a.deallocate(live[i].p, live[i].n);
    live[i] = live.back();
    live.pop_back();
  };
  for (int s = 0; s < steps; ++s) {
    if (live.size() > 64 || (!live.empty() && rng() % 2)) {
      drop(rng() % live.size());
    } else {
      const double u = static_cast<double>(rng()) / 4294967296.0;
      const size_t n = 1 + static_cast<size_t>(u * u * u * u * static_cast<double>(max_bytes));
      auto* p = static_cast<unsigned char*>(a.allocate(n));
      ASSERT_TRUE(aligned(p));
      const unsigned char mark = static_cast<unsigned char>(rng());
      p[0] = p[n / 2] = p[n - 1] = mark;
      live.push_back({p, n, mark});
    }
  }
  while (!live.empty()) drop(live.size() - 1);
}

TEST(PoolAllocator, RandomUseKeepsContentsAndStructures) {
  PoolAllocator pool;
  for (unsigned seed = 0; seed < 4; ++seed) {
    stress(pool, seed, 4000, 8 * kMiB);
    ASSERT_TRUE(pool.consistent());
  }
  const MemoryStats s = pool.stats();
  EXPECT_EQ(s.allocated, 0u);
  EXPECT_EQ(s.num_allocs, s.num_frees);
  EXPECT_GT(s.cache_hits, s.cache_misses);
  EXPECT_GT(pool.trim(), 0u);
  EXPECT_EQ(pool.stats().reserved, 0u);
  EXPECT_TRUE(pool.consistent());
}

TEST(PoolAllocator, ZeroBytesAndNull) {
  PoolAllocator pool;
  EXPECT_EQ(pool.allocate(0), nullptr);
  pool.deallocate(nullptr, 0);
  pool.deallocate(nullptr, 100);
  EXPECT_EQ(pool.stats().num_allocs, 0u);
}

TEST(PoolAllocator, LargeResultIsReused) {
  PoolAllocator pool;
  void* a = pool.allocate(40'000'000);
  std::memset(a, 1, 40'000'000);
  pool.deallocate(a, 40'000'000);
  void* b = pool.allocate(40'000'000);
  EXPECT_EQ(a, b);
  EXPECT_EQ(pool.stats().cache_hits, 1u);
  pool.deallocate(b, 40'000'000);
}

TEST(PoolAllocator, FreeNeighboursMerge) {
  PoolAllocator pool;
  std::vector<void*> parts;
  for (int i = 0; i < 8; ++i) parts.push_back(pool.allocate(3 * kMiB));
  const size_t reserved = pool.stats().reserved;
  for (int i : {1, 3, 5, 7, 0, 2, 4, 6}) pool.deallocate(parts[static_cast<size_t>(i)], 3 * kMiB);
  EXPECT_TRUE(pool.consistent());
  void* whole = pool.allocate(24 * kMiB);
  EXPECT_EQ(pool.stats().reserved, reserved);
  pool.deallocate(whole, 24 * kMiB);
}

TEST(PoolAllocator, StatisticsAreExactOnOneThread) {
  PoolAllocator pool;
  void* a = pool.allocate(100);
  void* b = pool.allocate(5 * kMiB);
  EXPECT_EQ(pool.stats().allocated, 100 + 5 * kMiB);
  pool.deallocate(b, 5 * kMiB);
  void* c = pool.allocate(1000);
  MemoryStats s = pool.stats();
  EXPECT_EQ(s.allocated, 1100u);
  EXPECT_EQ(s.peak_allocated, 100 + 5 * kMiB);
  EXPECT_EQ(s.num_allocs, 3u);
  EXPECT_EQ(s.num_frees, 1u);
  EXPECT_GE(s.reserved, s.allocated);
  pool.reset_peak();
  EXPECT_EQ(pool.stats().peak_allocated, 1100u);
  pool.deallocate(a, 100);
  pool.deallocate(c, 1000);
  EXPECT_EQ(pool.stats().allocated, 0u);
  EXPECT_EQ(pool.stats().peak_allocated, 1100u);
}

TEST(PoolAllocator, ThreadCacheStatisticsAreExactOnOneThread) {
  PoolAllocator& pool = *default_pool_allocator();
  pool.reset_peak();
  const MemoryStats before = pool.stats();
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(pool.allocate(1000));
  EXPECT_EQ(pool.stats().allocated, before.allocated + 1000000);
  for (void* b : blocks) pool.deallocate(b, 1000);
  EXPECT_EQ(pool.stats().allocated, before.allocated);
  // What other threads have not folded in shifts the peak by at most 256 KiB each.
  EXPECT_GE(pool.stats().peak_allocated, before.allocated + 1000000);
  EXPECT_LE(pool.stats().peak_allocated, before.allocated + 1000000 + 8 * kMiB);
  EXPECT_EQ(pool.stats().num_allocs, before.num_allocs + 1000);
  EXPECT_EQ(pool.stats().num_frees, before.num_frees + 1000);
  EXPECT_TRUE(pool.consistent());
}

/// A limit that ends with the scope, however it is left.
struct ScopedLimit {
  MemoryAllocator& pool;
  ScopedLimit(MemoryAllocator& p, size_t bytes) : pool(p) { pool.set_limit(bytes); }
  ~ScopedLimit() { pool.set_limit(0); }
};

void check_limit(MemoryAllocator& pool, size_t piece) {
  const size_t base = pool.stats().allocated;
  const ScopedLimit limit(pool, base + 10 * piece);
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(pool.allocate(piece));
  try {
    pool.allocate(piece);
    ADD_FAILURE() << "limit not enforced";
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), ErrorKind::OutOfMemory);
    const std::string text = e.what();
    EXPECT_NE(text.find("you tried to allocate " + std::to_string(piece) + " bytes"), std::string::npos)
        << text;
    EXPECT_NE(text.find("in use"), std::string::npos);
    EXPECT_NE(text.find("limit"), std::string::npos);
    EXPECT_NE(text.find("hint"), std::string::npos);
  }
  EXPECT_EQ(pool.stats().allocated, base + 10 * piece);
  pool.deallocate(blocks.back(), piece);
  blocks.back() = pool.allocate(piece);
  pool.set_limit(0);
  blocks.push_back(pool.allocate(piece));
  for (void* b : blocks) pool.deallocate(b, piece);
  EXPECT_EQ(pool.stats().allocated, base);
}

TEST(PoolAllocator, LimitIsExact) {
  PoolAllocator pool;
  check_limit(pool, 1000);
  check_limit(pool, kMiB);
  check_limit(*default_pool_allocator(), 1000);
  check_limit(*default_pool_allocator(), kMiB);
}

TEST(PoolAllocator, LimitCountsWhatOtherThreadsFreed) {
  PoolAllocator& pool = *default_pool_allocator();
  std::vector<void*> blocks;
  for (int i = 0; i < 300; ++i) blocks.push_back(pool.allocate(1000));  // more than a thread keeps uncounted
  std::atomic<int> stage{0};
  std::thread other([&] {  // frees, and lives on with its count of it
    for (int i = 100; i < 300; ++i) pool.deallocate(blocks[static_cast<size_t>(i)], 1000);
    stage = 1;
    while (stage != 2) std::this_thread::yield();
  });
  {
    struct Join {
      std::atomic<int>& stage;
      std::thread& thread;
      ~Join() {
        stage = 2;
        thread.join();
      }
    } join{stage, other};
    while (stage != 1) std::this_thread::yield();
    check_limit(pool, 1000);
  }
  for (int i = 0; i < 100; ++i) pool.deallocate(blocks[static_cast<size_t>(i)], 1000);
}

TEST(PoolAllocator, ImpossibleRequestsAreRefused) {
  PoolAllocator pool;
  for (size_t n : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4 + 1, size_t{1} << 60}) try {
      pool.allocate(n);
      ADD_FAILURE();
    } catch (const RusTorchError& e) {
      EXPECT_EQ(e.kind(), ErrorKind::OutOfMemory);
    }
  EXPECT_EQ(pool.stats().allocated, 0u);
}

TEST(PoolAllocator, CacheIsBoundedByTheRecentPeak) {
  PoolAllocator::Options options;
  options.cache_floor = 8 * kMiB;
  options.peak_window_ns = 1;  // "recent" is now
  PoolAllocator pool(options);
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(pool.allocate(64 * kMiB));
  EXPECT_GE(pool.stats().reserved, 640 * kMiB);
  for (void* b : blocks) pool.deallocate(b, 64 * kMiB);
  for (int i = 0; i < 3; ++i) pool.deallocate(pool.allocate(kMiB), kMiB);
  EXPECT_LE(pool.stats().reserved, 64 * kMiB);
  EXPECT_GT(pool.stats().num_trims, 0u);
  EXPECT_TRUE(pool.consistent());
}

TEST(PoolAllocator, TrimKeepsLiveBlocks) {
  PoolAllocator pool;
  std::vector<std::pair<unsigned char*, size_t>> live;
  for (int i = 0; i < 200; ++i)
    for (size_t n : {size_t{200}, size_t{30000}, size_t{300000}}) {
      auto* p = static_cast<unsigned char*>(pool.allocate(n));
      std::memset(p, i, n);
      if (i % 10 == 0)
        live.emplace_back(p, n);
      else
        pool.deallocate(p, n);
    }
  pool.trim();
  EXPECT_TRUE(pool.consistent());
  for (size_t k = 0; k < live.size(); ++k) {
    for (size_t i = 0; i < live[k].second; ++i)
      ASSERT_EQ(live[k].first[i], static_cast<unsigned char>(k / 3 * 10));
    pool.deallocate(live[k].first, live[k].second);
  }
  pool.trim();
  EXPECT_EQ(pool.stats().reserved, 0u);
}

TEST(PoolAllocator, ManyThreads) {
  for (MemoryAllocator* pool : {static_cast<MemoryAllocator*>(default_pool_allocator())}) {
    const MemoryStats before = pool->stats();
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) threads.emplace_back([=] { stress(*pool, 100 + t, 3000, kMiB); });
    for (auto& t : threads) t.join();
    const MemoryStats after = pool->stats();
    EXPECT_EQ(after.allocated, before.allocated);
    EXPECT_EQ(after.num_allocs - before.num_allocs, after.num_frees - before.num_frees);
  }
  EXPECT_TRUE(default_pool_allocator()->consistent());
}

TEST(PoolAllocator, BlocksMayBeFreedByAnotherThread) {
  PoolAllocator& pool = *default_pool_allocator();
  const size_t before = pool.stats().allocated;
  for (int round = 0; round < 5; ++round) {
    std::vector<void*> blocks(2000);
    std::thread maker([&] {
      for (size_t i = 0; i < blocks.size(); ++i) blocks[i] = pool.allocate(64 + i * 40);
    });
    maker.join();
    std::thread taker([&] {
      for (size_t i = 0; i < blocks.size(); ++i) pool.deallocate(blocks[i], 64 + i * 40);
    });
    taker.join();
  }
  EXPECT_EQ(pool.stats().allocated, before);
  EXPECT_TRUE(pool.consistent());
}

#if !defined(__SANITIZE_THREAD__)
TEST(PoolAllocator, SurvivesForkWhileOtherThreadsAllocate) {
  PoolAllocator& pool = *default_pool_allocator();
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (unsigned t = 0; t < 2; ++t)
    busy.emplace_back([&, t] {
      while (!stop) stress(pool, t, 200, kMiB);
    });
  void* kept = pool.allocate(5000);
  std::memset(kept, 7, 5000);
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      stress(pool, 9, 300, kMiB);
      const bool same = static_cast<unsigned char*>(kept)[4999] == 7;
      pool.deallocate(kept, 5000);
      _exit(same ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  for (auto& t : busy) t.join();
  pool.deallocate(kept, 5000);
  EXPECT_TRUE(pool.consistent());
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(PoolAllocatorDeathTest, DoubleFreeOfALargeBlockIsFound) {
  PoolAllocator pool;
  void* p = pool.allocate(kMiB);
  pool.deallocate(p, kMiB);
  EXPECT_DEATH(pool.deallocate(p, kMiB), "is free already");
}
#else
TEST(PoolAllocatorDeathTest, AddressSanitizerSeesCachedBlocks) {
  PoolAllocator& pool = *default_pool_allocator();
  // The report is for this test to read, also where the run sends reports to files.
  const auto write = [](volatile char* at) {
    __sanitizer_set_report_path("stderr");
    *at = 1;
  };
  for (size_t n : {size_t{100}, kMiB}) {
    volatile char* p = static_cast<char*>(pool.allocate(n));
    p[n - 1] = 1;
    EXPECT_DEATH(write(p + (n + 7) / 8 * 8), "use-after-poison");
    pool.deallocate(const_cast<char*>(p), n);
    EXPECT_DEATH(write(p), "use-after-poison");
  }
}
#endif
#endif

}  // namespace
}  // namespace rustorch
