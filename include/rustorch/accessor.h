// TensorAccessor: reading and writing the elements of a CPU tensor in loops, t.accessor<float, 2>()[i][j].
//
// It borrows the tensor's memory, sizes and strides: keep the tensor. Indices are not checked, and writes are
// neither tracked nor counted.
#pragma once
#include <cstdint>

namespace rustorch {

/// N dimensions of T; [] gives what N - 1 dimensions hold, and the element itself at the last.
template <class T, int64_t N>
class TensorAccessor {
 public:
  TensorAccessor(T* data, const int64_t* sizes, const int64_t* strides)
      : data_(data), sizes_(sizes), strides_(strides) {}

  decltype(auto) operator[](int64_t i) const {
    if constexpr (N == 1)
      return (data_[i * strides_[0]]);
    else
      return TensorAccessor<T, N - 1>(data_ + i * strides_[0], sizes_ + 1, strides_ + 1);
  }
  int64_t size(int64_t dim) const { return sizes_[dim]; }
  int64_t stride(int64_t dim) const { return strides_[dim]; }
  T* data() const { return data_; }

 private:
  T* data_;
  const int64_t* sizes_;
  const int64_t* strides_;
};

}  // namespace rustorch
