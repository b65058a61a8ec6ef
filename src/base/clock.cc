// See clock.h.
#include "base/clock.h"

#include <chrono>
#include <thread>

namespace rustorch {
namespace {

class RealClock final : public Clock {
 public:
  int64_t now_ns() override { return count(std::chrono::steady_clock::now().time_since_epoch()); }
  int64_t wall_ns() override { return count(std::chrono::system_clock::now().time_since_epoch()); }
  void sleep_ns(int64_t ns) override {
    if (ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(ns));
  }

 private:
  template <class D>
  static int64_t count(D d) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
  }
};

}  // namespace

Clock* real_clock() {
  static RealClock* const clock = new RealClock;
  return clock;
}

}  // namespace rustorch
