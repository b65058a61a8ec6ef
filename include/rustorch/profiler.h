// Where the time goes: records operator calls, gradient nodes and named ranges while it runs.
//
//   profiler::start();
//   { profiler::RecordFunction range("forward"); ... }
//   for (const profiler::Event& e : profiler::stop()) ...
//
// One recording for the process at a time; events of all threads come together. What is recorded as an
// operator are the calls that a program makes through the Python package; nodes and ranges are recorded in
// either language.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rustorch/call_observer.h"

namespace rustorch::profiler {

/// One call. Times are nanoseconds of the monotonic clock.
struct Event {
  std::string name;
  CallKind kind = CallKind::Operator;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  int64_t self_ns = 0;                       ///< without the calls inside it
  uint32_t thread = 0;                       ///< 1, 2, ... in the order in which threads were first seen
  uint32_t depth = 0;                        ///< calls around it on its thread
  int64_t memory = 0;                        ///< bytes of tensors more than before (Options::memory)
  int64_t self_memory = 0;                   ///< without the calls inside it
  std::vector<std::vector<int64_t>> shapes;  ///< of the tensors given by position (Options::shapes)
};

struct Options {
  bool shapes = false;
  bool memory = false;  ///< the CPU allocator's count before and after; other threads count too
};

/// Begins a recording. RusTorchError when one runs.
void start(const Options& options = {});
/// Ends it and returns the events in the order in which they began; what has not ended is left out.
/// RusTorchError when none runs.
std::vector<Event> stop();
/// Whether a recording runs.
bool running() noexcept;

/// A named stretch of the program, for as long as the object lives. Costs next to nothing while nothing is
/// recorded.
class RecordFunction {
 public:
  explicit RecordFunction(std::string_view name) noexcept : call_(CallKind::Range, name) {}

 private:
  ObservedCall call_;
};

}  // namespace rustorch::profiler
