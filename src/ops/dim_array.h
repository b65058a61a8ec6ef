// DimArray: a list of sizes, strides or dims on the stack, for bodies that run on every small call.
//
// Holds up to TensorImpl::kMaxDims + 1 numbers; push() beyond that throws. Converts to IntArrayRef, which
// must not outlive it.
#pragma once
#include <cstdint>

#include "core/tensor_impl.h"
#include "rustorch/array_ref.h"
#include "rustorch/error.h"

namespace rustorch {

class DimArray {
 public:
  static constexpr int kCapacity = TensorImpl::kMaxDims + 1;

  DimArray() {}  // NOLINT: the elements stay uninitialised on purpose
  explicit DimArray(IntArrayRef v) {
    for (int64_t x : v) push(x);
  }
  DimArray(int count, int64_t value) {
    for (int i = 0; i < count; ++i) push(value);
  }

  void push(int64_t x) {
    RT_CHECK(size_ < kCapacity, Value, "tensor", "too many dimensions; expected at most ",
             +TensorImpl::kMaxDims);
    v_[size_++] = x;
  }
  /// Inserts x before position at.
  void insert(int at, int64_t x) {
    push(x);
    for (int i = size_ - 1; i > at; --i) v_[i] = v_[i - 1];
    v_[at] = x;
  }
  void erase(int at) {
    for (int i = at; i + 1 < size_; ++i) v_[i] = v_[i + 1];
    --size_;
  }
  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t& operator[](int i) { return v_[i]; }
  int64_t operator[](int i) const { return v_[i]; }
  int64_t& back() { return v_[size_ - 1]; }
  const int64_t* begin() const { return v_; }
  const int64_t* end() const { return v_ + size_; }
  IntArrayRef ref() const { return {v_, static_cast<size_t>(size_)}; }
  operator IntArrayRef() const { return ref(); }

 private:
  int size_ = 0;
  int64_t v_[kCapacity];
};

}  // namespace rustorch
