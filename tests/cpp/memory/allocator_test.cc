#include "memory/allocator.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "memory/basic_allocators.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

/// Makes an allocator the process's one for a scope.
class UseAllocator {
 public:
  explicit UseAllocator(MemoryAllocator* a) : before_(set_cpu_allocator(a)) {}
  ~UseAllocator() { set_cpu_allocator(before_); }

 private:
  MemoryAllocator* before_;
};

TEST(SystemAllocator, CountsAndLimits) {
  SystemAllocator a;
  void* p = a.allocate(1000);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 64, 0u);
  void* q = a.allocate(1);
  EXPECT_EQ(a.stats().allocated, 1001u);
  a.deallocate(q, 1);
  EXPECT_EQ(a.stats().allocated, 1000u);
  EXPECT_EQ(a.stats().peak_allocated, 1001u);
  a.reset_peak();
  EXPECT_EQ(a.stats().peak_allocated, 1000u);
  a.set_limit(1500);
  EXPECT_THROW(a.allocate(501), RusTorchError);
  a.deallocate(a.allocate(500), 500);
  EXPECT_THROW(a.allocate(SIZE_MAX), RusTorchError);
  EXPECT_THROW(a.allocate(SIZE_MAX - 500), RusTorchError);
  a.deallocate(p, 1000);
  EXPECT_EQ(a.stats().num_allocs, a.stats().num_frees);
  EXPECT_EQ(a.allocate(0), nullptr);
}

TEST(AlignedAllocator, AlignsAndChecksItsArgument) {
  AlignedAllocator a(4096);
  void* p = a.allocate(10);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 4096, 0u);
  a.deallocate(p, 10);
  EXPECT_THROW(AlignedAllocator(48), RusTorchError);
  EXPECT_THROW(AlignedAllocator(0), RusTorchError);
  EXPECT_EQ(AlignedAllocator(8).alignment(), 64u);
}

TEST(FaultAllocator, FailsTheChosenRequests) {
  SystemAllocator inner;
  FaultAllocator once(&inner, 1);
  void* p = once.allocate(8);
  EXPECT_FALSE(once.triggered());
  EXPECT_THROW(once.allocate(8), RusTorchError);
  void* q = once.allocate(8);
  EXPECT_TRUE(once.triggered());
  EXPECT_EQ(once.calls(), 3);
  EXPECT_EQ(once.live(), 2);
  once.deallocate(p, 8);
  once.deallocate(q, 8);
  EXPECT_EQ(once.live(), 0);
  FaultAllocator always(&inner, 0, FaultAllocator::Mode::FromThenOn);
  EXPECT_THROW(always.allocate(8), RusTorchError);
  EXPECT_THROW(always.allocate(8), RusTorchError);
}

TEST(FaultAllocator, PassesEverythingElseOn) {
  SystemAllocator inner;
  FaultAllocator faults(&inner, -1);
  void* p = faults.allocate(100);
  EXPECT_EQ(faults.stats().allocated, 100u);
  EXPECT_EQ(faults.stats().num_allocs, inner.stats().num_allocs);
  faults.set_limit(150);
  EXPECT_EQ(faults.limit(), 150u);
  EXPECT_EQ(inner.limit(), 150u);
  EXPECT_THROW(faults.allocate(51), RusTorchError);
  faults.deallocate(p, 100);
  EXPECT_EQ(faults.stats().peak_allocated, 100u);
  faults.reset_peak();
  EXPECT_EQ(inner.stats().peak_allocated, 0u);
  EXPECT_EQ(faults.trim(), 0u);
  EXPECT_FALSE(faults.triggered());
  EXPECT_STREQ(faults.name(), "fault");
  EXPECT_STREQ(inner.name(), "system");
  EXPECT_STREQ(AlignedAllocator(64).name(), "aligned");
}

TEST(FaultAllocator, LoopOverEveryAllocationOfAnOperation) {
  SystemAllocator inner;
  int64_t n = 0;
  for (;; ++n) {
    FaultAllocator faults(&inner, n);
    UseAllocator use(&faults);
    try {
      ScratchBuffer<float> a(100);
      ScratchBuffer<double> b(50), c(7);
      a[0] = 1.0f;
    } catch (const RusTorchError& e) {
      EXPECT_EQ(e.kind(), ErrorKind::OutOfMemory);
    }
    EXPECT_EQ(faults.live(), 0);
    if (!faults.triggered()) break;
  }
  EXPECT_EQ(n, 3);
  EXPECT_EQ(inner.stats().allocated, 0u);
}

TEST(CpuAllocator, CanBeReplaced) {
  MemoryAllocator* normal = cpu_allocator();
  ASSERT_NE(normal, nullptr);
  SystemAllocator mine;
  EXPECT_EQ(set_cpu_allocator(&mine), normal);
  EXPECT_EQ(cpu_allocator(), &mine);
  ScratchBuffer<int> kept(3);
  EXPECT_EQ(set_cpu_allocator(nullptr), &mine);
  EXPECT_EQ(cpu_allocator(), normal);
  kept.reset();  // goes back to the allocator it came from
  EXPECT_EQ(mine.stats().allocated, 0u);
}

TEST(ScratchBuffer, OwnsMovesAndIterates) {
  ScratchBuffer<int> a(10);
  for (int i = 0; i < 10; ++i) a[static_cast<size_t>(i)] = i;
  int* at = a.data();
  ScratchBuffer<int> b(std::move(a));
  EXPECT_EQ(b.data(), at);
  EXPECT_EQ(a.data(), nullptr);
  int sum = 0;
  for (int v : b) sum += v;
  EXPECT_EQ(sum, 45);
  ScratchBuffer<int> empty(0);
  EXPECT_EQ(empty.begin(), empty.end());
  EXPECT_THROW(ScratchBuffer<double>(SIZE_MAX / 2), RusTorchError);
}

}  // namespace
}  // namespace rustorch
