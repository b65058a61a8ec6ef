// RT_OPTION: a named option with a setter that chains and a getter of the same name, as in libtorch.
//
//   class DropoutOptions {
//    public:
//     DropoutOptions(double p = 0.5) : p_(p) {}
//     RT_OPTION(double, p, 0.5);
//     RT_OPTION(bool, inplace, false);
//   };
//   DropoutOptions(0.3).inplace(true)
//
// Names and defaults are those of the Python package; tools/cpp_parity.py reads these lines and compares.
#pragma once
#include <optional>
#include <utility>

#define RT_OPTION(T, name, ...)                             \
 public:                                                    \
  auto& name(T v) { return name##_ = std::move(v), *this; } \
  const T& name() const { return name##_; }                 \
                                                            \
 private:                                                   \
  T name##_ = __VA_ARGS__

/// The same for an option that may be absent (None in Python): set with a value or with std::nullopt.
#define RT_OPTIONAL(T, name, ...)                                      \
 public:                                                               \
  auto& name(T v) { return name##_ = std::move(v), *this; }            \
  auto& name(std::nullopt_t) { return name##_ = std::nullopt, *this; } \
  const std::optional<T>& name() const { return name##_; }             \
                                                                       \
 private:                                                              \
  std::optional<T> name##_ = __VA_ARGS__
