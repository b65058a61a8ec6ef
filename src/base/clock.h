// Clock: time as a dependency, so that tests of timeouts, decay and retries need no waiting.
//
// real_clock() is the system's; FakeClock moves only when told (or when somebody sleeps). Both are
// thread-safe.
#pragma once
#include <atomic>
#include <cstdint>

namespace rustorch {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic time in nanoseconds from an arbitrary start.
  virtual int64_t now_ns() = 0;
  /// Nanoseconds since 1970-01-01 UTC; may jump.
  virtual int64_t wall_ns() = 0;
  /// Blocks for at least `ns` nanoseconds; returns at once when ns <= 0.
  virtual void sleep_ns(int64_t ns) = 0;
};

/// The system's clock; never null, never destroyed.
Clock* real_clock();

/// A clock under the control of a test.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(int64_t now_ns = 0, int64_t wall_ns = 0) : now_(now_ns), wall_(wall_ns) {}
  int64_t now_ns() override { return now_.load(); }
  int64_t wall_ns() override { return wall_.load(); }
  /// Moves time on instead of waiting.
  void sleep_ns(int64_t ns) override {
    if (ns > 0) advance(ns);
  }
  void advance(int64_t ns) {
    now_.fetch_add(ns);
    wall_.fetch_add(ns);
  }

 private:
  std::atomic<int64_t> now_, wall_;
};

}  // namespace rustorch
