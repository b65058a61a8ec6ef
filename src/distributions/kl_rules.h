// How a formula for a pair of classes becomes a rule that can be asked about any pair.
#pragma once
#include "rustorch/distributions/kl.h"
#include "rustorch/ops.h"

namespace rustorch::distributions {

using detail::KlRule;

/// f(p, q) for p and q of these classes, undefined for others.
template <class P, class Q, Tensor (*f)(const P&, const Q&)>
Tensor rule(const Distribution& p, const Distribution& q) {
  const auto* a = dynamic_cast<const P*>(&p);
  const auto* b = dynamic_cast<const Q*>(&q);
  return a != nullptr && b != nullptr ? f(*a, *b) : Tensor();
}

inline Tensor infinite_where(const Tensor& mask, const Tensor& value) {
  return where(mask, Scalar(kInfinity), value);
}

/// The rules for pairs of different families.
ArrayRef<KlRule> kl_cross_rules();

}  // namespace rustorch::distributions
