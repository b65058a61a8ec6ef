// What the generated wrappers of operators with an `autocast` line call.
//
// A wrapper tests autocast_active(), one thread-local byte. When it is set, it converts its arguments with an
// AutocastCall and calls itself again; autocast is off for the thread as long as that object lives, so that
// the operators inside a composite one see the dtypes chosen here.
#pragma once
#include <optional>
#include <vector>

#include "rustorch/autocast.h"
#include "rustorch/tensor.h"

namespace rustorch {

enum class AutocastPolicy : uint8_t { Low, F32, Promote };

namespace detail {
#if defined(__GNUC__) && defined(__ELF__)
__attribute__((visibility("hidden"), tls_model("initial-exec")))
#endif
extern constinit thread_local bool autocast_active;
}  // namespace detail

inline bool autocast_active() noexcept { return detail::autocast_active; }

/// Autocast does nothing in its scope (in-place and out= variants keep the dtype they are given).
class AutocastOff {
 public:
  AutocastOff() noexcept : before_(detail::autocast_active) { detail::autocast_active = false; }
  ~AutocastOff() { detail::autocast_active = before_; }
  AutocastOff(const AutocastOff&) = delete;
  AutocastOff& operator=(const AutocastOff&) = delete;

 private:
  bool before_;
};

/// Converts the arguments of one call.
class AutocastCall {
 public:
  template <class... Args>
  explicit AutocastCall(AutocastPolicy policy, const Args&... args) : policy_(policy) {
    if (policy == AutocastPolicy::Promote) (look(args), ...);
  }

  Tensor operator()(const Tensor& t) const;
  std::optional<Tensor> operator()(const std::optional<Tensor>& t) const;
  std::vector<Tensor> operator()(TensorList list) const;

 private:
  void look(const Tensor& t);
  void look(const std::optional<Tensor>& t) {
    if (t) look(*t);
  }
  void look(TensorList list);

  AutocastOff off_;
  AutocastPolicy policy_;
  bool wide_ = false;  // Promote: an argument is wider than the lower dtype, or as wide and another
};

}  // namespace rustorch
