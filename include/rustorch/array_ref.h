// ArrayRef<T>: a non-owning view of contiguous elements, the argument type for lists.
//
// Cheap to copy; pass by value. The caller keeps the elements alive for the call.
// IntArrayRef (int64_t elements) is the type of shapes, strides and dimension lists.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <vector>

namespace rustorch {

template <class T>
class ArrayRef {
 public:
  constexpr ArrayRef() = default;
  constexpr ArrayRef(const T* data, size_t size) : data_(data), size_(size) {}
  constexpr ArrayRef(const T* begin, const T* end) : data_(begin), size_(static_cast<size_t>(end - begin)) {}
  ArrayRef(const std::vector<T>& v) : data_(v.data()), size_(v.size()) {}
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
#endif
  constexpr ArrayRef(std::initializer_list<T> v) : data_(v.begin()), size_(v.size()) {}
#pragma GCC diagnostic pop
  template <size_t N>
  constexpr ArrayRef(const T (&v)[N]) : data_(v), size_(N) {}

  constexpr const T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr const T& operator[](size_t i) const { return data_[i]; }
  constexpr const T& front() const { return data_[0]; }
  constexpr const T& back() const { return data_[size_ - 1]; }
  constexpr ArrayRef slice(size_t first, size_t count) const { return {data_ + first, count}; }
  constexpr ArrayRef slice(size_t first) const { return {data_ + first, size_ - first}; }
  std::vector<T> vec() const { return std::vector<T>(begin(), end()); }

  friend bool operator==(ArrayRef a, ArrayRef b) {
    if (a.size_ != b.size_) return false;
    for (size_t i = 0; i < a.size_; ++i)
      if (!(a.data_[i] == b.data_[i])) return false;
    return true;
  }

 private:
  const T* data_ = nullptr;
  size_t size_ = 0;
};

using IntArrayRef = ArrayRef<int64_t>;

namespace detail {
/// One number in the place of a list; lives as long as the call that it is an argument of.
struct OneInteger {
  int64_t value;
  operator IntArrayRef() const { return {&value, 1}; }
  operator std::optional<IntArrayRef>() const { return IntArrayRef(&value, 1); }
};
template <class T>
decltype(auto) int_list(const T& v) {
  if constexpr (std::is_integral_v<T>)
    return OneInteger{static_cast<int64_t>(v)};
  else
    return (v);
}
template <class... T>
concept one_integer = (std::is_integral_v<T> || ...);
}  // namespace detail

}  // namespace rustorch
