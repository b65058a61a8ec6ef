// Values as Python prints them, for the text of layers.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rustorch/array_ref.h"
#include "rustorch/nn/options.h"
#include "rustorch/tensor.h"

namespace rustorch::nn::text {

std::string py(double v);
std::string py(int64_t v);
inline std::string py(int v) { return py(static_cast<int64_t>(v)); }
std::string py(bool v);
/// With quotes.
std::string py(std::string_view v);
inline std::string py(const char* v) { return py(std::string_view(v)); }
inline std::string py(const std::string& v) { return py(std::string_view(v)); }
/// As a tuple.
std::string py(IntArrayRef v);
inline std::string py(const std::vector<int64_t>& v) { return py(IntArrayRef(v)); }
std::string py(const std::vector<double>& v);
/// As it was given: a number or a tuple.
template <size_t N>
std::string py(const ExpandingArray<N>& v) {
  return v.is_one() ? py(v[0]) : py(v.ref());
}
template <class T>
std::string py(const std::optional<T>& v) {
  return v ? py(*v) : "None";
}
/// Lines after the first moved right by two.
std::string indented(std::string_view s);

/// "a=1, b=2".
class Fields {
 public:
  template <class T>
  Fields& add(std::string_view name, const T& v) {
    return raw(name, py(v));
  }
  /// Only where the value is not the default.
  template <class T>
  Fields& add_if(bool wanted, std::string_view name, const T& v) {
    return wanted ? add(name, v) : *this;
  }
  Fields& raw(std::string_view name, std::string_view text);
  operator std::string() const { return text_; }

 private:
  std::string text_;
};

/// One field.
template <class T>
std::string field(std::string_view name, const T& v) {
  return Fields().add(name, v);
}

}  // namespace rustorch::nn::text

namespace rustorch::nn {
/// An undefined tensor as no tensor.
inline std::optional<Tensor> maybe(const Tensor& t) {
  return t.defined() ? std::optional<Tensor>(t) : std::nullopt;
}
}  // namespace rustorch::nn
