// Small things that distributions share.
#pragma once
#include <limits>
#include <string_view>

#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::distributions {

inline void require(bool ok, std::string_view op, const char* what) {
  if (!ok) raise(ErrorKind::Value, op, what);
}

inline Tensor standard_normal(IntArrayRef shape, const Tensor& like) {
  return randn(shape, like.dtype(), like.device());
}

/// The machine epsilon and the smallest normal number of a tensor's dtype.
inline double eps_of(const Tensor& t) {
  return t.dtype() == kFloat64 ? std::numeric_limits<double>::epsilon()
                               : std::numeric_limits<float>::epsilon();
}
inline double tiny_of(const Tensor& t) {
  return t.dtype() == kFloat64 ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
}

/// Uniform numbers in (0, 1), both ends excluded.
inline Tensor open_uniform(IntArrayRef shape, const Tensor& like) {
  const Tensor u = rand(shape, like.dtype(), like.device());
  return u.clamp(Scalar(tiny_of(u)), Scalar(1 - eps_of(u) / 2));
}

}  // namespace rustorch::distributions
