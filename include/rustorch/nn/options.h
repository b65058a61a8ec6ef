// What the options of layers are made of: one number for all dimensions or a number each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "rustorch/array_ref.h"
#include "rustorch/option.h"

namespace rustorch::nn {

/// N numbers, of which one given number stands for all: `3`, `{3, 5}`. Throws Value for another count.
template <size_t N>
class ExpandingArray {
 public:
  ExpandingArray(int64_t all) : one_(true) {
    for (int64_t& v : values_) v = all;
  }
  ExpandingArray(int all) : ExpandingArray(static_cast<int64_t>(all)) {}
  ExpandingArray(std::initializer_list<int64_t> list) : ExpandingArray(list.begin(), list.size()) {}
  ExpandingArray(IntArrayRef list) : ExpandingArray(list.data(), list.size()) {}
  ExpandingArray(const std::vector<int64_t>& list) : ExpandingArray(list.data(), list.size()) {}

  operator IntArrayRef() const { return IntArrayRef(values_, N); }
  IntArrayRef ref() const { return IntArrayRef(values_, N); }
  int64_t operator[](size_t i) const { return values_[i]; }
  /// Whether one number was given for all.
  bool is_one() const { return one_; }

 private:
  ExpandingArray(const int64_t* data, size_t size);
  int64_t values_[N];
  bool one_ = false;
};

extern template class ExpandingArray<1>;
extern template class ExpandingArray<2>;
extern template class ExpandingArray<3>;
extern template class ExpandingArray<4>;
extern template class ExpandingArray<6>;

/// Height and width; one number stands for both.
using Pair = ExpandingArray<2>;

}  // namespace rustorch::nn
