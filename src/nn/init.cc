#include "rustorch/nn/init.h"

#include <cmath>
#include <utility>

#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/linalg.h"
#include "rustorch/nn/module.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

namespace {
thread_local bool skipping_init = false;
}

detail::SkipInitGuard::SkipInitGuard() noexcept : before_(std::exchange(skipping_init, true)) {}
detail::SkipInitGuard::~SkipInitGuard() { skipping_init = before_; }
bool detail::init_is_skipped() noexcept { return skipping_init; }

namespace init {

namespace {
/// Runs f on the tensor without recording, unless initialisers are off.
template <class F>
const Tensor& fill(const Tensor& t, F&& f) {
  const NoGradGuard no_grad;
  if (!skipping_init) f();
  return t;
}

std::pair<double, double> fans(const Tensor& t) {
  RT_CHECK(t.dim() >= 2, Value, "init",
           "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
  int64_t field = 1;
  for (int64_t d = 2; d < t.dim(); ++d) field *= t.size(d);
  return {static_cast<double>(t.size(1) * field), static_cast<double>(t.size(0) * field)};
}

double kaiming_std(const Tensor& t, double a, std::string_view mode, std::string_view nonlinearity) {
  RT_CHECK(mode == "fan_in" || mode == "fan_out", Value, "init", "Mode ", mode,
           " not supported, please use one of ['fan_in', 'fan_out']");
  const auto [in, out] = fans(t);
  return calculate_gain(nonlinearity, a) / std::sqrt(mode == "fan_in" ? in : out);
}
}  // namespace

double calculate_gain(std::string_view name, double slope) {
  if (name == "linear" || name == "sigmoid" || name.starts_with("conv")) return 1.0;
  if (name == "tanh") return 5.0 / 3;
  if (name == "relu") return std::sqrt(2.0);
  if (name == "selu") return 3.0 / 4;
  if (name == "leaky_relu") return std::sqrt(2.0 / (1 + slope * slope));
  raise(ErrorKind::Value, "calculate_gain", cat("Unsupported nonlinearity ", name));
}

const Tensor& uniform_(const Tensor& t, double a, double b) {
  return fill(t, [&] { t.uniform_(a, b); });
}
const Tensor& normal_(const Tensor& t, double mean, double std) {
  return fill(t, [&] { t.normal_(mean, std); });
}

const Tensor& trunc_normal_(const Tensor& t, double mean, double std, double a, double b) {
  const auto cdf = [](double x) { return (1.0 + std::erf(x / std::sqrt(2.0))) / 2.0; };
  return fill(t, [&] {
    t.uniform_(2 * cdf((a - mean) / std) - 1, 2 * cdf((b - mean) / std) - 1);
    t.erfinv_();
    t.mul_(std * std::sqrt(2.0)).add_(mean);
    t.clamp_(Scalar(a), Scalar(b));
  });
}

const Tensor& constant_(const Tensor& t, double val) {
  return fill(t, [&] { t.fill_(Scalar(val)); });
}
const Tensor& ones_(const Tensor& t) { return constant_(t, 1.0); }
const Tensor& zeros_(const Tensor& t) {
  return fill(t, [&] { t.zero_(); });
}

const Tensor& eye_(const Tensor& t) {
  RT_CHECK(t.dim() == 2, Value, "init", "Only tensors with 2 dimensions are supported");
  return fill(t, [&] {
    t.zero_();
    t.diagonal().fill_(Scalar(1));
  });
}

const Tensor& dirac_(const Tensor& t, int64_t groups) {
  RT_CHECK(t.dim() >= 3 && t.dim() <= 5, Value, "init",
           "Only tensors with 3, 4, or 5 dimensions are supported");
  RT_CHECK(groups > 0 && t.size(0) % groups == 0, Value, "init", "dim 0 must be divisible by groups");
  return fill(t, [&] {
    t.zero_();
    const int64_t per_group = t.size(0) / groups;
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t d = 0; d < std::min(per_group, t.size(1)); ++d) {
        Tensor at = t.select(0, g * per_group + d).select(0, d);
        while (at.dim() > 0) at = at.select(0, at.size(0) / 2);
        at.fill_(Scalar(1));
      }
    }
  });
}

const Tensor& xavier_uniform_(const Tensor& t, double gain) {
  const auto [in, out] = fans(t);
  const double a = std::sqrt(3.0) * gain * std::sqrt(2.0 / (in + out));
  return init::uniform_(t, -a, a);
}
const Tensor& xavier_normal_(const Tensor& t, double gain) {
  const auto [in, out] = fans(t);
  return init::normal_(t, 0.0, gain * std::sqrt(2.0 / (in + out)));
}
const Tensor& kaiming_uniform_(const Tensor& t, double a, std::string_view mode,
                               std::string_view nonlinearity) {
  if (t.numel() == 0) return t;
  const double bound = std::sqrt(3.0) * kaiming_std(t, a, mode, nonlinearity);
  return init::uniform_(t, -bound, bound);
}
const Tensor& kaiming_normal_(const Tensor& t, double a, std::string_view mode,
                              std::string_view nonlinearity) {
  if (t.numel() == 0) return t;
  return init::normal_(t, 0.0, kaiming_std(t, a, mode, nonlinearity));
}

const Tensor& orthogonal_(const Tensor& t, double gain) {
  RT_CHECK(t.dim() >= 2, Value, "init", "Only tensors with 2 or more dimensions are supported");
  if (t.numel() == 0) return t;
  return fill(t, [&] {
    const int64_t rows = t.size(0), cols = t.numel() / rows;
    Tensor flat = empty({rows, cols}, t.dtype(), t.device());
    flat.normal_(0, 1);
    if (rows < cols) flat = flat.t();
    const auto [q, r] = linalg_qr(flat);
    Tensor out = q * r.diagonal().sign();
    if (rows < cols) out = out.t();
    t.copy_(out.reshape(t.sizes())).mul_(gain);
  });
}

const Tensor& sparse_(const Tensor& t, double sparsity, double std) {
  RT_CHECK(t.dim() == 2, Value, "init", "Only tensors with 2 dimensions are supported");
  return fill(t, [&] {
    const auto zeros = static_cast<int64_t>(std::ceil(sparsity * static_cast<double>(t.size(0))));
    t.normal_(0, std);
    for (int64_t col = 0; col < t.size(1); ++col) {
      t.select(1, col).index_fill_(0, randperm(t.size(0)).narrow(0, 0, zeros), Scalar(0));
    }
  });
}

}  // namespace init
}  // namespace rustorch::nn
