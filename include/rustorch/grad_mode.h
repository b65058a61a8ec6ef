// GradMode: whether operations are recorded, per thread, and the guards that change it for a scope.
#pragma once

namespace rustorch {

class TensorImpl;

namespace detail {
/// State of the calling thread: what an operation has to look at before it runs.
struct ThreadModes {
  bool grad = true;
  bool inference = false;
  bool anomaly = false;
  TensorImpl* out = nullptr;  // an out= in whose memory the next result of its form may be made
};
ThreadModes& thread_modes() noexcept;
}  // namespace detail

struct GradMode {
  static bool is_enabled() noexcept { return detail::thread_modes().grad; }
  /// Inference mode keeps it off.
  static void set_enabled(bool on) noexcept {
    detail::ThreadModes& modes = detail::thread_modes();
    modes.grad = on && !modes.inference;
  }
};

/// Sets GradMode for its scope.
class GradModeGuard {
 public:
  explicit GradModeGuard(bool on) noexcept : modes_(detail::thread_modes()), before_(modes_.grad) {
    GradMode::set_enabled(on);
  }
  ~GradModeGuard() { modes_.grad = before_; }
  GradModeGuard(const GradModeGuard&) = delete;
  GradModeGuard& operator=(const GradModeGuard&) = delete;

 private:
  detail::ThreadModes& modes_;
  bool before_;
};

/// Operations in its scope are not recorded.
struct NoGradGuard : GradModeGuard {
  NoGradGuard() noexcept : GradModeGuard(false) {}
};
/// Operations in its scope are recorded again.
struct EnableGradGuard : GradModeGuard {
  EnableGradGuard() noexcept : GradModeGuard(true) {}
};

/// No recording, no version counting, no view tracking: tensors made inside can never be part of a graph.
class InferenceModeGuard {
 public:
  explicit InferenceModeGuard(bool on = true) noexcept : modes_(detail::thread_modes()), before_(modes_) {
    modes_.inference = on;
    modes_.grad = !on;
  }
  ~InferenceModeGuard() {
    modes_.inference = before_.inference;
    modes_.grad = before_.grad;
  }
  InferenceModeGuard(const InferenceModeGuard&) = delete;
  InferenceModeGuard& operator=(const InferenceModeGuard&) = delete;

 private:
  detail::ThreadModes& modes_;
  detail::ThreadModes before_;
};

/// Checks every gradient for nan during backward and names the operation that made it.
class AnomalyDetectionGuard {
 public:
  explicit AnomalyDetectionGuard(bool on = true) noexcept
      : modes_(detail::thread_modes()), before_(modes_.anomaly) {
    modes_.anomaly = on;
  }
  ~AnomalyDetectionGuard() { modes_.anomaly = before_; }
  AnomalyDetectionGuard(const AnomalyDetectionGuard&) = delete;
  AnomalyDetectionGuard& operator=(const AnomalyDetectionGuard&) = delete;

 private:
  detail::ThreadModes& modes_;
  bool before_;
};

}  // namespace rustorch
