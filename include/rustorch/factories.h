// Tensors from C++ values and memory: tensor({1, 2, 3}), tensor(vector), from_blob(pointer, sizes).
//
// The other factories (zeros, arange, rand ...) come from ops/factory.ops and ops/random.ops.
#pragma once
#include <complex>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <vector>

#include "rustorch/dtype_of.h"
#include "rustorch/options.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// What is called with the pointer when the memory given to from_blob is no longer needed.
using Deleter = std::function<void(void*)>;

/// A tensor on memory that somebody else owns; no copy. deleter (may be empty) runs when the last tensor on
/// it is gone, on whatever thread that happens. The memory must hold all elements that sizes and strides
/// reach.
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, Deleter deleter,
                 const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, Deleter deleter, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, const TensorOptions& options = {});

/// Nested braces of numbers: {1, 2}, {{1., 2.}, {3., 4.}}. Integers make int64, floats the default dtype.
class TensorData {
 public:
  TensorData(bool v) : value_(v) {}
  TensorData(int v) : value_(v) {}
  TensorData(int64_t v) : value_(v) {}
  TensorData(float v) : value_(v) {}
  TensorData(double v) : value_(v) {}
  TensorData(std::complex<double> v) : value_(v) {}
  TensorData(std::initializer_list<TensorData> items) : items_(items), list_(true) {}

  bool is_list() const { return list_; }
  const Scalar& value() const { return value_; }
  const std::vector<TensorData>& items() const { return items_; }

 private:
  Scalar value_;
  std::vector<TensorData> items_;
  bool list_ = false;
};

/// A tensor with the given numbers. Throws Value when nested lists differ in length.
Tensor tensor(std::initializer_list<TensorData> items, const TensorOptions& options = {});
Tensor tensor(const Scalar& value, const TensorOptions& options = {});
/// A 1-d tensor with a copy of n numbers of dtype `from`.
Tensor tensor_copy(const void* data, int64_t n, DType from, const TensorOptions& options);

template <class T>
Tensor tensor(const std::vector<T>& values, const TensorOptions& options = {}) {
  if constexpr (std::is_same_v<T, bool>) {
    std::vector<uint8_t> bytes(values.begin(), values.end());
    return tensor_copy(bytes.data(), static_cast<int64_t>(bytes.size()), kBool, options);
  } else {
    return tensor_copy(values.data(), static_cast<int64_t>(values.size()), dtype_of<T>(), options);
  }
}

}  // namespace rustorch
