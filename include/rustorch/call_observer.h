// The seam through which a profiler watches: who is told of calls. One observer at most for the process;
// while there is none, an observed call costs one load of a pointer.
#pragma once
#include <atomic>
#include <string_view>

#include "rustorch/array_ref.h"

namespace rustorch {

class Tensor;

enum class CallKind : unsigned char {
  Operator,  ///< an operator that the program called
  Node,      ///< a gradient node of a backward pass
  Range,     ///< a named stretch of the program
};

/// Told of what begins and ends, on the thread that runs it; ends come in the reverse order of beginnings.
/// Must not throw, and must outlive its installation by the calls that it has seen begin.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void enter(CallKind kind, std::string_view name, ArrayRef<const Tensor*> inputs) noexcept = 0;
  virtual void leave() noexcept = 0;
};

namespace detail {
extern std::atomic<CallObserver*> installed_observer;
}

/// The installed observer, or null.
inline CallObserver* call_observer() noexcept {
  return detail::installed_observer.load(std::memory_order_acquire);
}
/// Installs an observer (null: none) and returns the former one.
CallObserver* set_call_observer(CallObserver* observer) noexcept;

/// Tells the observer of its own lifetime.
class ObservedCall {
 public:
  ObservedCall(CallKind kind, std::string_view name, ArrayRef<const Tensor*> inputs = {}) noexcept
      : observer_(call_observer()) {
    if (observer_ != nullptr) observer_->enter(kind, name, inputs);
  }
  ~ObservedCall() {
    if (observer_ != nullptr) observer_->leave();
  }
  ObservedCall(const ObservedCall&) = delete;
  ObservedCall& operator=(const ObservedCall&) = delete;

 private:
  CallObserver* observer_;
};

}  // namespace rustorch
