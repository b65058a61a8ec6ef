// TensorImplBase and TensorHandle: the reference-counted pointer under Tensor.
//
// The public headers know only that an implementation starts with a count; its layout stays private to
// src/core.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

namespace rustorch {

class TensorImpl;

class TensorImplBase {
 protected:
  friend class TensorHandle;
  std::atomic<uint32_t> refs_{1};
};

namespace detail {
/// Destroys an implementation whose count came to zero.
void destroy(TensorImplBase* impl) noexcept;
}  // namespace detail

/// Shared ownership of a TensorImpl. Copying counts, moving does not. Null is an "undefined" tensor.
class TensorHandle {
 public:
  TensorHandle() noexcept = default;
  TensorHandle(const TensorHandle& other) noexcept : impl_(other.impl_) { retain(); }
  TensorHandle(TensorHandle&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  TensorHandle& operator=(const TensorHandle& other) noexcept {
    TensorHandle copy(other);
    std::swap(impl_, copy.impl_);
    return *this;
  }
  TensorHandle& operator=(TensorHandle&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }
  ~TensorHandle() { release(); }

  /// Adopts one reference.
  explicit TensorHandle(TensorImplBase* adopted) noexcept : impl_(adopted) {}

  bool defined() const noexcept { return impl_ != nullptr; }
  /// The implementation; complete only inside the library.
  TensorImpl* impl() const noexcept { return reinterpret_cast<TensorImpl*>(impl_); }
  /// Gives up the reference without counting down.
  TensorImpl* leak() noexcept { return reinterpret_cast<TensorImpl*>(std::exchange(impl_, nullptr)); }
  uint32_t use_count() const noexcept { return impl_ ? impl_->refs_.load(std::memory_order_relaxed) : 0; }
  bool is_same(const TensorHandle& other) const noexcept { return impl_ == other.impl_; }
  void reset() noexcept {
    release();
    impl_ = nullptr;
  }

 private:
  void retain() const noexcept {
    if (impl_) impl_->refs_.fetch_add(1, std::memory_order_relaxed);
  }
  void release() const noexcept {
    if (impl_ == nullptr) return;
    if (impl_->refs_.load(std::memory_order_acquire) == 1 ||
        impl_->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      detail::destroy(impl_);
  }
  TensorImplBase* impl_ = nullptr;
};

}  // namespace rustorch
