// The one place that says who observes calls.
#include "rustorch/call_observer.h"

namespace rustorch {

namespace detail {
std::atomic<CallObserver*> installed_observer{nullptr};
}

CallObserver* set_call_observer(CallObserver* observer) noexcept {
  return detail::installed_observer.exchange(observer, std::memory_order_acq_rel);
}

}  // namespace rustorch
