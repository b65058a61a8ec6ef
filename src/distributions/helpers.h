// Small things that distributions share.
#pragma once
#include <cmath>
#include <limits>
#include <string_view>

#include "rustorch/distributions/distribution.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::distributions {

constexpr double kEuler = 0.57721566490153286060;

inline void require(bool ok, std::string_view op, const char* what) {
  if (!ok) raise(ErrorKind::Value, op, what);
}

inline Tensor standard_normal(IntArrayRef shape, const Tensor& like) {
  return randn(shape, like.dtype(), like.device());
}
inline Tensor uniform(IntArrayRef shape, const Tensor& like) {
  return rand(shape, like.dtype(), like.device());
}

/// The machine epsilon and the smallest normal number of a tensor's dtype.
double eps_of(const Tensor& t);
double tiny_of(const Tensor& t);

/// Probabilities moved into [eps, 1 - eps], so that their logits are finite.
inline Tensor clamp_probs(const Tensor& probs) {
  const double eps = eps_of(probs);
  return probs.clamp(Scalar(eps), Scalar(1 - eps));
}

/// ln gamma of a number. Not the C library's: that one writes a global, for which threads race.
inline double log_gamma(double x) { return lgamma(full({}, x, kFloat64)).item<double>(); }
/// number / tensor and number - tensor as Python computes them.
inline Tensor over(const Scalar& a, const Tensor& b) { return a / b; }
inline Tensor minus(const Scalar& a, const Tensor& b) { return rsub(b, a); }

/// Sum over the last n dimensions.
Tensor sum_rightmost(const Tensor& value, int64_t n);
/// The values as tensors of one shape. Numbers take the dtype of the tensors.
std::vector<Tensor> broadcast_all(std::initializer_list<TensorLike> values);
Shape broadcast_shapes(std::initializer_list<IntArrayRef> shapes);

inline Shape join(IntArrayRef a, IntArrayRef b) {
  Shape out = a.vec();
  out.insert(out.end(), b.begin(), b.end());
  return out;
}
/// The first n entries of a shape, and those without the last n.
inline IntArrayRef head(IntArrayRef shape, size_t n) { return shape.slice(0, n); }
inline IntArrayRef without(IntArrayRef shape, size_t n) { return shape.slice(0, shape.size() - n); }

}  // namespace rustorch::distributions
