// The recording. Each thread keeps a stack of the calls it is in; a call that ends goes to the common list,
// under a mutex. A stack belongs to one recording: calls that began in a former one are dropped when they
// end.
#include "rustorch/profiler.h"

#include <algorithm>
#include <mutex>

#include "base/clock.h"
#include "rustorch/error.h"
#include "rustorch/memory.h"
#include "rustorch/tensor.h"

namespace rustorch::profiler {

namespace {

struct OpenCall {
  Event event;
  int64_t inner_ns = 0;
  int64_t inner_memory = 0;
  int64_t memory_before = 0;
  uint64_t recording = 0;
};

struct ThreadStack {
  std::vector<OpenCall> calls;
  uint32_t number = 0;
};

class Recorder final : public CallObserver {
 public:
  void enter(CallKind kind, std::string_view name, ArrayRef<const Tensor*> inputs) noexcept override {
    ThreadStack& stack = mine();
    OpenCall call;
    call.recording = recording_.load(std::memory_order_relaxed);
    call.event.kind = kind;
    call.event.name = name;
    call.event.thread = stack.number;
    call.event.depth = static_cast<uint32_t>(stack.calls.size());
    if (options_.shapes) {
      for (const Tensor* t : inputs) {
        call.event.shapes.emplace_back();
        if (t->defined()) call.event.shapes.back().assign(t->sizes().begin(), t->sizes().end());
      }
    }
    if (options_.memory) call.memory_before = allocated();
    call.event.start_ns = real_clock()->now_ns();
    stack.calls.push_back(std::move(call));
  }

  void leave() noexcept override {
    const int64_t now = real_clock()->now_ns();
    ThreadStack& stack = mine();
    if (stack.calls.empty()) return;
    OpenCall call = std::move(stack.calls.back());
    stack.calls.pop_back();
    if (call.recording != recording_.load(std::memory_order_relaxed)) return;
    Event& event = call.event;
    event.end_ns = now;
    event.self_ns = now - event.start_ns - call.inner_ns;
    if (options_.memory) {
      event.memory = allocated() - call.memory_before;
      event.self_memory = event.memory - call.inner_memory;
    }
    if (!stack.calls.empty()) {
      stack.calls.back().inner_ns += now - event.start_ns;
      stack.calls.back().inner_memory += event.memory;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (running_) done_.push_back(std::move(event));
  }

  void start(const Options& options) {
    const std::lock_guard<std::mutex> lock(mutex_);
    RT_CHECK(!running_, Value, "profiler", "a recording runs already; hint: one at a time in a process");
    running_ = true;
    options_ = options;
    recording_.fetch_add(1, std::memory_order_relaxed);
    set_call_observer(this);
  }

  std::vector<Event> stop() {
    std::vector<Event> events;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      RT_CHECK(running_, Value, "profiler", "no recording runs; hint: start() begins one");
      set_call_observer(nullptr);
      running_ = false;
      events.swap(done_);
    }
    // A call that ends together with the one around it began after it.
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
      return a.start_ns != b.start_ns ? a.start_ns < b.start_ns : a.depth < b.depth;
    });
    return events;
  }

  bool running() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    return running_;
  }

 private:
  static int64_t allocated() noexcept { return static_cast<int64_t>(memory_stats().allocated); }

  ThreadStack& mine() noexcept {
    static std::atomic<uint32_t> threads{0};
    thread_local ThreadStack stack;
    if (stack.number == 0) stack.number = threads.fetch_add(1, std::memory_order_relaxed) + 1;
    return stack;
  }

  std::mutex mutex_;
  bool running_ = false;
  std::atomic<uint64_t> recording_{0};
  Options options_;
  std::vector<Event> done_;
};

/// Never destroyed: a thread may leave a call after main has returned.
Recorder& recorder() {
  static Recorder* one = new Recorder;
  return *one;
}

}  // namespace

void start(const Options& options) { recorder().start(options); }
std::vector<Event> stop() { return recorder().stop(); }
bool running() noexcept { return recorder().running(); }

}  // namespace rustorch::profiler
