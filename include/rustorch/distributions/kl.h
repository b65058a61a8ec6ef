// kl_divergence(p, q), and formulas of one's own for it.
#pragma once
#include "rustorch/distributions/discrete.h"
#include "rustorch/distributions/multivariate.h"

namespace rustorch::distributions {

/// KL(p || q), the expected value under p of log p - log q. Throws NotImplemented for pairs without a
/// formula.
Tensor kl_divergence(const Distribution& p, const Distribution& q);

namespace detail {
/// Gives an undefined tensor when p and q are not of the classes that the formula is for.
using KlRule = Tensor (*)(const Distribution& p, const Distribution& q);
void register_kl_rule(KlRule rule);
}  // namespace detail

/// Registers `Tensor f(const P& p, const Q& q)`; asked before the formulas that were there. For threads, at
/// any time.
///   register_kl<MyDist, Normal, my_formula>();
template <class P, class Q, Tensor (*f)(const P&, const Q&)>
void register_kl() {
  detail::register_kl_rule([](const Distribution& p, const Distribution& q) {
    const auto* a = dynamic_cast<const P*>(&p);
    const auto* b = dynamic_cast<const Q*>(&q);
    return a != nullptr && b != nullptr ? f(*a, *b) : Tensor();
  });
}

#undef RT_DISTRIBUTION
#undef RT_SUPPORT
#undef RT_LOG_PROB
#undef RT_RSAMPLE
#undef RT_MEAN
#undef RT_MODE
#undef RT_VARIANCE
#undef RT_STDDEV
#undef RT_ENTROPY
#undef RT_CDF
#undef RT_ICDF
#undef RT_MOMENTS
#undef RT_DENSITY
#undef RT_SAMPLE
#undef RT_DISCRETE
#undef RT_ENUMERATE

}  // namespace rustorch::distributions
