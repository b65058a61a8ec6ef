// Composite operators around the pointwise ones of ops/unary.ops.
#include <cmath>

#include "gen/impl.h"
#include "ops/grad_helpers.h"
#include "ops/scalar_range.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"

namespace rustorch {

Tensor angle_backward(const Tensor& g, const Tensor& self) {
  if (!self.is_complex()) return zeros_like(self);
  // |z| grad is along i z: g * i * z / |z|^2, and 0 at 0.
  Tensor size = self.abs();
  Tensor direction = self.div(size.mul(size)).mul(std::complex<double>(0, 1));
  return where(size.eq(0), zeros_like(self), direction.mul(g));
}

Tensor polar_length_backward(const Tensor& g, const Tensor& result) {
  return rustorch::real(g.conj().mul(rustorch::sgn(result))).contiguous();
}

Tensor polar_angle_backward(const Tensor& g, const Tensor& result) {
  return rustorch::real(g.conj().mul(result.mul(std::complex<double>(0, 1)))).contiguous();
}

Tensor derivative_missing(const char* op, const Tensor& /*g*/) {
  raise(ErrorKind::NotImplemented, op, cat("the derivative for '", op, "' is not implemented."));
}

namespace impl {

Tensor square(const Tensor& self) {
  return self.dtype() == kBool ? self.mul(self).to(kInt64) : self.mul(self);
}

Tensor round_decimals(const Tensor& self, int64_t decimals) {
  if (decimals == 0 || is_integral(self.dtype(), true)) return rustorch::round(self);
  const double ten = std::pow(10.0, static_cast<double>(decimals < 0 ? -decimals : decimals));
  return _round_scaled(self, decimals > 0 ? ten : 1, decimals > 0 ? 1 : ten);
}

Tensor logit(const Tensor& self, std::optional<double> eps) {
  Tensor x = is_integral(self.dtype(), true) ? self.to(get_default_dtype()) : self;
  if (eps) x = _logit_clamp(x, *eps, 1 - *eps);
  const Tensor y = _logit(x);
  if (x.dtype() != kBFloat16 && x.dtype() != kFloat16) return y;
  // Half types are rounded after each step, as in PyTorch; the gradient stays that of the whole formula.
  const Tensor inner = x.detach();
  const Tensor steps = rustorch::log(rustorch::div(inner, rustorch::rsub(inner, 1)));
  return y.add(rustorch::nan_to_num(rustorch::sub(steps, y.detach()), 0.0));
}

Tensor nan_to_num(const Tensor& self, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  if (is_integral(self.dtype(), true)) return self.clone();
  if (self.is_complex())
    return rustorch::complex(impl::nan_to_num(rustorch::real(self), nan, posinf, neginf),
                             impl::nan_to_num(rustorch::imag(self), nan, posinf, neginf));
  double top = largest_finite(self.dtype());
  return _nan_to_num(self, nan.value_or(0.0), posinf.value_or(top), neginf.value_or(-top));
}

Tensor bitwise_not(const Tensor& self) {
  return self.dtype() == kBool ? logical_not(self) : _bitwise_not(self);
}

Tensor positive(const Tensor& self) {
  RT_CHECK(self.dtype() != kBool, DType, "positive", "The `+` operator, on a bool tensor is not supported.");
  return self;
}

Tensor angle(const Tensor& self) {
  if (self.is_complex()) return _angle(self);
  Tensor x = is_integral(self.dtype(), true) ? self.to(get_default_dtype()) : self;
  return where(x.lt(0), TensorLike(M_PI), where(x.isnan(), x, zeros_like(x))).to(x.dtype());
}

Tensor conj_physical(const Tensor& self) { return self.is_complex() ? _conj_physical(self) : self.clone(); }
Tensor conj(const Tensor& self) { return self.is_complex() ? _conj_physical(self) : self; }
Tensor resolve_conj(const Tensor& self) { return self; }
Tensor resolve_neg(const Tensor& self) { return self; }

// ---- comparison

Tensor isclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
  RT_CHECK(self.dtype() == other.dtype(), DType, "isclose", dtype_scalar_name(self.dtype()),
           " did not match ", dtype_scalar_name(other.dtype()));
  RT_CHECK(rtol >= 0, Value, "isclose", "rtol must be greater than or equal to zero, but got ", rtol);
  RT_CHECK(atol >= 0, Value, "isclose", "atol must be greater than or equal to zero, but got ", atol);
  Tensor close = self.eq(other);
  if (equal_nan && is_differentiable(self.dtype()))
    close = close.logical_or(self.isnan().logical_and(other.isnan()));
  if (rtol == 0 && atol == 0) return close;
  Tensor a = self, b = other;
  if (is_integral(a.dtype(), true)) {
    a = a.to(get_default_dtype());
    b = b.to(get_default_dtype());
  }
  Tensor error = a.sub(b).abs();
  return close.logical_or(error.isfinite().logical_and(error.le(b.abs().mul(rtol).add(atol))));
}

bool allclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
  NoGradGuard off;
  return rustorch::isclose(self, other, rtol, atol, equal_nan).all().item<bool>();
}

bool equal(const Tensor& self, const Tensor& other) {
  if (self.sizes() != other.sizes()) return false;
  if (self.numel() == 0) return true;
  return self.eq(other).all().item<bool>();
}

Tensor isreal(const Tensor& self) {
  if (!self.is_complex()) return ones_like(self, std::optional<DType>(kBool));
  return rustorch::imag(self).eq(0);
}

// ---- activations

Tensor sgn(const Tensor& self) { return self.is_complex() ? rustorch::_sgn(self) : rustorch::sign(self); }

Tensor relu6(const Tensor& self) { return rustorch::hardtanh(self, 0, 6); }

Tensor gelu(const Tensor& self, std::string_view approximate) {
  if (approximate == "none") return _gelu_erf(self);
  if (approximate == "tanh") return _gelu_tanh(self);
  raise(ErrorKind::Value, "gelu",
        rustorch::cat("approximate argument must be either none or tanh; got ", approximate));
}

Tensor elu(const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) {
  return _elu(self, alpha, scale, input_scale);
}
Tensor celu(const Tensor& self, const Scalar& alpha) {
  RT_CHECK(alpha.to_double() != 0, Value, "celu", "ZeroDivisionError: alpha cannot be 0 for CELU");
  return _elu(self, alpha, 1.0, 1.0 / alpha.to_double());
}
Tensor selu(const Tensor& self) {
  return _elu(self, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0);
}

Tensor prelu(const Tensor& self, const Tensor& weight) {
  RT_CHECK(self.dtype() == weight.dtype(), DType, "prelu", "Type promoting not supported. Got ", self.dtype(),
           " and ", weight.dtype());
  if (weight.numel() != 1) {
    RT_CHECK(self.dim() > 0, Shape, "prelu", "Not allow zero-dim input tensor.");
    int64_t channels = self.dim() < 2 ? 1 : self.size(1);
    RT_CHECK(channels == weight.numel(), Shape, "prelu",
             "Mismatch of parameter numbers and input channel size. Found parameter numbers = ",
             weight.numel(), " and channel size = ", channels, ".");
  }
  RT_CHECK(weight.dim() <= 1, Shape, "prelu",
           "Expected weight to be a scalar or 1D tensor, but got: ndim = ", weight.dim());
  std::vector<int64_t> shape(static_cast<size_t>(std::max<int64_t>(self.dim(), 0)), 1);
  if (self.dim() >= 2) shape[1] = weight.numel();
  return _prelu(self, weight.reshape(shape));
}

Tensor softshrink(const Tensor& self, const Scalar& lambd) {
  RT_CHECK(lambd.to_double() >= 0, Value, "softshrink",
           "lambda must be greater or equal to 0, but found to be ", lambd, ".");
  return _softshrink(self, lambd);
}
Tensor tanhshrink(const Tensor& self) { return self.sub(self.tanh()); }
Tensor softsign(const Tensor& self) { return self.div(self.abs().add(1)); }

}  // namespace impl
}  // namespace rustorch
