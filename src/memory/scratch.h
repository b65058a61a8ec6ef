// ScratchBuffer<T>: uninitialised working memory of a kernel, from the CPU allocator, freed at the end of
// scope.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "memory/allocator.h"

namespace rustorch {

/// `count` elements of T, 64-byte aligned and not initialised. Throws OutOfMemory. Not copyable; movable.
template <class T>
class ScratchBuffer {
  static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);

 public:
  ScratchBuffer() = default;
  explicit ScratchBuffer(size_t count) {
    if (count == 0) return;
    allocator_ = cpu_allocator();
    count_ = count;
    // A product that overflows becomes a request that no allocator can meet.
    const size_t bytes = count > SIZE_MAX / sizeof(T) ? SIZE_MAX : count * sizeof(T);
    data_ = static_cast<T*>(allocator_->allocate(bytes));
  }
  ~ScratchBuffer() { reset(); }
  ScratchBuffer(const ScratchBuffer&) = delete;
  ScratchBuffer& operator=(const ScratchBuffer&) = delete;
  ScratchBuffer(ScratchBuffer&& other) noexcept { swap(other); }
  ScratchBuffer& operator=(ScratchBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  T* data() const { return data_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) const { return data_[i]; }
  T* begin() const { return data_; }
  T* end() const { return data_ + count_; }

  /// Gives the memory back now.
  void reset() {
    if (data_ != nullptr) allocator_->deallocate(data_, count_ * sizeof(T));
    data_ = nullptr;
    count_ = 0;
  }

 private:
  void swap(ScratchBuffer& other) {
    MemoryAllocator* a = allocator_;
    T* d = data_;
    const size_t c = count_;
    allocator_ = other.allocator_, data_ = other.data_, count_ = other.count_;
    other.allocator_ = a, other.data_ = d, other.count_ = c;
  }

  MemoryAllocator* allocator_ = nullptr;
  T* data_ = nullptr;
  size_t count_ = 0;
};

}  // namespace rustorch
