// Bodies of the gamma and Dirichlet samplers and of their implicit gradients.
#include <limits>

#include "backend/compute_backend.h"
#include "gen/impl.h"
#include "ops/copy_common.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/generator.h"

namespace rustorch {

namespace {

void check_real_floating(const char* op, const Tensor& t) {
  RT_CHECK(is_floating_point(t.dtype()), NotImplemented, op, "\"", op, "\" not implemented for '",
           dtype_scalar_name(t.dtype()), "'");
}

/// The smallest positive normal number of a floating dtype.
double smallest_normal(DType t) {
  switch (t) {
    case kFloat64:
      return std::numeric_limits<double>::min();
    case kFloat16:
      return 6.103515625e-05;
    default:
      return std::numeric_limits<float>::min();
  }
}

/// Contiguous and of the type that the kernels compute in.
Tensor operand(const Tensor& t, DType wide) { return contiguous_raw(cast_raw(t, wide)); }

/// Gamma numbers of the shapes in `shape`, as `wide`.
Tensor draw_gamma(const Tensor& shape, DType wide, const std::optional<Generator>& generator) {
  RandomCall call{RandomKind::Gamma, make_tensor(shape.sizes(), wide, shape.device())};
  if (call.out.numel() == 0 || call.out.device().is_meta()) return call.out;
  call.p = operand(shape, wide);
  const auto blocks = static_cast<uint64_t>(call.out.numel()) * 64;
  Generator source = generator ? *generator : default_generator();
  const PhiloxState state = source.next(blocks);
  call.seed = state.seed;
  call.offset = state.offset;
  backend_for(call.out).random(call);
  return call.out;
}

Tensor implicit_grad(const char* op, const Tensor& x, const Tensor& a, const Tensor& total) {
  check_real_floating(op, x);
  RT_CHECK(x.sizes() == a.sizes() && (!total.defined() || x.sizes() == total.sizes()), Shape, op,
           "expected operands of one shape; got ", x.sizes(), " and ", a.sizes());
  const DType wide = x.dtype() == kFloat64 ? kFloat64 : kFloat32;
  ImplicitGradCall call{make_tensor(x.sizes(), wide, x.device()), operand(x, wide), operand(a, wide)};
  if (call.out.device().is_meta()) return cast_raw(call.out, x.dtype());
  if (total.defined()) call.total = operand(total, wide);
  backend_for(call.out).implicit_grad(call);
  return cast_raw(call.out, x.dtype());
}

}  // namespace

namespace impl {

Tensor _standard_gamma(const Tensor& self, const std::optional<Generator>& generator) {
  check_real_floating("_standard_gamma", self);
  const DType wide = self.dtype() == kFloat64 ? kFloat64 : kFloat32;
  Tensor out = cast_raw(draw_gamma(self, wide, generator), self.dtype());
  return rustorch::clamp_min(out, Scalar(smallest_normal(self.dtype())));
}

Tensor _standard_gamma_grad(const Tensor& self, const Tensor& output) {
  return implicit_grad("_standard_gamma_grad", output, self, Tensor());
}

Tensor _sample_dirichlet(const Tensor& self, const std::optional<Generator>& generator) {
  check_real_floating("_sample_dirichlet", self);
  const Scalar least(std::numeric_limits<double>::min());
  Tensor parts = rustorch::clamp_min(draw_gamma(self, kFloat64, generator), least);
  const int64_t last[] = {-1};
  Tensor shares = rustorch::div(parts, rustorch::sum(parts, IntArrayRef(last, 1), true));
  return cast_raw(rustorch::clamp(shares, Scalar(smallest_normal(self.dtype())), Scalar(1.0)), self.dtype());
}

Tensor _dirichlet_grad(const Tensor& x, const Tensor& alpha, const Tensor& total) {
  return implicit_grad("_dirichlet_grad", x, alpha, total);
}

}  // namespace impl
}  // namespace rustorch
