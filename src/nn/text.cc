#include "nn/text.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "rustorch/error.h"

namespace rustorch::nn {

template <size_t N>
ExpandingArray<N>::ExpandingArray(const int64_t* data, size_t size) {
  RT_CHECK(size == N || size == 1, Value, "ExpandingArray", "got ", size, " numbers; expected ", N,
           " or one");
  for (size_t i = 0; i < N; ++i) values_[i] = data[size == 1 ? 0 : i];
}
template class ExpandingArray<1>;
template class ExpandingArray<2>;
template class ExpandingArray<3>;
template class ExpandingArray<4>;
template class ExpandingArray<6>;

namespace text {

std::string py(double v) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  char digits[40];
  int precision = 0;
  do {
    std::snprintf(digits, sizeof digits, "%.*e", precision, v);
  } while (std::strtod(digits, nullptr) != v && ++precision < 17);
  const std::string s = digits;
  const size_t e = s.find('e');
  const int exponent = std::atoi(s.c_str() + e + 1);
  if (exponent < -4 || exponent >= 16) return s;
  std::snprintf(digits, sizeof digits, "%.*f", std::max(precision - exponent, 1), v);
  return digits;
}

std::string py(int64_t v) { return std::to_string(v); }
std::string py(bool v) { return v ? "True" : "False"; }
std::string py(std::string_view v) { return "'" + std::string(v) + "'"; }

namespace {
template <class List>
std::string tuple(const List& v) {
  std::string s = "(";
  for (const auto& x : v) s += (s.size() > 1 ? ", " : "") + py(x);
  return s + (v.size() == 1 ? ",)" : ")");
}
}  // namespace

std::string py(IntArrayRef v) { return tuple(v); }
std::string py(const std::vector<double>& v) { return tuple(v); }

std::string indented(std::string_view s) {
  std::string out;
  for (const char c : s) {
    out.push_back(c);
    if (c == '\n') out += "  ";
  }
  return out;
}

Fields& Fields::raw(std::string_view name, std::string_view text) {
  if (!text_.empty()) text_ += ", ";
  if (!name.empty()) (text_ += name) += '=';
  text_ += text;
  return *this;
}

}  // namespace text
}  // namespace rustorch::nn
