// Composite operators of ops/special.ops.
#include <cmath>
#include <tuple>

#include "gen/impl_special.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/special.h"

namespace rustorch::impl {

Tensor polygamma(int64_t n, const Tensor& self) {
  RT_CHECK(n >= 0, Value, "polygamma", "polygamma(n, x) does not support negative n.");
  return rustorch::_polygamma(n, self);
}

Tensor mvlgamma(const Tensor& self, int64_t p) {
  RT_CHECK(self.dtype() != kBool, DType, "mvlgamma", "The input tensor may not be a boolean tensor.");
  RT_CHECK(p >= 1, Value, "mvlgamma", "p has to be greater than or equal to 1");
  const Tensor x = is_integral(self.dtype(), false) ? self.to(get_default_dtype()) : self;
  const Tensor halves = rustorch::arange(p, x.dtype(), x.device()).mul(0.5);
  const auto d = static_cast<double>(p);
  return rustorch::lgamma(x.unsqueeze(-1).sub(halves)).sum(-1).add(d * (d - 1) / 4 * std::log(M_PI));
}

std::tuple<Tensor, Tensor> frexp(const Tensor& self) {
  RT_CHECK(is_floating_point(self.dtype()), DType, "frexp",
           "torch.frexp() only supports floating-point dtypes");
  return {_frexp_mantissa(self), _frexp_exponent(self).to(kInt32)};
}

}  // namespace rustorch::impl
